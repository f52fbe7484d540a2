import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { judge, type Declared } from './judge.js';

const write = { repeatable: false, idempotent: false };
const NOW = Date.now();

/** @param rate as it stands in a manifest */
function declaring(rate: object): Declared {
  const provider = providerManifestSchema.parse({
    ...{ name: 'acme', title: 'Acme', base_url: 'https://acme.example', origins: ['https://acme.example'] },
    ...{ auth: { kind: 'api_key' }, limits: { rate } },
  });
  return { provider, failureOf: () => undefined };
}

function verdict(rate: object, status: number, headers: Record<string, string> = {}, body: unknown = {}) {
  return judge(write, declaring(rate), { response: { status, headers, body: Buffer.from(JSON.stringify(body)) } });
}

const epoch = (inMs: number) => String(Math.floor((NOW + inMs) / 1000));
const GITHUB = {
  limited_when: [{ status: 403, header: { 'x-ratelimit-remaining': '0' } }],
  remaining: ['x-ratelimit-remaining'],
  reset: [{ header: 'x-ratelimit-reset', format: 'epoch_seconds' }],
};
const LINEAR = {
  limited_when: [{ status: 400, body: { '/errors/0/extensions/code': 'RATELIMITED' } }],
  remaining: ['x-ratelimit-requests-remaining'],
  reset: [{ header: 'x-ratelimit-requests-reset', format: 'epoch_milliseconds' }],
};
const EXACT = {
  remaining: ['x-ratelimit-remaining', 'x-ratelimit-minutely-remaining'],
  reset: [
    { header: 'x-ratelimit-reset', format: 'epoch_milliseconds' },
    { header: 'x-ratelimit-minutely-reset', format: 'epoch_milliseconds' },
  ],
};

describe('a rate limit', () => {
  it.each<[string, object, number, Record<string, string>, unknown, number | undefined]>([
    ['429 with Retry-After', {}, 429, { 'retry-after': '3' }, {}, 3_000],
    ['429 without a word', {}, 429, {}, {}, undefined],
    [
      'a relative reset in seconds',
      { reset: [{ header: 'x-ratelimit-reset', format: 'seconds' }] },
      429,
      { 'x-ratelimit-reset': '7' },
      {},
      7_000,
    ],
    [
      'a relative reset in milliseconds',
      { reset: [{ header: 'x-reset', format: 'milliseconds' }] },
      429,
      { 'x-reset': '1500' },
      {},
      1_500,
    ],
    [
      'a reset in seconds since 1970',
      { reset: [{ header: 'x-rate-limit-reset', format: 'epoch_seconds' }] },
      429,
      { 'x-rate-limit-reset': epoch(60_000) },
      {},
      60_000,
    ],
    [
      'a reset in milliseconds since 1970',
      { reset: [{ header: 'x-reset', format: 'epoch_milliseconds' }] },
      429,
      { 'x-reset': String(NOW + 9_000) },
      {},
      9_000,
    ],
    [
      'a reset as a date and time',
      { reset: [{ header: 'x-reset', format: 'date_time' }] },
      429,
      { 'x-reset': new Date(NOW + 9_000).toISOString() },
      {},
      9_000,
    ],
    [
      'a reset as an HTTP date',
      { reset: [{ header: 'x-reset', format: 'http_date' }] },
      429,
      { 'x-reset': new Date(NOW + 9_000).toUTCString() },
      {},
      9_000,
    ],
    [
      'Retry-After before any reset',
      { reset: [{ header: 'x-reset', format: 'seconds' }] },
      429,
      { 'x-reset': '60', 'retry-after': '2' },
      {},
      2_000,
    ],
    ['403 with nothing remaining', GITHUB, 403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': epoch(30_000) }, {}, 30_000],
    [
      '400 that says so in its body',
      LINEAR,
      400,
      { 'x-ratelimit-requests-reset': String(NOW + 5_000) },
      { errors: [{ extensions: { code: 'RATELIMITED' } }] },
      5_000,
    ],
    [
      '429 with one of two windows used up',
      EXACT,
      429,
      {
        'x-ratelimit-remaining': '4000',
        'x-ratelimit-reset': String(NOW + 40_000_000),
        'x-ratelimit-minutely-remaining': '0',
        'x-ratelimit-minutely-reset': String(NOW + 20_000),
      },
      {},
      20_000,
    ],
    [
      '429 with both windows used up: the longer',
      EXACT,
      429,
      {
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(NOW + 40_000_000),
        'x-ratelimit-minutely-remaining': '0',
        'x-ratelimit-minutely-reset': String(NOW + 20_000),
      },
      {},
      40_000_000,
    ],
    [
      '429 with nothing remaining, and how long the whole window is',
      {
        remaining: ['x-hubspot-ratelimit-remaining'],
        reset: [{ header: 'x-hubspot-ratelimit-interval-milliseconds', format: 'milliseconds' }],
      },
      429,
      { 'x-hubspot-ratelimit-remaining': '0', 'x-hubspot-ratelimit-interval-milliseconds': '10000' },
      {},
      10_000,
    ],
    [
      '429 with nothing remaining of what nobody declared',
      {},
      429,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '9' },
      {},
      9_000,
    ],
    ['429 with a draft’s used up window', {}, 429, { ratelimit: '"minute";r=0;t=4, "day";r=900;t=40000' }, {}, 4_000],
    [
      '429 for another reason than the limit that is told of',
      {},
      429,
      { 'x-ratelimit-remaining': '4000', 'x-ratelimit-reset': '3000' },
      {},
      undefined,
    ],
    ['a reset that has passed', { reset: [{ header: 'x-reset', format: 'epoch_seconds' }] }, 429, { 'x-reset': '1' }, {}, 0],
    ['a reset that is no time', { reset: [{ header: 'x-reset', format: 'seconds' }] }, 429, { 'x-reset': '-5' }, {}, undefined],
    ['a reset beyond a day', { reset: [{ header: 'x-reset', format: 'seconds' }] }, 429, { 'x-reset': '86401' }, {}, undefined],
  ])('%s is waited for', (_what, rate, status, headers, body, expectedMs) => {
    const found = verdict(rate, status, headers, body);
    expect(found).toMatchObject({ kind: 'again', reason: 'rate_limited', effect: 'none', error: { code: 'rate_limited' } });
    const ms = found.kind === 'again' ? found.retryAfterMs : NaN;
    if (expectedMs === undefined) expect(ms).toBeUndefined();
    // The clock runs on, and some formats have whole seconds.
    else expect(Math.abs((ms ?? NaN) - expectedMs)).toBeLessThanOrEqual(3_000);
  });

  it.each<[string, object, number, Record<string, string>, unknown]>([
    ['403 with some remaining', GITHUB, 403, { 'x-ratelimit-remaining': '12' }, {}],
    ['403 that says nothing of it', GITHUB, 403, {}, {}],
    ['400 for another reason', LINEAR, 400, {}, { errors: [{ extensions: { code: 'INVALID_INPUT' } }] }],
    ['400 whose body is no JSON', LINEAR, 400, {}, 'RATELIMITED'],
    ['a success that used up the last one', GITHUB, 200, { 'x-ratelimit-remaining': '0' }, {}],
  ])('%s is none', (_what, rate, status, headers, body) => {
    expect(verdict(rate, status, headers, body).kind).not.toBe('again');
  });
});
