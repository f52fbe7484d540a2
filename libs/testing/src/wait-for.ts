import { setTimeout as delay } from 'node:timers/promises';

export interface WaitForOptions {
  /** Default 10 000. */
  timeoutMs?: number;
  /** Default 10. */
  intervalMs?: number;
  /** What is waited for, for the message when it does not come. */
  what?: string;
}

/**
 * Polls `condition` until it gives a truthy value, and returns that. Whatever it throws counts as "not yet"; the last thing it threw
 * is the cause of the error when time is up.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitForOptions = {}): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline)
      throw new Error(`Not within ${timeoutMs} ms: ${options.what ?? condition.toString()}`, { cause: last });
    await delay(options.intervalMs ?? 10);
  }
}
