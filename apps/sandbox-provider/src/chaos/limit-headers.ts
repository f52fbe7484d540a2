/** The ways in which providers tell when they may be called again. */
export const LIMIT_STYLES = ['retry-after', 'retry-after-date', 'ratelimit', 'ratelimit-fields', 'x-ratelimit', 'none'] as const;
export type LimitStyle = (typeof LIMIT_STYLES)[number];

/** What the fields tell as the limit. */
const LIMIT = 100;

/**
 * Header fields of an answer 429.
 *
 * @param seconds until requests are welcome again
 * @param now milliseconds since the epoch
 */
export function limitHeaders(style: LimitStyle, seconds: number, now = Date.now()): Record<string, string> {
  switch (style) {
    case 'retry-after':
      return { 'Retry-After': String(seconds) };
    case 'retry-after-date':
      // A date has no fractions (RFC 9110 section 5.6.7): rounded down it would be too early.
      return { 'Retry-After': new Date(Math.ceil(now / 1000 + seconds) * 1000).toUTCString() };
    case 'ratelimit':
      // draft-ietf-httpapi-ratelimit-headers, sections 2 and 3
      return { 'RateLimit-Policy': `"default";q=${LIMIT};w=60`, RateLimit: `"default";r=0;t=${seconds}` };
    case 'ratelimit-fields':
      return { 'RateLimit-Limit': String(LIMIT), 'RateLimit-Remaining': '0', 'RateLimit-Reset': String(seconds) };
    case 'x-ratelimit':
      return {
        'X-RateLimit-Limit': String(LIMIT),
        'X-RateLimit-Remaining': '0',
        'X-RateLimit-Reset': String(Math.ceil(now / 1000 + seconds)),
      };
    case 'none':
      return {};
  }
}
