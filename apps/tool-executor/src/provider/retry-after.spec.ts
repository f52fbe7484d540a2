import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from './backoff.js';
import { retryAfterMs } from './retry-after.js';

const now = Date.parse('2026-01-01T00:00:00Z');

describe('Retry-After', () => {
  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    ['3', 3000],
    [' 3 ', 3000],
    ['86400', 86_400_000],
    ['86401', undefined],
    ['999999999', undefined],
    ['99999999999999999999', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['NaN', undefined],
    ['soon', undefined],
    ['', undefined],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['Thu, 01 Jan 2099 00:00:00 GMT', undefined],
    ['2026-01-01T00:00:10Z', undefined],
  ])('%j is %j ms', (value, expected) => {
    expect(retryAfterMs(value, now)).toBe(expected);
  });

  it('is never negative, infinite or beyond a day, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer().map(String),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (value) => {
          const ms = retryAfterMs(value, now);
          expect(ms === undefined || (ms >= 0 && ms <= 86_400_000)).toBe(true);
        },
      ),
    );
  });
});

describe('backoff', () => {
  it('is anything up to a bound that doubles, at most 5 s', () => {
    const most = [1, 2, 3, 4, 5, 6, 10].map((attempts) => backoffMs(attempts, undefined, () => 1));
    expect(most).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(backoffMs(5, undefined, () => 0)).toBe(0);
  });

  it('is never shorter than what the provider asked for', () => {
    expect(backoffMs(1, 3000, () => 0)).toBe(3000);
    expect(backoffMs(1, 3000, () => 1)).toBe(3250);
  });
});
