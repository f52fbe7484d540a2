/** Percentiles of very many durations in little memory: classes that are 1 % wide. */
export class Histogram {
  count = 0;
  max = -Infinity;
  min = Infinity;
  readonly #classes = new Map<number, number>();

  /** @param ms what is not above 0 counts as 0 */
  add(ms: number): void {
    this.count++;
    this.max = Math.max(this.max, ms);
    this.min = Math.min(this.min, ms);
    const of = ms <= 1 ? 0 : Math.ceil(Math.log(ms) / Math.log(1.01));
    this.#classes.set(of, (this.#classes.get(of) ?? 0) + 1);
  }

  /** @param p 0 to 100. NaN where nothing was added. */
  percentile(p: number): number {
    let left = Math.max(1, Math.ceil((p / 100) * this.count));
    for (const [of, count] of [...this.#classes].sort(([a], [b]) => a - b)) {
      left -= count;
      if (left <= 0) return of === 0 ? Math.max(0, Math.min(1, this.max)) : Math.min(this.max, 1.01 ** of);
    }
    return Number.NaN;
  }
}
