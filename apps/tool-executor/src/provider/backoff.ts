const BASE_MS = 200;
const CAP_MS = 5_000;
/** On top of what the provider asked for, so that those it sent away together do not come back together. */
const AFTER_MS = 250;

/**
 * Pause before the next request: full jitter, that is anything between nothing and an exponentially growing bound; where the provider
 * said when to come again, not before that.
 *
 * @param attempts requests sent so far, 1 or more
 */
export function backoffMs(attempts: number, retryAfterMs: number | undefined, random: () => number): number {
  if (retryAfterMs !== undefined) return retryAfterMs + random() * AFTER_MS;
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempts - 1));
}
