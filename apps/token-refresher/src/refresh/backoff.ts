export interface BackoffBounds {
  baseMs: number;
  maxMs: number;
}

/**
 * Pause before the next attempt: doubles with every failure in a row, and somewhere between half and all of it, so that
 * credentials that failed together do not come back together.
 *
 * @param failures failures in a row before this one
 */
export function backoffMs(failures: number, { baseMs, maxMs }: BackoffBounds, random: () => number = Math.random): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
  return ceiling * (0.5 + random() / 2);
}
