import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { streams, type AuditEvent } from '@keyward/contracts';
import {
  createNatsOperator,
  mintAgentCreds,
  mintServiceCreds,
  type NatsOperator,
  type NatsPermissions,
} from '@keyward/nats-accounts';
import { ensureTopology } from '@keyward/jetstream';
import { createLogin, migrate } from '@keyward/postgres';
import { startService, type RunningService } from '@keyward/service-host';
import {
  sandboxConnectors,
  sandboxVariables,
  testNats,
  testPostgres,
  type TestNats,
  type TestNatsOptions,
  type TestPostgres,
} from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { gatewayService } from '../../apps/gateway/src/service.js';
import { ExecutorStandIn } from './executor-stand-in.js';
import { Seed } from './seed.js';

/** All that are shipped; tests that have to do with the sandbox alone are given no more. */
export const CONNECTORS = fileURLToPath(new URL('../../connectors', import.meta.url));

export interface HarnessOptions {
  /** A server of its own, for tests in which it dies. */
  database?: TestPostgres;
  nats?: TestNatsOptions;
  /** How the test itself connects to account KEYWARD. */
  service?: Partial<ConnectionOptions>;
  env?: Record<string, string>;
}

/** A gateway in this process on a real PostgreSQL and nats-server, with its own least-privilege login. */
export interface Harness {
  gateway: RunningService;
  url: string;
  nats: TestNats;
  /** The test's own connection into account KEYWARD. */
  nc: NatsConnection;
  seed: Seed;
  executor: ExecutorStandIn;
  /** Everything in stream AUDIT, which nobody consumes here. */
  auditEvents(): Promise<AuditEvent[]>;
  /** All that were started, the first included. */
  replicas: readonly RunningService[];
  /** Another replica on the same servers. */
  startReplica(env?: Record<string, string>): Promise<{ url: string; service: RunningService }>;
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/** What the operator-mode harness adds: the bus as it is in production, with its two accounts. */
export interface OperatedHarness extends Harness {
  operator: NatsOperator;
  /** Writes an agent's credentials into a file and returns its path. */
  agentCreds(agent: { org: string; agent: string }, expiresInSeconds?: number): Promise<string>;
}

/** The least that the gateway needs in account KEYWARD: it starts executions, records refusals, asks auth-service, reads results. */
const GATEWAY_MAY: NatsPermissions = {
  publish: [
    'execution.requested.>',
    'execution.v1.>',
    'audit.>',
    'auth.v1.>',
    '$JS.API.STREAM.MSG.GET.*',
    '$JS.API.CONSUMER.INFO.>',
    '_INBOX.>',
  ],
  subscribe: ['_INBOX.>', 'control.revoked', 'control.catalog_changed', 'execution.v1.outcome'],
};

/**
 * @param bridge what nats-server lets the gateway do in account AGENTS. Left out: everything, so that a test shows what the gateway
 * itself refuses and not what the server would have stopped.
 */
export async function startOperatedHarness(bridge?: NatsPermissions): Promise<OperatedHarness> {
  const operator = await createNatsOperator();
  const dir = mkdtempSync(join(tmpdir(), 'keyward-creds-'));
  const write = (name: string, creds: string) => {
    const path = join(dir, name);
    writeFileSync(path, creds, { mode: 0o600 });
    return path;
  };
  const service = write('service.creds', await mintServiceCreds(operator, 'KEYWARD', 'service'));
  const harness = await startHarness({
    nats: { operator },
    service: { authenticator: credsAuthenticator(readFileSync(service)) },
    env: {
      KEYWARD_NATS_CREDS_FILE: write('gateway.creds', await mintServiceCreds(operator, 'KEYWARD', 'gateway', GATEWAY_MAY)),
      KEYWARD_NATS_AGENTS_CREDS_FILE: write('bridge.creds', await mintServiceCreds(operator, 'AGENTS', 'gateway', bridge)),
    },
  });
  return {
    ...harness,
    operator,
    agentCreds: async (agent, expiresInSeconds) =>
      write(`${agent.agent}.creds`, await mintAgentCreds(operator, agent, expiresInSeconds)),
    stop: async () => {
      await harness.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const [database, nats] = await Promise.all([options.database ?? testPostgres(), testNats(options.nats)]);
  await migrate(database.url);
  const [login, password] = [`gateway_${randomBytes(4).toString('hex')}`, randomBytes(12).toString('hex')];
  await createLogin(database.url, { service: 'gateway', login, password });
  const databaseUrl = new URL(database.url);
  [databaseUrl.username, databaseUrl.password] = [login, password];

  const nc = await connect({ servers: nats.url, ...options.service });
  await ensureTopology(nc);
  const seed = await Seed.open(database.url);
  const executor = await ExecutorStandIn.start(nc);
  const services: RunningService[] = [];

  const startReplica = async (env: Record<string, string> = {}) => {
    const service = await startService(gatewayService(), {
      KEYWARD_DATABASE_URL: databaseUrl.href,
      KEYWARD_NATS_URL: nats.url,
      KEYWARD_CONNECTORS_DIR: sandboxConnectors(CONNECTORS),
      KEYWARD_CONNECTOR_VARIABLES: sandboxVariables('http://127.0.0.1:9'),
      KEYWARD_HTTP_PORT: '0',
      KEYWARD_OPS_PORT: '0',
      KEYWARD_DRAIN_TIMEOUT_MS: '2000',
      KEYWARD_LOG_LEVEL: process.env['KEYWARD_LOG_LEVEL'] ?? 'fatal',
      ...options.env,
      ...env,
    });
    services.push(service);
    const { httpUrl } = await service.started;
    if (httpUrl === undefined) throw new Error('the gateway has no HTTP door');
    return { url: httpUrl, service };
  };
  const { url, service: gateway } = await startReplica();

  return {
    ...{ gateway, url, nats, nc, seed, executor, startReplica, replicas: services },
    auditEvents: () => auditEvents(nc),
    metrics: async () => (await fetch(new URL('/metrics', gateway.opsUrl))).text(),
    stop: async () => {
      await Promise.all(services.map((service) => service.stop()));
      await executor.stop();
      await nc.close();
      await seed.close();
      await nats.stop();
      await database.stop();
    },
  };
}

async function auditEvents(nc: NatsConnection): Promise<AuditEvent[]> {
  const manager = await jetstreamManager(nc);
  const { state } = await manager.streams.info(streams.audit);
  const events: AuditEvent[] = [];
  for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(streams.audit, { seq });
    if (message !== null) events.push(message.json<AuditEvent>());
  }
  return events;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** One HTTP request as an agent makes it. */
export async function ask(
  url: string,
  path: string,
  options: { key?: string; body?: unknown; method?: string } = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}
