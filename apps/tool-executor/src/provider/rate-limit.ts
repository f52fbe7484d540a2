import type { ProviderManifest } from '@keyward/connectors';
import { parseBoundedJson, REQUEST_BOUNDS, valueAt } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';
import { retryAfterMs } from './retry-after.js';
import { toldWindows } from './told-limits.js';

type RateRules = ProviderManifest['limits']['rate'];

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
export function limitedForMs(rate: RateRules, { headers }: EgressResponse, now: number): number | undefined {
  const asked = retryAfterMs(headers['retry-after'], now);
  if (asked !== undefined) return asked;
  const windows = toldWindows(rate, headers, () => now);
  const usedUp = windows.filter(({ remaining }) => remaining === 0);
  // Which window it was is not said. A field that the manifest names for this is believed; what is only customary is not.
  const unsaid = rate.reset.length > 0 ? windows : windows.filter(({ remaining }) => remaining === undefined);
  const waits = (usedUp.length > 0 ? usedUp : unsaid).map(({ resetMs }) => resetMs).filter((wait) => wait !== undefined);
  return waits.length === 0 ? undefined : Math.max(...waits);
}
