import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findNatsServer, freePort, startPostgres, type NatsServer, type PostgresServer } from '@keyward/embedded';
import { createNatsOperator, type NatsOperator } from '@keyward/nats-accounts';
import { createLogin } from '@keyward/postgres';
import { ensureBuilt } from '../ensure-built.js';
import { takeLock } from '../home/lock.js';
import { makeHome, stackPaths, type StackPaths } from '../home/paths.js';
import { choosePorts } from '../home/ports.js';
import { loadSecrets, saveSecrets, touchPrivate, type SecretsWithPorts } from '../home/secrets.js';
import { runChild } from '../process/child.js';
import { newLog } from '../process/logs.js';
import { Supervised } from '../process/supervised.js';
import { root } from '../root.js';
import { seed, USER } from '../seed/seed.js';
import {
  addressesOf,
  credsFile,
  sandboxEnvironment,
  serviceLogin,
  serviceRole,
  type Addresses,
} from '../services/definitions.js';
import { SERVICES } from '../services/names.js';
import { writeNatsUsers } from '../services/nats-users.js';
import { untilReady } from '../services/readiness.js';
import { Balancer } from './balancer.js';
import { spreadStreams, startNatsCluster, untilInSync } from './nats-cluster.js';
import { Replica } from './replica.js';
import type { StackInfo } from '../stack-info.js';

/** How many of each: what the chart's values for production say. */
const NATS_SERVERS = 3;
const REPLICAS = 2;
const SANDBOX_STOP_MS = 3_000;

export interface KeptPostgres {
  /** As superuser. */
  readonly url: string;
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** After `kill`. */
  restart(): Promise<void>;
}

export interface ClusterOptions {
  dir: string;
  /** The directory that `npm run image` made of the version to start with. */
  image: string;
  tell: (message: string) => void;
  signal: AbortSignal;
}

export interface Cluster {
  readonly info: Pick<
    StackInfo,
    'gatewayUrl' | 'authUrl' | 'auditUrl' | 'sandbox' | 'org' | 'user' | 'agent' | 'agentKey' | 'admin'
  >;
  readonly sandboxManagementToken: string;
  /** In the order in which a rollout replaces them. */
  readonly replicas: readonly Replica[];
  readonly natsServers: readonly NatsServer[];
  readonly postgres: KeptPostgres;
  /** Brings the database to the schema of that image, while everything works. */
  migrate(image: string): Promise<void>;
  /** Resolves when every stream is on all servers again. */
  natsInSync(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Production's shape on one machine: three nats-servers that keep each stream together, two processes of every service behind one address
 * each, PostgreSQL, and the sandbox provider. @throws Error that says what failed; nothing is left running then
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const paths = stackPaths(options.dir);
  makeHome(paths);
  const cleanups: (() => void | Promise<void>)[] = [takeLock(paths)];
  const stop = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    await ensureBuilt(options.tell);
    return { ...(await start(options, paths, cleanups)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Cleanups = (() => void | Promise<void>)[];

async function start(options: ClusterOptions, paths: StackPaths, cleanups: Cleanups): Promise<Omit<Cluster, 'stop'>> {
  const { image, tell, signal } = options;
  const secrets = await secretsAndPorts(paths, cleanups);
  const operator = await createNatsOperator(secrets.natsSeeds);
  await writeNatsUsers(operator, paths);
  const natsServers = await startBus(paths, operator, cleanups);
  const addresses = { ...addressesOf(secrets.ports), natsUrl: natsServers.map(({ url }) => url).join(',') };
  const kept = credsFile(paths, 'tool-executor');
  await spreadStreams(addresses.natsUrl, kept, NATS_SERVERS, signal);
  tell(`${NATS_SERVERS} nats-servers keep every stream`);

  const postgres = await keptPostgres(paths, secrets);
  cleanups.push(() => postgres.stop());
  addresses.databaseUrl = postgres.url;
  await migrateWith(image, postgres, tell);
  await makeLogins(postgres, secrets);
  await startSandbox(paths, secrets, addresses, cleanups, options);

  const replicas = await startReplicas(options, { paths, secrets, addresses, operator, cleanups });
  const seeded = await seed(addresses, secrets);
  saveSecrets(paths, { ...secrets, agentKey: seeded.agentKey });
  signal.throwIfAborted();
  return {
    info: {
      ...{ gatewayUrl: addresses.gatewayUrl, authUrl: addresses.authUrl, auditUrl: addresses.auditUrl },
      ...{ ...seeded, user: USER, admin: { token: secrets.adminToken } },
      sandbox: { url: addresses.sandboxUrl, user: secrets.sandbox.user, password: secrets.sandbox.password },
    },
    sandboxManagementToken: secrets.sandbox.managementToken,
    ...{ replicas, natsServers, postgres },
    migrate: (newer) => migrateWith(newer, postgres, tell),
    natsInSync: () => untilInSync(addresses.natsUrl, kept, NATS_SERVERS, signal),
  };
}

async function secretsAndPorts(paths: StackPaths, cleanups: Cleanups): Promise<SecretsWithPorts> {
  const kept = await loadSecrets(paths);
  const { ports, release } = await choosePorts(kept.ports, false);
  cleanups.push(release);
  const secrets = { ...kept, ports };
  saveSecrets(paths, secrets);
  return secrets;
}

async function startBus(paths: StackPaths, operator: NatsOperator, cleanups: Cleanups): Promise<NatsServer[]> {
  const { binary } = await findNatsServer();
  const servers = await startNatsCluster({ ...{ binary, operator, count: NATS_SERVERS }, dir: paths.nats, logs: paths.logs });
  for (const server of servers) cleanups.push(() => server.stop());
  return servers;
}

/** Starts it again on its data after a crash, as whoever runs it would. */
async function keptPostgres(paths: StackPaths, secrets: SecretsWithPorts): Promise<KeptPostgres> {
  const logFile = newLog(paths.logs, 'postgres');
  const open = (): Promise<PostgresServer> => startPostgres({ dataDir: paths.postgres, port: secrets.ports.postgres, logFile });
  let server = await open();
  return {
    url: server.url,
    stop: () => server.stop(),
    kill: () => server.kill(),
    restart: async () => void (server = await open()),
  };
}

/** By the code of that image, as its migration job would. */
async function migrateWith(image: string, postgres: KeptPostgres, tell: (message: string) => void): Promise<void> {
  const file = pathToFileURL(join(image, 'libs/adapters/postgres/dist/index.js'));
  const { migrate } = (await import(file.href)) as typeof import('@keyward/postgres');
  await migrate(postgres.url, (step) => tell(`database: ${step}`));
}

async function makeLogins(postgres: KeptPostgres, secrets: SecretsWithPorts): Promise<void> {
  for (const name of SERVICES) {
    const password = secrets.databasePasswords[name];
    await createLogin(postgres.url, { service: serviceRole(name), login: serviceLogin(name), password });
  }
}

async function startSandbox(
  paths: StackPaths,
  secrets: SecretsWithPorts,
  addresses: Addresses,
  cleanups: Cleanups,
  { tell, signal }: ClusterOptions,
): Promise<void> {
  const env = sandboxEnvironment({ paths, secrets });
  const logFile = newLog(paths.logs, 'sandbox');
  touchPrivate(paths.sandboxDatabase);
  const script = join(root, 'apps', 'sandbox-provider', 'dist', 'main.js');
  const launch = () => runChild({ script, env, logFile, stopTimeoutMs: SANDBOX_STOP_MS });
  const supervised = new Supervised({ name: 'sandbox', logFile, launch, tell });
  cleanups.push(() => supervised.stop());
  await supervised.start();
  await untilReady(supervised, `${addresses.sandboxUrl}/.well-known/openid-configuration`, signal);
}

interface Surroundings {
  paths: StackPaths;
  secrets: SecretsWithPorts;
  addresses: Addresses;
  operator: NatsOperator;
  cleanups: Cleanups;
}

async function startReplicas({ image, tell, signal }: ClusterOptions, around: Surroundings): Promise<Replica[]> {
  const { paths, secrets, addresses, operator, cleanups } = around;
  const settings = { paths, secrets, addresses, agentsAccount: operator.accounts.AGENTS.publicKey, connectorsDir: '' };
  const env = { KEYWARD_NATS_STREAM_REPLICAS: String(NATS_SERVERS) };
  const replicas: Replica[] = [];
  for (const service of SERVICES) {
    const own: Replica[] = [];
    for (let index = 0; index < REPLICAS; index++) {
      const ports = { door: await freePort(), operations: await freePort() };
      own.push(new Replica({ service, index, ports, settings, env, tell }));
    }
    replicas.push(...own);
    cleanups.push(async () => void (await Promise.all(own.map((replica) => replica.stop()))));
    if (service in secrets.ports) {
      const balancer = new Balancer(own);
      await balancer.listen(secrets.ports[service as 'gateway']);
      cleanups.push(() => balancer.close());
    }
    await Promise.all(own.map((replica) => replica.start(image, signal)));
    tell(`${REPLICAS} of ${service} are ready`);
  }
  return replicas;
}
