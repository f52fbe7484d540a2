import { executionRequests, type OutcomeNotice } from '@keyward/contracts';
import { ask } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';

const TIMEOUT_MS = 1_000;
const TRIES = 2;

/** Tells the gateway of outcomes that nobody waits for at the moment, so that an agent that listens on the bus hears of them. */
export interface Notices {
  /** Does not fail: the outcome is kept, and is found by whoever looks. */
  send(notice: OutcomeNotice): Promise<void>;
}

export function noticesOverNats(nc: NatsConnection, logger: Pick<Logger, 'warn'>): Notices {
  return {
    send: async (notice) => {
      for (let left = TRIES; left > 0; left--) {
        try {
          await ask(nc, executionRequests.outcome, notice, { timeoutMs: TIMEOUT_MS, silence: 'No gateway is listening.' });
          return;
        } catch (error) {
          if (left === 1)
            logger.warn({ err: error, execution_id: notice.result.id }, 'nobody was told of an outcome; it is kept');
        }
      }
    },
  };
}
