import type { ErrorCode, KeywardError } from '@keyward/contracts';

const DEFAULT_BACKOFF_MS = [250, 1000, 5000, 15_000] as const;

/** Server-side failures that a retry cannot mend, or must not: the outcome of a repeated write would be unknown twice. */
const PERMANENT_ABOVE_500 = new Set<ErrorCode>(['deadline_exceeded', 'outcome_unknown', 'response_too_large']);

/** Whether trying the same message again can only fail the same way. */
export function isPermanent(error: KeywardError): boolean {
  if (error.code === 'rate_limited') return false;
  return error.httpStatus < 500 || PERMANENT_ABOVE_500.has(error.code);
}

/** Milliseconds until the next delivery: the step's pause or what the other side asked for, plus up to half of it at random. */
export function retryDelay(error: KeywardError, deliveries: number, backoff: readonly number[] = DEFAULT_BACKOFF_MS): number {
  const step = backoff[Math.min(deliveries, backoff.length) - 1] ?? DEFAULT_BACKOFF_MS[0];
  const pause = Math.max(1, step, error.details.retryAfterMs ?? 0);
  return pause * (1 + Math.random() / 2);
}
