import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, startNats, type NatsServer } from '@keyward/embedded';
import { connectNats, ensureTopology } from '@keyward/jetstream';
import type { NatsOperator } from '@keyward/nats-accounts';
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { newLog } from '../process/logs.js';

const SYNC_TIMEOUT_MS = 90_000;
const POLL_MS = 200;

export interface NatsClusterOptions {
  binary: string;
  operator: NatsOperator;
  count: number;
  dir: string;
  logs: string;
}

/** Servers that find each other on this machine; JetStream answers once most of them are there. */
export async function startNatsCluster({ binary, operator, count, dir, logs }: NatsClusterOptions): Promise<NatsServer[]> {
  const routePorts: number[] = [];
  for (let index = 0; index < count; index++) routePorts.push(await freePort());
  const servers: NatsServer[] = [];
  try {
    for (const [index, port] of routePorts.entries()) {
      const serverName = `nats-${index}`;
      const cluster = { serverName, clusterName: 'keyward', port, routePorts };
      const server = { storeDir: join(dir, serverName), logFile: newLog(logs, serverName) };
      servers.push(await startNats({ ...server, ...{ binary, operator, cluster } }));
    }
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

/**
 * Makes every stream, on that many servers, once they have agreed on who leads. Before any service does: an older version of them may
 * know no other number than one.
 */
export async function spreadStreams(natsUrl: string, credsFile: string, count: number, signal: AbortSignal): Promise<void> {
  await untilNone('The streams could not be made', signal, () =>
    withNats(natsUrl, credsFile, async (nc) => {
      await ensureTopology(nc, { replicas: count });
      return [];
    }),
  );
}

/** Resolves when every stream has a leader and that many copies that are up to date. @throws Error after 90 s, with what lags */
export async function untilInSync(natsUrl: string, credsFile: string, count: number, signal: AbortSignal): Promise<void> {
  await untilNone('The streams were not in sync', signal, () => withNats(natsUrl, credsFile, (nc) => laggingStreams(nc, count)));
}

async function untilNone(what: string, signal: AbortSignal, look: () => Promise<string[]>): Promise<void> {
  const deadline = Date.now() + SYNC_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    const missing = await look().catch((error: unknown) => [String(error)]);
    if (missing.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${what} within ${SYNC_TIMEOUT_MS / 1000} s: ${missing.join(', ')}`);
    await delay(POLL_MS, undefined, { signal });
  }
}

async function withNats<T>(natsUrl: string, credsFile: string, work: (nc: NatsConnection) => Promise<T>): Promise<T> {
  const nc = await connectNats({ servers: natsUrl.split(','), credsFile, name: 'cluster' });
  try {
    return await work(nc);
  } finally {
    await nc.close();
  }
}

async function laggingStreams(nc: NatsConnection, count: number): Promise<string[]> {
  const jsm = await jetstreamManager(nc);
  const all: StreamInfo[] = await jsm.streams.list().next();
  return all.filter((stream) => !isInSync(stream, count)).map(({ config }) => config.name);
}

function isInSync({ cluster }: StreamInfo, count: number): boolean {
  const followers = cluster?.replicas ?? [];
  return cluster?.leader !== undefined && followers.length === count - 1 && followers.every(({ current }) => current);
}
