import { describe, expect, it } from '@jest/globals';
import { waitMs } from './retry-schedule.js';

const HOUR = 3_600_000;
const middle = () => 0.5;

describe('a message that is not taken', () => {
  it('is tried thirteen times over about three days, and then given up', () => {
    const waits: number[] = [];
    for (let attempts = 1; ; attempts++) {
      const wait = waitMs(attempts, undefined, middle);
      if (wait === undefined) break;
      waits.push(wait);
    }
    expect(waits).toHaveLength(12);
    expect(waits[0]).toBe(5_000);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    const total = waits.reduce((sum, wait) => sum + wait, 0);
    expect([total > 66 * HOUR, total < 78 * HOUR]).toEqual([true, true]);
  });

  it('does not come again together with all that failed at the same time', () => {
    expect(waitMs(5, undefined, () => 0)).toBe(0.75 * HOUR);
    expect(waitMs(5, undefined, () => 0.999)).toBeGreaterThan(1.24 * HOUR);
  });

  it('waits as long as its receiver asks for, and never less than it would', () => {
    expect(waitMs(1, 2 * HOUR, middle)).toBe(2 * HOUR);
    expect(waitMs(6, 1_000, middle)).toBe(3 * HOUR);
    expect(waitMs(13, 1_000, middle)).toBeUndefined();
  });
});
