import { setTimeout as delay } from 'node:timers/promises';
import { KeywardError, type ErrorCode } from '@keyward/contracts';
import { backoffMs } from './backoff.js';

const BOUNDS = { baseMs: 50, maxMs: 2000 };
const PATIENCE_MS = 300_000;
/** What no repetition mends: the organization's keys are destroyed, or what is to be kept can not be. */
const FINAL = new Set<ErrorCode>(['revoked', 'not_found', 'invalid_request']);

/**
 * For what must not be given up because it cannot be had again: the answer to a redeemed refresh token, while the store or the key
 * service is away. Gives up after five minutes, or with the process; then what was begun in the store tells the next one.
 */
export async function persistently<T>(task: () => Promise<T>, onFailure: (error: unknown, attempt: number) => void): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (performance.now() >= giveUpAt || (error instanceof KeywardError && FINAL.has(error.code))) throw error;
      onFailure(error, attempt);
      await delay(backoffMs(attempt, BOUNDS));
    }
  }
}
