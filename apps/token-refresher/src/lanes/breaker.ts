/** 0 closed, 1 half open, 2 open. */
export type BreakerState = 0 | 1 | 2;

const FAILURES_TO_OPEN = 5;
export const HALF_OPEN_AFTER_MS = 10_000;

/**
 * Spares a server that keeps failing: after five failures in a row nothing is sent for ten seconds, then one request that tries. By the
 * monotonic clock, since the other one may be set.
 */
export class Breaker {
  #failures = 0;
  #openedAt: number | undefined;
  #trying = false;

  get state(): BreakerState {
    if (this.#openedAt === undefined) return 0;
    return performance.now() - this.#openedAt >= HALF_OPEN_AFTER_MS ? 1 : 2;
  }

  /** How many requests may begin now beside those that have. */
  get room(): number {
    const { state } = this;
    if (state === 0) return Number.POSITIVE_INFINITY;
    return state === 1 && !this.#trying ? 1 : 0;
  }

  /** Only where there is room. */
  begin(): void {
    if (this.#openedAt !== undefined) this.#trying = true;
  }

  /** The server answered properly, be it with a refusal. */
  succeeded(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#trying = false;
  }

  failed(): void {
    this.#failures++;
    // What was sent before it opened says nothing new.
    if (this.#openedAt === undefined ? this.#failures >= FAILURES_TO_OPEN : this.#trying) this.#openedAt = performance.now();
    this.#trying = false;
  }

  /** Nothing was sent. */
  unused(): void {
    this.#trying = false;
  }
}
