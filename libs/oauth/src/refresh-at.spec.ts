import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { testProvider } from '../test/provider.js';
import { refreshAt } from './refresh-at.js';

const OBTAINED_AT = new Date('2030-01-01T00:00:00.000Z');
const provider = testProvider({ refresh: { margin: 0.2 } });
const after = (ms: number) => new Date(OBTAINED_AT.getTime() + ms);

describe('refreshAt', () => {
  it('keeps the manifest’s share of the lifetime as margin', () => {
    const at = refreshAt({ provider, obtainedAt: OBTAINED_AT, expiresAt: after(120_000), refreshable: true, random: () => 0 });
    expect(at).toEqual(after(96_000));
  });

  it('is never for a token that can’t be refreshed', () => {
    expect(refreshAt({ provider, obtainedAt: OBTAINED_AT, expiresAt: after(120_000), refreshable: false })).toBeNull();
  });

  it('refreshes a refreshable token of unknown lifetime too', () => {
    const at = refreshAt({ provider, obtainedAt: OBTAINED_AT, expiresAt: null, refreshable: true, random: () => 0 });
    expect(at).toEqual(after(2_880_000));
  });

  it('falls between storing and expiry, whatever the lifetime, margin and jitter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 315_360_000_000 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (lifetimeMs, margin, random) => {
          const at = refreshAt({
            provider: testProvider({ refresh: { margin } }),
            obtainedAt: OBTAINED_AT,
            expiresAt: after(lifetimeMs),
            refreshable: true,
            random: () => random,
          });
          expect(at?.getTime()).toBeGreaterThanOrEqual(OBTAINED_AT.getTime());
          expect(at?.getTime()).toBeLessThanOrEqual(OBTAINED_AT.getTime() + lifetimeMs);
        },
      ),
    );
  });

  it('spreads credentials that were stored together', () => {
    const at = (random: number) =>
      refreshAt({ provider, obtainedAt: OBTAINED_AT, expiresAt: after(100_000), refreshable: true, random: () => random });
    expect(at(0.8)).toEqual(after(76_000));
    expect(at(0)).not.toEqual(at(0.8));
  });
});
