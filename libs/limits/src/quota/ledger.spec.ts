import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mostInAnyWindow } from '../contract/most-in-any-window.js';
import { Ledger } from './ledger.js';
import type { QuotaTerms } from './quota-store.js';

/** What one replica does next: how long after the last one, and what. */
const action = fc.record({
  afterMs: fc.integer({ min: 0, max: 400 }),
  least: fc.integer({ min: 1, max: 3 }),
  most: fc.integer({ min: 3, max: 60 }),
  lifeMs: fc.integer({ min: 1, max: 500 }),
  /** Of the units, how many are used, and when in the life of the lease. */
  usedShare: fc.double({ min: 0, max: 1, noNaN: true }),
  usedAt: fc.double({ min: 0, max: 1, noNaN: true }),
});
const terms = fc.record({ limit: fc.integer({ min: 3, max: 500 }), windowMs: fc.constantFrom(500, 1_000, 7_777) });

describe('the reckoning of a quota', () => {
  it('never lets more than the limit be used in any window, whatever is leased, used late or given back', () => {
    fc.assert(
      fc.property(terms, fc.array(action, { minLength: 30, maxLength: 120 }), (of, actions) => {
        const ledger = new Ledger();
        const used: number[] = [];
        let now = 1_000;
        for (const { afterMs, least, most, lifeMs, usedShare, usedAt } of actions) {
          now += afterMs;
          const { id, granted } = ledger.lease(of, { least, most, lifeMs }, now);
          const units = Math.round(granted * usedShare);
          for (let unit = 0; unit < units; unit++) used.push(now + lifeMs * usedAt);
          ledger.giveBack({ id, units: granted - units });
        }
        used.sort((a, b) => a - b);
        expect(mostInAnyWindow(used, of.windowMs)).toBeLessThanOrEqual(of.limit);
      }),
      { numRuns: 300 },
    );
  });

  it('has something again when it says so, and nothing a step earlier', () => {
    fc.assert(
      fc.property(terms, fc.array(action, { maxLength: 60 }), (of, actions) => {
        const ledger = new Ledger();
        let now = 1_000;
        for (const { afterMs, most, lifeMs } of actions) ledger.lease(of, { least: 1, most, lifeMs }, (now += afterMs));
        const all = { least: of.limit, most: of.limit, lifeMs: 1 };
        for (let refused = ledger.lease(of, all, now); refused.granted === 0; refused = ledger.lease(of, all, now)) {
          expect(refused.waitMs).toBeGreaterThan(0);
          expect(ledger.lease(of, all, now + refused.waitMs - 1).granted).toBe(0);
          now += refused.waitMs;
        }
        expect(ledger.lease(of, all, now).granted).toBe(0);
      }),
    );
  });

  it('loses of a quota that is always wanted no more than the life of a lease and a step', () => {
    const of: QuotaTerms = { limit: 200, windowMs: 1_000 };
    const ledger = new Ledger();
    let used = 0;
    for (let now = 0; now < 20_000; now++) used += ledger.lease(of, { least: 1, most: 10, lifeMs: 20 }, now).granted;
    expect(used).toBeGreaterThanOrEqual(0.95 * 200 * 20);
  });
});
