import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from './backoff.js';

const BOUNDS = { baseMs: 50, maxMs: 2000 };
const PATIENCE_MS = 300_000;

/**
 * For what must not be given up because it cannot be had again: the answer to a redeemed refresh token, while the store or the key
 * service is away. Gives up after five minutes, or with the process; then the intent in the store tells the next one.
 */
export async function persistently<T>(task: () => Promise<T>, onFailure: (error: unknown, attempt: number) => void): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (performance.now() >= giveUpAt) throw error;
      onFailure(error, attempt);
      await delay(backoffMs(attempt, BOUNDS));
    }
  }
}
