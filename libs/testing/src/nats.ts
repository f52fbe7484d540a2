import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWhenGone, startNats } from '@keyward/embedded';
import type { NatsOperator } from '@keyward/nats-accounts';
import { connect } from '@nats-io/transport-node';
import { testBackend } from './backend.js';

export interface TestNatsOptions {
  /** Accounts and logins by JWT. Without it: one account, no login. */
  operator?: NatsOperator;
  /** JetStream's limit on disk, for tests of a full store. */
  maxStoreBytes?: number;
}

export interface TestNats {
  url: string;
  port: number;
  version: string;
  /** Ends the server and removes its store. */
  stop(): Promise<void>;
  /** As a crash would; the store stays. */
  kill(): Promise<void>;
  /** On the same port and store. */
  restart(): Promise<void>;
}

/** A nats-server with JetStream and an empty store, for one test file or test. */
export async function testNats(options: TestNatsOptions = {}): Promise<TestNats> {
  const backend = await testBackend();
  if (backend === 'testcontainers') {
    // Loaded where it is used: it takes longer to load than an embedded server takes to start.
    const { containerNats } = await import('./container-nats.js');
    return containerNats(options);
  }
  // What a server of somebody else cannot be made to do, ours does.
  const needsOurs = options.operator !== undefined || options.maxStoreBytes !== undefined;
  return backend === 'external' && !needsOurs ? externalNats() : embeddedNats(options);
}

async function embeddedNats(options: TestNatsOptions): Promise<TestNats> {
  const storeDir = mkdtempSync(join(tmpdir(), 'keyward-nats-'));
  removeWhenGone(storeDir);
  const server = await startNats({ ...options, storeDir });
  return {
    url: server.url,
    port: server.port,
    version: server.version,
    stop: async () => {
      await server.stop();
      rmSync(storeDir, { recursive: true, force: true });
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
  };
}

async function externalNats(): Promise<TestNats> {
  const url = process.env['KEYWARD_TEST_NATS_URL'] ?? process.env['NATS_URL'];
  if (url === undefined)
    throw new Error('KEYWARD_TEST_BACKEND=external needs KEYWARD_TEST_NATS_URL: a nats-server for tests, without login.');
  const version = await deleteAllStreams(url);
  const refuse = (): Promise<void> =>
    Promise.reject(new Error('This test kills its nats-server: run it with KEYWARD_TEST_BACKEND=embedded or testcontainers.'));
  return {
    url,
    port: Number(new URL(url).port || 4222),
    version,
    stop: async () => void (await deleteAllStreams(url)),
    kill: refuse,
    restart: refuse,
  };
}

/** Leaves an external server as empty as a new one. Run files one at a time on it (`jest -w 1`): they share their streams' names. */
async function deleteAllStreams(url: string): Promise<string> {
  const connection = await connect({ servers: url });
  try {
    const { streams } = (await connection.request('$JS.API.STREAM.NAMES')).json<{ streams: string[] | null }>();
    for (const stream of streams ?? []) await connection.request(`$JS.API.STREAM.DELETE.${stream}`);
    return connection.info?.version ?? 'unknown';
  } finally {
    await connection.close();
  }
}
