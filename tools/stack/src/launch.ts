import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createNatsOperator, type NatsOperator } from '@keyward/nats-accounts';
import { createLogin, migrate } from '@keyward/postgres';
import { CONNECTORS } from './emulate/emulatable.js';
import { stageConnectors } from './emulate/stage-connectors.js';
import type { StackPaths } from './home/paths.js';
import { saveSecrets, touchPrivate, type SecretsWithPorts } from './home/secrets.js';
import { runChild } from './process/child.js';
import { newLog } from './process/logs.js';
import type { Processes } from './process/processes.js';
import { supervisedNats, supervisedPostgres } from './process/servers.js';
import { Supervised } from './process/supervised.js';
import { root } from './root.js';
import { keepAgentCredentials } from './seed/agent-credentials.js';
import { seed } from './seed/seed.js';
import {
  DRAIN_TIMEOUT_MS,
  sandboxEnvironment,
  serviceEnvironment,
  serviceLogin,
  serviceRole,
  addressesOf,
  nodeFlags,
  type Addresses,
} from './services/definitions.js';
import { SERVICES, type ServiceName } from './services/names.js';
import { writeNatsUsers } from './services/nats-users.js';
import { untilReady } from './services/readiness.js';
import { describeStack, writeStackInfo, type StackInfo } from './stack-info.js';
import type { StackOptions } from './stack.js';

/** Killed when it has not stopped a little after its own drain must have ended. */
const STOP_TIMEOUT_MS = DRAIN_TIMEOUT_MS + 2_000;

export interface LaunchOptions {
  options: StackOptions;
  paths: StackPaths;
  secrets: SecretsWithPorts;
  processes: Processes;
  tell: (message: string) => void;
}

interface Launch extends LaunchOptions {
  addresses: Addresses;
  signal: AbortSignal;
  onRestart: () => void;
}

export interface Launched {
  info: StackInfo;
  release: () => void;
}

/**
 * Waits for all, even when one fails: what is still starting could not be stopped. The failure tells the others to give up.
 * @throws what failed first
 */
async function together(failed: AbortController, ...works: Promise<void>[]): Promise<void> {
  await Promise.allSettled(works.map((work) => work.catch((error: unknown) => failed.abort(error))));
  failed.signal.throwIfAborted();
}

/** The order of a start; what does not need each other goes at once. Whatever fails, the caller stops `processes`. */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { paths, secrets, processes, tell } = options;
  const addresses = addressesOf(secrets.ports);
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.options.signal === undefined ? [] : [options.options.signal])]);
  const ready: { info?: StackInfo } = {};
  const onRestart = (): void => {
    if (ready.info !== undefined) writeStackInfo(paths, Object.assign(ready.info, { pids: processes.pids() }));
  };
  const context: Launch = { ...options, addresses, signal, onRestart };
  const operator = await createNatsOperator(secrets.natsSeeds);
  await together(failed, startDatabase(context), startBus(context, operator), startSandbox(context));
  const { emulated } = secrets;
  if (emulated.length > 0) {
    stageConnectors(emulated, addresses.sandboxUrl, paths.connectors);
    tell(`The sandbox stands for ${emulated.join(', ')}`);
  }
  tell('Starting the services …');
  await together(failed, ...SERVICES.map((name) => startService(context, name, operator)));
  const seeded = await seed(addresses, secrets);
  saveSecrets(paths, { ...secrets, agentKey: seeded.agentKey });
  const credentials = await keepAgentCredentials(addresses.authUrl, seeded, paths.agentCredsFile, tell);
  ready.info = describeStack(options, addresses, seeded);
  writeStackInfo(paths, ready.info);
  return { info: ready.info, release: () => credentials.stop() };
}

async function startDatabase({ paths, processes, secrets, addresses, tell, onRestart }: Launch): Promise<void> {
  const { ports } = secrets;
  const { supervised, url } = supervisedPostgres(paths, ports, { tell, onRestart });
  await processes.start('postgres', supervised);
  addresses.databaseUrl = url();
  tell(`PostgreSQL answers on port ${ports.postgres}`);
  await migrate(addresses.databaseUrl, (step) => tell(`Database: ${step}`));
  for (const name of SERVICES) {
    const login = { service: serviceRole(name), login: serviceLogin(name), password: secrets.databasePasswords[name] };
    await createLogin(addresses.databaseUrl, login);
  }
}

async function startBus(context: Launch, operator: NatsOperator): Promise<void> {
  const { paths, processes, tell, onRestart, signal } = context;
  const { ports } = context.secrets;
  if (process.env['NATS_URL'] !== undefined) {
    tell('NATS_URL is not used here: the stack has accounts of its own, and so a nats-server of its own.');
  }
  await writeNatsUsers(operator, paths);
  await processes.start('nats', await supervisedNats(paths, ports, operator, { tell, onRestart }, signal));
  tell(`nats-server answers on port ${ports.nats}`);
}

function startSandbox(context: Launch): Promise<void> {
  const { paths, secrets, addresses, options } = context;
  const environment = sandboxEnvironment({ paths, secrets, accessTokenTtlSeconds: options.accessTokenTtlSeconds });
  touchPrivate(paths.sandboxDatabase);
  const readyUrl = `${addresses.sandboxUrl}/.well-known/openid-configuration`;
  return startProgram(context, 'sandbox', 'sandbox-provider', environment, readyUrl);
}

function startService(context: Launch, name: ServiceName, operator: NatsOperator): Promise<void> {
  const { paths, secrets, addresses } = context;
  const connectorsDir = secrets.emulated.length === 0 ? CONNECTORS : paths.connectors;
  const settings = { paths, secrets, addresses, agentsAccount: operator.accounts.AGENTS.publicKey, connectorsDir };
  const readyUrl = `http://127.0.0.1:${secrets.ports[`${name} metrics`]}/readyz`;
  return startProgram(context, name, name, serviceEnvironment(name, settings), readyUrl);
}

async function startProgram(
  { options, paths, processes, signal, tell, onRestart }: Launch,
  name: ServiceName | 'sandbox',
  app: string,
  environment: Record<string, string>,
  readyUrl: string,
): Promise<void> {
  const script = join(root, 'apps', app, 'dist', 'main.js');
  if (!existsSync(script)) throw new Error(`${script} is not there. Build first: npm run build`);
  const logFile = newLog(paths.logs, name);
  const env = { ...environment, ...options.env, ...options.serviceEnv?.[name] };
  const flags = name === 'sandbox' ? [] : nodeFlags(name);
  const launchChild = () => runChild({ script, nodeFlags: flags, env, logFile, stopTimeoutMs: STOP_TIMEOUT_MS });
  const supervised = new Supervised({ name, logFile, launch: launchChild, tell, onRestart });
  await processes.start(name, supervised);
  await untilReady(supervised, readyUrl, signal);
  tell(`${name} is ready`);
}
