import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tightest, toldWindows, type ToldLimits } from './told-limits.js';

const undeclared = { limited_when: [], limit: [], remaining: [], reset: [] };
const now = Date.parse('2026-01-01T00:00:00Z');
const epochSeconds = String(now / 1000 + 90);

const told = (headers: Record<string, string>, rate: object = {}) =>
  tightest(toldWindows({ ...undeclared, ...rate }, headers, () => now));

describe('what an answer says of a limit', () => {
  it.each<[Record<string, string>, ToldLimits | undefined]>([
    [{}, undefined],
    [
      { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': '90' },
      { limit: 60, remaining: 7, resetMs: 90_000 },
    ],
    [
      { 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': epochSeconds },
      { remaining: 7, resetMs: 90_000 },
    ],
    [
      { 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': `${epochSeconds}000` },
      { remaining: 7, resetMs: 90_000 },
    ],
    [
      { 'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '3', 'ratelimit-reset': '20' },
      { limit: 100, remaining: 3, resetMs: 20_000 },
    ],
    [{ ratelimit: 'limit=100, remaining=50, reset=30' }, { limit: 100, remaining: 50, resetMs: 30_000 }],
    [{ ratelimit: '"default";r=50;t=30' }, { remaining: 50, resetMs: 30_000 }],
    [
      { ratelimit: '"burst";r=9;t=2, "day";r=40;t=9000', 'ratelimit-policy': '"burst";q=10;w=2, "day";q=1000;w=86400' },
      { limit: 1000, remaining: 40, resetMs: 9_000_000 },
    ],
    [{ ratelimit: '"a";r=0;t=5, "b";r=0;t=50' }, { remaining: 0, resetMs: 50_000 }],
    // The standard's own field before what was customary.
    [{ 'ratelimit-remaining': '1', 'x-ratelimit-remaining': '9' }, { remaining: 1 }],
    [{ 'x-ratelimit-limit': '60' }, undefined],
    [{ 'x-ratelimit-limit': '0', 'x-ratelimit-remaining': '0' }, undefined],
    [{ 'x-ratelimit-remaining': '-4' }, { remaining: 0 }],
    [{ 'x-ratelimit-remaining': 'NaN', 'x-ratelimit-reset': 'soon' }, undefined],
    [{ 'x-ratelimit-remaining': '1e999' }, undefined],
    [{ 'x-ratelimit-remaining': '99999999999999999999' }, undefined],
    [{ 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '-90' }, { remaining: 5 }],
    [{ 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '86401' }, { remaining: 5 }],
    [
      { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '1000000000' },
      { remaining: 5, resetMs: 0 },
    ],
    [{ ratelimit: ';;;=,,"' }, undefined],
    [{ ratelimit: '"default";r=x;t=-1' }, undefined],
  ])('%j is %j', (headers, expected) => {
    expect(told(headers)).toEqual(expected);
  });

  it('is read from the fields that the manifest names, and from no other then', () => {
    const rate = {
      limit: ['x-day-limit', 'x-minute-limit'],
      remaining: ['x-day-left', 'x-minute-left'],
      reset: [
        { header: 'x-day-reset', format: 'seconds' },
        { header: 'x-minute-reset', format: 'epoch_seconds' },
      ],
    };
    const headers = { 'x-day-limit': '5000', 'x-day-left': '4000', 'x-day-reset': '7000', 'x-minute-limit': '60' };
    const minute = { 'x-minute-left': '3', 'x-minute-reset': epochSeconds };
    expect(told({ ...headers, ...minute }, rate)).toEqual({ limit: 60, remaining: 3, resetMs: 90_000 });
    expect(told({ 'x-ratelimit-remaining': '0' }, rate)).toBeUndefined();
  });

  it('is never negative, infinite or beyond a day, whatever is sent', () => {
    const value = fc.oneof(fc.string({ maxLength: 40 }), fc.integer().map(String), fc.double().map(String));
    const names = [
      'ratelimit',
      'ratelimit-policy',
      'ratelimit-remaining',
      'ratelimit-reset',
      'x-ratelimit-limit',
      'x-ratelimit-remaining',
    ];
    fc.assert(
      fc.property(fc.record(Object.fromEntries([...names, 'x-ratelimit-reset'].map((name) => [name, value]))), (headers) => {
        for (const { limit = 0, remaining = 0, resetMs = 0 } of toldWindows(undeclared, headers, () => now)) {
          for (const count of [limit, remaining, resetMs]) expect(count >= 0 && count <= 1e16).toBe(true);
          expect(resetMs).toBeLessThanOrEqual(86_400_000);
        }
      }),
    );
  });
});
