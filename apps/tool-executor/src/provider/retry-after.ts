/** What lies further ahead is no instruction to wait but an error on the other side. */
const MAX_MS = 24 * 3_600_000;

/**
 * `Retry-After` (RFC 9110 section 10.2.3), seconds or an HTTP date, in milliseconds from now. Undefined where it is neither, negative
 * or beyond a day.
 */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) - now : NaN;
  if (Number.isNaN(ms) || ms > MAX_MS) return undefined;
  return Math.max(0, ms);
}
