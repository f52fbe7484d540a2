import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { testProvider } from '../test/provider.js';
import { tokenTimes, type TokenLife } from './token-times.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

interface Case extends Partial<Omit<TokenLife, 'provider' | 'random'>> {
  refresh?: Record<string, unknown>;
  random?: number;
}

const lifeOf = ({ refresh = {}, random = 0, ...life }: Case): TokenLife => ({
  provider: testProvider({ refresh }),
  lifetimeMs: HOUR_MS,
  renewable: true,
  asleep: false,
  elapsedMs: 0,
  ...life,
  random: () => random,
});
const times = (one: Case) => tokenTimes(lifeOf(one));
const refreshIn = (one: Case) => times(one).refreshInMs;

/** Ten seconds to ten years, short ones as often as long ones. */
const lifetime = fc.double({ min: 4, max: 11.49, noNaN: true }).map((power) => Math.floor(10 ** power));
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const policy = fc
  .record({
    margin: fc.double({ min: 0.001, max: 0.99, noNaN: true }),
    minimum_margin_seconds: fc.integer({ min: 0, max: 86_400 }),
    longer: fc.integer({ min: 1, max: 31_000_000 }),
  })
  .map(({ longer, ...rest }) => ({ ...rest, maximum_margin_seconds: rest.minimum_margin_seconds + longer }));

describe('when a token is refreshed', () => {
  it.each<[string, Case, number | null]>([
    ['a share of its lifetime before the end', {}, 0.8 * HOUR_MS],
    ['earlier by up to a quarter of that', { random: 0.8 }, 0.76 * HOUR_MS],
    ['no later than the minimum margin', { lifetimeMs: 100_000 }, 70_000],
    ['in the second half of a short life', { lifetimeMs: 10_000, random: 0.999_999 }, 5_000],
    [
      'no earlier than the maximum margin, with its jitter',
      { lifetimeMs: 365 * DAY_MS, random: 0.8 },
      (3650 - 84) * (DAY_MS / 10),
    ],
    ['no younger than a token must be', { refresh: { minimum_age_seconds: 3000 }, random: 1 }, 3_000_000],
    ['at its end where it is too young until then', { refresh: { minimum_age_seconds: 86_400 } }, HOUR_MS],
    ['as if it lived for an hour where nobody says', { lifetimeMs: null }, 0.8 * HOUR_MS],
    ['in what is left of the time', { elapsedMs: 60_000 }, 0.8 * HOUR_MS - 60_000],
    ['in a moment where it has passed', { elapsedMs: HOUR_MS }, 5_000],
    ['never where there is nothing to refresh with', { renewable: false }, null],
  ])('%s', (_when, one, expected) => {
    expect(refreshIn(one)).toEqual(expected);
  });

  it('tells the ends too, as far as they are known', () => {
    expect(times({ elapsedMs: 1_000, refreshLifetimeMs: DAY_MS })).toEqual({
      accessExpiresInMs: HOUR_MS - 1_000,
      refreshInMs: 0.8 * HOUR_MS - 1_000,
      awakeRefreshInMs: 0.8 * HOUR_MS - 1_000,
      refreshExpiresInMs: DAY_MS - 1_000,
    });
    const unknown = { refreshInMs: null, awakeRefreshInMs: null, refreshExpiresInMs: null };
    expect(times({ renewable: false, refreshLifetimeMs: DAY_MS })).toEqual({ accessExpiresInMs: HOUR_MS, ...unknown });
    expect(times({ renewable: false, lifetimeMs: null })).toEqual({ accessExpiresInMs: null, ...unknown });
  });
});

describe('a connection that nobody uses', () => {
  it.each<[string, Case, number | null]>([
    ['sleeps where nothing of it ends', {}, null],
    ['is kept alive as its refresh token is told to last', { refreshLifetimeMs: 100 * DAY_MS }, 80 * DAY_MS],
    ['not all at once', { refreshLifetimeMs: 100 * DAY_MS, random: 0.5 }, 70 * DAY_MS],
    ['or as the manifest says', { refresh: { refresh_token_lifetime_days: 60 } }, 48 * DAY_MS],
    ['what is told counts', { refreshLifetimeMs: DAY_MS, refresh: { refresh_token_lifetime_days: 60 } }, 0.8 * DAY_MS],
    ['what is told of no refresh token does not', { refreshLifetimeMs: DAY_MS, refresh: { method: 'reissue' } }, null],
    ['less what has passed', { refreshLifetimeMs: DAY_MS, elapsedMs: 500 }, 0.8 * DAY_MS - 500],
    ['never sleeps where the token itself is extended', { refresh: { method: 'exchange' } }, 0.8 * HOUR_MS],
    [
      'never before it could be',
      { refresh: { minimum_age_seconds: 3000 }, refreshLifetimeMs: HOUR_MS / 2, random: 1 },
      3_000_000,
    ],
  ])('%s', (_what, one, expected) => {
    expect(refreshIn({ asleep: true, ...one })).toEqual(expected);
  });

  it('knows when it would be refreshed awake', () => {
    expect(times({ asleep: true })).toMatchObject({ refreshInMs: null, awakeRefreshInMs: 0.8 * HOUR_MS });
  });

  it('nor does one that is used wait longer than its refresh token lasts', () => {
    const refresh = { refresh_token_lifetime_days: 60 };
    expect(times({ lifetimeMs: 365 * DAY_MS, refresh })).toMatchObject({
      refreshInMs: 48 * DAY_MS,
      awakeRefreshInMs: 48 * DAY_MS,
      refreshExpiresInMs: 60 * DAY_MS,
    });
  });
});

describe('a server that would have itself asked without end', () => {
  it.each<[string, Case, number]>([
    ['with tokens of a second', { lifetimeMs: 1_000 }, 5_000],
    ['with tokens that end before they arrive', { lifetimeMs: 1_000, elapsedMs: 9_000 }, 5_000],
    ['with refresh tokens of a few seconds', { refreshLifetimeMs: 6_000, random: 0.999 }, 5_000],
    ['with refresh tokens that end before they arrive', { refreshLifetimeMs: 1_000, elapsedMs: 2_000 }, 0.8 * HOUR_MS - 2_000],
    ['with a refresh token that works beyond the end it once had', { refreshLifetimeMs: -60_000 }, 0.8 * HOUR_MS],
    ['with the same, unused', { refreshLifetimeMs: 6_000, asleep: true, random: 0.999 }, 5_000],
  ])('is asked again in some seconds at the earliest: %s', (_how, one, expected) => {
    expect(refreshIn(one)).toBe(expected);
    expect(times(one).awakeRefreshInMs).toBeGreaterThanOrEqual(5_000);
  });

  it('of a refresh token that has outlived its end, none is known', () => {
    expect(times({ refreshLifetimeMs: -60_000 }).refreshExpiresInMs).toBeNull();
    expect(refreshIn({ refreshLifetimeMs: -60_000, asleep: true })).toBeNull();
  });
});

describe('whatever the lifetime, the policy and the jitter', () => {
  it('a refresh lies before the end, and never at once', () => {
    fc.assert(
      fc.property(lifetime, policy, share, (lifetimeMs, refresh, random) => {
        const at = refreshIn({ lifetimeMs, refresh, random }) ?? NaN;
        expect(at).toBeGreaterThanOrEqual(5_000);
        expect(at).toBeLessThan(lifetimeMs);
      }),
    );
  });

  it('no more than half of a life is given up for the minimum margin', () => {
    fc.assert(
      fc.property(lifetime, policy, share, (lifetimeMs, { minimum_margin_seconds }, random) => {
        const refresh = { margin: 0.001, minimum_margin_seconds, maximum_margin_seconds: 31_536_000 };
        expect(refreshIn({ lifetimeMs, refresh, random })).toBeGreaterThanOrEqual(Math.floor(lifetimeMs / 2) - 1);
      }),
    );
  });

  it('the margin is between its bounds, the upper one with its jitter', () => {
    fc.assert(
      fc.property(lifetime, policy, share, (lifetimeMs, refresh, random) => {
        const marginMs = lifetimeMs - (refreshIn({ lifetimeMs, refresh, random }) ?? NaN);
        expect(marginMs).toBeGreaterThanOrEqual(Math.min(refresh.minimum_margin_seconds * 1000, 0.39 * lifetimeMs));
        expect(marginMs).toBeLessThanOrEqual(1.25 * refresh.maximum_margin_seconds * 1000 + 1);
      }),
    );
  });

  it('a longer life is not refreshed earlier, nor a larger draw later', () => {
    fc.assert(
      fc.property(lifetime, lifetime, policy, share, share, (one, other, refresh, low, high) => {
        const [shorter, longer] = one < other ? [one, other] : [other, one];
        const [early, late] = low < high ? [high, low] : [low, high];
        const at = (lifetimeMs: number, random: number) => refreshIn({ lifetimeMs, refresh, random }) ?? NaN;
        expect(at(shorter, low)).toBeLessThanOrEqual(at(longer, low));
        expect(at(longer, early)).toBeLessThanOrEqual(at(longer, late));
      }),
    );
  });

  it('a refresh token is used before it ends, asleep no earlier than awake', () => {
    fc.assert(
      fc.property(lifetime, lifetime, policy, share, (lifetimeMs, refreshLifetimeMs, refresh, random) => {
        const one = { lifetimeMs, refreshLifetimeMs, refresh, random };
        const asleep = refreshIn({ ...one, asleep: true }) ?? NaN;
        expect(asleep).toBeGreaterThanOrEqual(0.6 * refreshLifetimeMs - 1);
        expect(asleep).toBeLessThanOrEqual(0.8 * refreshLifetimeMs);
        expect(refreshIn(one)).toBeLessThanOrEqual(asleep);
      }),
    );
  });
});

describe('10,000 tokens of the same moment', () => {
  /** mulberry32: the same draws in every run. */
  function seeded(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  it.each<[string, Case, number]>([
    ['of an hour, over 3 minutes', {}, 180],
    ['at the minimum margin', { refresh: { minimum_margin_seconds: 1200 } }, 300],
    ['at the maximum margin', { refresh: { maximum_margin_seconds: 400 } }, 100],
    ['at the minimum age', { refresh: { minimum_age_seconds: 3200 } }, 100],
    ['kept alive', { asleep: true, refreshLifetimeMs: 1_000_000 }, 200],
  ])('%s: no second has more than three times its share', (_what, one, windowSeconds) => {
    const life = { ...lifeOf(one), random: seeded(20_261_120) };
    const perSecond = new Map<number, number>();
    for (let index = 0; index < 10_000; index++) {
      const second = Math.floor((tokenTimes(life).refreshInMs ?? NaN) / 1000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    expect(perSecond.size).toBeGreaterThanOrEqual(windowSeconds * 0.95);
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual((3 * 10_000) / windowSeconds);
  });
});
