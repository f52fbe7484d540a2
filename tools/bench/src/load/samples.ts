/** Durations of one run, in ms, and what is said of them. Kept raw: a run is at most some hundred thousand calls. */
export class Samples {
  readonly #values: number[] = [];
  #sorted = false;

  add(ms: number): void {
    this.#values.push(ms);
    this.#sorted = false;
  }

  get count(): number {
    return this.#values.length;
  }

  /** Nearest-rank percentile. @param p 0 to 100. NaN where nothing was measured. */
  percentile(p: number): number {
    if (!this.#sorted) {
      this.#values.sort((a, b) => a - b);
      this.#sorted = true;
    }
    const rank = Math.max(0, Math.ceil((p / 100) * this.#values.length) - 1);
    return this.#values[rank] ?? Number.NaN;
  }
}
