/** Beyond this a server's wish is not followed: it would park a credential past any use. */
const RETRY_AFTER_MAX_MS = 3_600_000;

/** RFC 9110 section 10.2.3: seconds or an HTTP date. Undefined for what is neither. In ms, from 0 to an hour. */
export function parseRetryAfter(value: string | null, now: Date = new Date()): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  const ms = /^\d{1,10}$/.test(text)
    ? Number(text) * 1000
    : /[A-Za-z]/.test(text)
      ? Date.parse(text) - now.getTime()
      : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}
