import { describe, expect, it } from '@jest/globals';
import { trendOf } from './trend.js';

describe('a trend', () => {
  it('is the slope of what grows steadily', () => {
    expect(trendOf([0, 1, 2, 3, 4].map((minute) => [minute, 100 + 2.5 * minute]))).toEqual({ median: 105, slope: 2.5 });
  });

  it('is not bent by a few outliers, as one collection of garbage is', () => {
    const points = Array.from({ length: 20 }, (_, minute) => [minute, minute === 7 || minute === 19 ? 900 : 100] as const);
    expect(trendOf(points)).toEqual({ median: 100, slope: 0 });
  });

  it('of one reading there is none', () => {
    expect(() => trendOf([[0, 1]])).toThrow('two readings');
  });
});
