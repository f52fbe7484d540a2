import type { EgressResponse } from '@keyward/egress';

/** What lies further ahead is no instruction to wait but an error on the other side. */
const MAX_MS = 24 * 3_600_000;

/**
 * `Retry-After` (RFC 9110 section 10.2.3), seconds or an HTTP date, in milliseconds from now. Undefined where it is neither, negative
 * or beyond a day.
 */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  return boundedWait(/^\d{1,9}$/.test(text) ? Number(text) * 1000 : /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) - now : NaN);
}

/** Undefined for what is no time, or beyond a day; what lies in the past is now. */
export function boundedWait(ms: number): number | undefined {
  return Number.isNaN(ms) || ms > MAX_MS ? undefined : Math.max(0, ms);
}

/** In milliseconds since 1970, what the provider's clock says (RFC 9110 section 6.6.1): moments that it names are meant by it. Ours where it does not say. */
export function timeOfAnswer({ headers }: Pick<EgressResponse, 'headers'>): number {
  const stated = Date.parse(headers['date'] ?? '');
  return Number.isNaN(stated) ? Date.now() : stated;
}
