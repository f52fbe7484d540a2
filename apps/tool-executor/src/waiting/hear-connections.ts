import { connectionEventSchema, KeywardError, streams, subjects, type ConnectionEvent } from '@keyward/contracts';
import { JetStreamBatchServer, type BatchMessage, type Publisher } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { sendAgain } from './send-again.js';
import type { Sign, WaitingRows } from './waiting-rows.js';

const BATCH_SIZE = 500;
const LINGER_MS = 20;
/** Each comes with its request, up to 256 KiB: however many wait for one connection, so many are in memory. */
const WOKEN_AT_ONCE = 100;
const ACK_WAIT_MS = 10_000;
const BACKOFF_MS = [250, 1_000, 5_000];
/** What may be the end of somebody's waiting. */
const HELPFUL: ReadonlySet<ConnectionEvent['event']> = new Set(['authorized', 'scopes_changed', 'refreshed', 'revoked']);

export interface HearingOptions {
  nc: NatsConnection;
  rows: Pick<WaitingRows, 'wake' | 'published'>;
  publisher: Publisher;
  logger: Logger;
}

/** Events of connections, for all replicas together: whatever waits for one is taken up again, by whichever replica gets its message. */
export function connectionEvents({ nc, rows, publisher, logger }: HearingOptions): JetStreamBatchServer {
  return new JetStreamBatchServer({
    ...{ nc, logger, stream: streams.connections, durable: 'tool-executor-resume', filter: subjects.connectionEventAll },
    ...{ batchSize: BATCH_SIZE, concurrency: 1, lingerMs: LINGER_MS, ackWaitMs: ACK_WAIT_MS, backoff: BACKOFF_MS },
    handle: async (batch) => {
      const signs = batch.map(signOf).filter((sign) => sign !== undefined);
      if (signs.length === 0) return;
      await wakeAll({ rows, publisher }, signs);
    },
  });
}

async function wakeAll({ rows, publisher }: Pick<HearingOptions, 'rows' | 'publisher'>, signs: readonly Sign[]): Promise<void> {
  const heardAt = performance.now();
  for (;;) {
    const woken = await rows.wake(signs, WOKEN_AT_ONCE, performance.now() - heardAt);
    await Promise.all(woken.map((row) => sendAgain(publisher, rows, row)));
    if (woken.length < WOKEN_AT_ONCE) return;
  }
}

/** Undefined where it helps nobody, or can not be read. */
function signOf(message: BatchMessage): Sign | undefined {
  const parsed = connectionEventSchema.safeParse(jsonOf(message.data));
  if (!parsed.success) {
    message.reject(new KeywardError('invalid_request', 'The connection event can not be read.', { cause: parsed.error }));
    return undefined;
  }
  const { org, provider, agent, user, connection, event } = parsed.data;
  return HELPFUL.has(event) ? { org, provider, agent, user, connection, event } : undefined;
}

function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString()) as unknown;
  } catch {
    return undefined;
  }
}
