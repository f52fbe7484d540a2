import type { ProviderManifest } from '@keyward/connectors';
import { parseBoundedJson, REQUEST_BOUNDS, valueAt } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';
import { boundedWait, retryAfterMs } from './retry-after.js';

type RateRules = ProviderManifest['limits']['rate'];
type Reset = RateRules['reset'][number];

/** Whether the provider refused because it was called too often: 429 (RFC 6585 section 4), or as its manifest says. */
export function isRateLimited({ limited_when }: RateRules, response: EgressResponse): boolean {
  const { status, headers } = response;
  if (status === 429) return true;
  return limited_when.some(
    (when) =>
      when.status === status &&
      Object.entries(when.header).every(([name, value]) => headers[name]?.trim() === value) &&
      matchesBody(when.body, response),
  );
}

function matchesBody(members: RateRules['limited_when'][number]['body'], { body }: EgressResponse): boolean {
  const wanted = Object.entries(members);
  if (wanted.length === 0) return true;
  try {
    const document = parseBoundedJson(body, { maxBytes: body.length, maxDepth: REQUEST_BOUNDS.maxDepth });
    return wanted.every(([pointer, value]) => valueAt(document, pointer) === value);
  } catch {
    return false;
  }
}

/**
 * How long to wait, in milliseconds. `Retry-After` counts where it is there; else the reset of the window that is used up, and of several
 * windows that are used up the longest. Undefined where the provider does not say, or says something that can't be.
 */
export function limitedForMs({ remaining, reset }: RateRules, { headers }: EgressResponse, now: number): number | undefined {
  const asked = retryAfterMs(headers['retry-after'], now);
  if (asked !== undefined) return asked;
  const waits = reset.map((each) => resetInMs(each, headers[each.header], now));
  const isUsedUp = (_wait: unknown, index: number) => Number(headers[remaining[index] ?? ''] ?? NaN) <= 0;
  const usedUp = waits.filter(isUsedUp);
  const known = (usedUp.length > 0 ? usedUp : waits).filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

const FORMATS: Record<Reset['format'], (text: string, now: number) => number> = {
  seconds: (text) => number(text) * 1000,
  milliseconds: (text) => number(text),
  epoch_seconds: (text, now) => number(text) * 1000 - now,
  epoch_milliseconds: (text, now) => number(text) - now,
  date_time: (text, now) => (/^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) - now : NaN),
  http_date: (text, now) => (/^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) - now : NaN),
};

function resetInMs({ format }: Reset, value: string | undefined, now: number): number | undefined {
  return value === undefined ? undefined : boundedWait(FORMATS[format](value.trim(), now));
}

function number(text: string): number {
  return /^\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN;
}
