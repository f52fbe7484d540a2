/** What is longer is an error on the other side. */
const LONGEST_MS = 24 * 3_600_000;
const MAX_PAUSES = 10_000;
/** Of a pause: who asks for another one of the same length with every answer prolongs it, but that is no news. */
const NEWS_SHARE = 0.1;

interface Pause {
  readonly until: number;
  /** As far as others know. */
  readonly told: number;
}

/** Who asked to be left alone, and until when. */
export class Pauses {
  readonly #pauses = new Map<string, Pause>();

  /** @returns whether that is news: so much longer than was known that others should be told */
  note(key: string, ms: number): boolean {
    if (!(ms > 0)) return false;
    const pauseMs = Math.min(ms, LONGEST_MS);
    const until = performance.now() + pauseMs;
    const known = this.#pauses.get(key) ?? { until: 0, told: 0 };
    if (until <= known.until) return false;
    const isNews = until > known.told + pauseMs * NEWS_SHARE;
    this.#pauses.delete(key);
    this.#pauses.set(key, { until, told: isNews ? until : known.told });
    if (this.#pauses.size > MAX_PAUSES) this.#forget();
    return isNews;
  }

  /** 0: no pause. */
  leftMs(key: string): number {
    // The common case is that nobody has asked for any.
    if (this.#pauses.size === 0) return 0;
    const left = (this.#pauses.get(key)?.until ?? 0) - performance.now();
    if (left > 0) return left;
    this.#pauses.delete(key);
    return 0;
  }

  /** Those that are over; without any, the one that was noted first. */
  #forget(): void {
    const now = performance.now();
    for (const [key, { until }] of this.#pauses) if (until <= now) this.#pauses.delete(key);
    if (this.#pauses.size > MAX_PAUSES) this.#pauses.delete(this.#pauses.keys().next().value as string);
  }
}
