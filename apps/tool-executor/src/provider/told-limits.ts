import type { ProviderManifest } from '@keyward/connectors';
import type { EgressResponse } from '@keyward/egress';
import { boundedWait } from './retry-after.js';

type RateRules = ProviderManifest['limits']['rate'];
type Headers = EgressResponse['headers'];
type Format = RateRules['reset'][number]['format'];
/** ms since 1970, asked only where it matters: most answers say nothing of limits. */
type Clock = () => number;

/** What an answer says of one window of a limit. */
export interface ToldLimits {
  limit?: number;
  remaining?: number;
  /** Until the window begins anew. */
  resetMs?: number;
}

/**
 * Every window that the answer speaks of: in the fields that the manifest names; where it names none, in those of the drafts of
 * draft-ietf-httpapi-ratelimit-headers, or in `X-RateLimit-*`. What is no number, or further away than a day, is left out.
 */
export function toldWindows(rate: RateRules, headers: Headers, now: Clock): readonly ToldLimits[] {
  if (rate.remaining.length + rate.reset.length + rate.limit.length > 0) return declaredWindows(rate, headers, now);
  if (headers['ratelimit'] !== undefined) return draftWindows(headers['ratelimit'], headers['ratelimit-policy']);
  return [...separateFields('ratelimit', headers, now), ...separateFields('x-ratelimit', headers, now)].slice(0, 1);
}

/** Of several windows the one that is used up, for longest; else the one that is nearest to it. Undefined where nothing is told. */
export function tightest(windows: readonly ToldLimits[]): ToldLimits | undefined {
  const [first, ...others] = windows;
  return first === undefined ? undefined : others.reduce((worst, one) => (isTighter(one, worst) ? one : worst), first);
}

function isTighter(one: ToldLimits, than: ToldLimits): boolean {
  if (one.remaining === 0 && than.remaining === 0) return (one.resetMs ?? 0) > (than.resetMs ?? 0);
  return share(one) < share(than);
}

function share({ remaining, limit }: ToldLimits): number {
  if (remaining === undefined) return Number.POSITIVE_INFINITY;
  return remaining / Math.max(1, limit ?? remaining);
}

function declaredWindows({ limit, remaining, reset }: RateRules, headers: Headers, now: Clock): ToldLimits[] {
  const count = Math.max(limit.length, remaining.length, reset.length);
  return Array.from({ length: count }, (_, index) => {
    const when = reset[index];
    return told({
      limit: requests(headers[limit[index] ?? '']),
      remaining: requests(headers[remaining[index] ?? '']),
      resetMs: when === undefined ? undefined : resetInMs(when.format, headers[when.header], now),
    });
  }).filter((window) => window !== undefined);
}

/** `"default";r=50;t=30`, and before draft 8 `limit=100, remaining=50, reset=30`. */
function draftWindows(field: string, policy: string | undefined): ToldLimits[] {
  const old = parametersOf(field.replaceAll(',', ';'));
  if (old.has('remaining')) {
    const window = told({
      limit: requests(old.get('limit')),
      remaining: requests(old.get('remaining')),
      resetMs: seconds(old.get('reset')),
    });
    return window === undefined ? [] : [window];
  }
  const limits = new Map(items(policy ?? '').map(({ name, parameters }) => [name, requests(parameters.get('q'))]));
  return items(field)
    .map(({ name, parameters }) =>
      told({ limit: limits.get(name), remaining: requests(parameters.get('r')), resetMs: seconds(parameters.get('t')) }),
    )
    .filter((window) => window !== undefined);
}

/** Drafts up to 6 and what was customary before. Only with what remains: a limit alone says nothing of now. */
function separateFields(prefix: 'ratelimit' | 'x-ratelimit', headers: Headers, now: Clock): ToldLimits[] {
  const remaining = requests(headers[`${prefix}-remaining`]);
  if (remaining === undefined) return [];
  const reset = headers[`${prefix}-reset`];
  const window = told({
    // `100, 100;w=60`: the first number is the limit that applies.
    limit: requests(/^\s*\d+/.exec(headers[`${prefix}-limit`] ?? '')?.[0]),
    remaining,
    resetMs: prefix === 'ratelimit' ? seconds(reset) : resetInMs(customaryFormat(reset), reset, now),
  });
  return window === undefined ? [] : [window];
}

const MAX_ITEMS = 10;

interface Item {
  name: string;
  parameters: Map<string, string>;
}

/** A list of strings with parameters (RFC 9651 section 3.1), as far as limits need it. */
function items(field: string): Item[] {
  return field
    .split(',', MAX_ITEMS)
    .map((item) => ({ name: item.split(';', 1)[0]?.trim() ?? '', parameters: parametersOf(item) }));
}

function parametersOf(text: string): Map<string, string> {
  const pairs = text.split(';', 2 * MAX_ITEMS).map((part) => part.split('=', 2));
  return new Map(pairs.map(([name, value]) => [name?.trim() ?? '', value?.trim() ?? '']));
}

/** A limit of none is how some say that there is none. */
function told(window: { [Key in keyof ToldLimits]-?: number | undefined }): ToldLimits | undefined {
  if (window.limit === 0) return undefined;
  const known = Object.entries(window).filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : (Object.fromEntries(known) as ToldLimits);
}

const FORMATS: Record<Format, (text: string, now: Clock) => number> = {
  seconds: (text) => number(text) * 1000,
  milliseconds: (text) => number(text),
  epoch_seconds: (text, now) => number(text) * 1000 - now(),
  epoch_milliseconds: (text, now) => number(text) - now(),
  date_time: (text, now) => (/^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) - now() : NaN),
  http_date: (text, now) => (/^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) - now() : NaN),
};

function resetInMs(format: Format, value: string | undefined, now: Clock): number | undefined {
  return value === undefined ? undefined : boundedWait(FORMATS[format](value.trim(), now));
}

const EPOCH_SECONDS = 1e9;
const EPOCH_MILLISECONDS = 1e12;

/** Nobody has ever written down what `X-RateLimit-Reset` is; a moment is told from a span by its size. */
function customaryFormat(value: string | undefined): Format {
  const size = number(value?.trim() ?? '');
  return size >= EPOCH_MILLISECONDS ? 'epoch_milliseconds' : size >= EPOCH_SECONDS ? 'epoch_seconds' : 'seconds';
}

function seconds(value: string | undefined): number | undefined {
  return resetInMs('seconds', value, () => 0);
}

function number(text: string): number {
  return /^\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN;
}

/** A count of requests; what is below nothing is nothing. */
function requests(value: string | undefined): number | undefined {
  const text = value?.trim() ?? '';
  if (/^-\d{1,15}$/.test(text)) return 0;
  const count = number(text);
  return Number.isNaN(count) ? undefined : Math.floor(count);
}
