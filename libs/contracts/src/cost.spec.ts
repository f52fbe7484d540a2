import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { amountOf, amountSchema, declaredCostSchema, microsOf } from './cost.js';

describe('amounts', () => {
  it('are the same after being written and read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (micros) => {
        const amount = amountOf(micros);
        expect(amountSchema.safeParse(amount).success).toBe(true);
        expect(microsOf(amount)).toBe(micros);
      }),
    );
  });

  it.each([
    [0.002, 2_000, '0.002'],
    [0.1, 100_000, '0.1'],
    [0.000001, 1, '0.000001'],
    [1.005, 1_005_000, '1.005'],
    [300, 300_000_000, '300'],
    [0, 0, '0'],
  ])('%d is %d millionths and written as %s', (declared, micros, amount) => {
    expect(declaredCostSchema.parse(declared)).toBe(declared);
    expect(microsOf(declared)).toBe(micros);
    expect(amountOf(micros)).toBe(amount);
  });

  it.each([-1, 0.0000001, 1.0000005, Number.NaN, Number.POSITIVE_INFINITY, 1e10])(
    '%d is not what a call can cost',
    (declared) => {
      expect(declaredCostSchema.safeParse(declared).success).toBe(false);
    },
  );

  it.each(['-1', '1e3', '01', '1.', '.5', '1.0000001', '1,5', '1234567890', ''])('%j is no amount', (amount) => {
    expect(amountSchema.safeParse(amount).success).toBe(false);
  });
});
