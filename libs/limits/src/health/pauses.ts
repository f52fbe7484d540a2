/** What is longer is an error on the other side. */
const LONGEST_MS = 24 * 3_600_000;
const MAX_PAUSES = 10_000;

/** Who asked to be left alone, and until when. */
export class Pauses {
  readonly #until = new Map<string, number>();

  /** @returns whether that is longer than was known */
  note(key: string, ms: number): boolean {
    const until = performance.now() + Math.min(ms, LONGEST_MS);
    if (until <= (this.#until.get(key) ?? 0) || !(ms > 0)) return false;
    this.#until.delete(key);
    this.#until.set(key, until);
    if (this.#until.size > MAX_PAUSES) this.#forget();
    return true;
  }

  /** 0: no pause. */
  leftMs(key: string): number {
    // The common case is that nobody has asked for any.
    if (this.#until.size === 0) return 0;
    const left = (this.#until.get(key) ?? 0) - performance.now();
    if (left > 0) return left;
    this.#until.delete(key);
    return 0;
  }

  /** Those that are over; without any, the one that was noted first. */
  #forget(): void {
    const now = performance.now();
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    if (this.#until.size > MAX_PAUSES) this.#until.delete(this.#until.keys().next().value as string);
  }
}
