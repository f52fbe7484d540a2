const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** After the 1st, 2nd … failed attempt: thirteen attempts over about three days. */
const WAITS_MS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
];
/** What failed together is not to come again together. */
const JITTER = 0.25;

/**
 * @param attempts made so far, the one that failed just now included
 * @param retryAfterMs what the receiver asked for, where it is longer
 * @returns undefined: it is given up
 */
export function waitMs(
  attempts: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number | undefined {
  const wait = WAITS_MS[attempts - 1];
  if (wait === undefined) return undefined;
  return Math.max(wait * (1 + JITTER * (2 * random() - 1)), retryAfterMs ?? 0);
}
