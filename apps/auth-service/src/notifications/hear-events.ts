import { setTimeout as delay } from 'node:timers/promises';
import { streams } from '@keyward/contracts';
import { ensureTopology, JetStreamBatchServer, type TopologyOptions } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { addDeliveries } from './add-deliveries.js';

const BATCH_SIZE = 500;
const LINGER_MS = 50;
const ACK_WAIT_MS = 10_000;
const BACKOFF_MS = [250, 1_000, 5_000];
const RETRY_MS = 2_000;

export interface HearEventsOptions {
  nats: NatsConnection;
  topology: TopologyOptions;
  dataSource: DataSource;
  logger: Logger;
  /** There is something to deliver. */
  onAdded: () => void;
}

/**
 * Everything that stream CONNECTIONS holds, for all replicas together. A consumer that is made anew, or late, begins at the stream's
 * first event and so misses none: what was told is not told again, nor what happened before an endpoint was added. In the background:
 * who administers need not wait for JetStream.
 * @returns what stops it
 */
export function hearEvents({ nats, topology, dataSource, logger, onAdded }: HearEventsOptions): () => Promise<void> {
  const server = new JetStreamBatchServer({
    ...{ nc: nats, logger, stream: streams.connections, durable: 'auth-service-webhooks', filter: '>' },
    ...{ batchSize: BATCH_SIZE, concurrency: 1, lingerMs: LINGER_MS, ackWaitMs: ACK_WAIT_MS, backoff: BACKOFF_MS },
    handle: async (batch) => {
      if ((await addDeliveries(dataSource, batch)) > 0) onAdded();
    },
  });
  const stopping = new AbortController();
  const listening = keepTrying(
    async () => {
      await ensureTopology(nats, topology);
      await new Promise<void>((resolve, reject) =>
        server.listen((error) => (error === undefined ? resolve() : reject(error as Error))),
      );
    },
    stopping.signal,
    logger,
  );
  return async () => {
    stopping.abort();
    await listening;
    await server.close();
  };
}

async function keepTrying(attempt: () => Promise<void>, signal: AbortSignal, logger: Logger): Promise<void> {
  while (!signal.aborted) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'webhooks wait for JetStream');
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
