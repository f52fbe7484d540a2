/** A straight line through readings, by the median of all slopes between two of them (Theil and Sen): a few outliers do not bend it. */
export interface Trend {
  median: number;
  /** Per minute. */
  slope: number;
}

/** @param points minute and value, at least two at different minutes. */
export function trendOf(points: readonly (readonly [minute: number, value: number])[]): Trend {
  const slopes: number[] = [];
  for (const [index, [minute, value]] of points.entries()) {
    for (const [later, other] of points.slice(index + 1)) if (later !== minute) slopes.push((other - value) / (later - minute));
  }
  if (slopes.length === 0) throw new Error('a trend needs two readings at least');
  return { median: medianOf(points.map(([, value]) => value)), slope: medianOf(slopes) };
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
