import { SlidingCounts } from './sliding-counts.js';

const WINDOW_MS = 10_000;
/** A provider that fails a fifth of the time needs a quarter; one that fails always would get four times its load without a bound. */
const SHARE = 0.4;
/** So that where few calls are made one of them can be tried again at all. */
const FLOOR = 10;

/** Retries that a provider may get: a share of what is sent to it for the first time. */
export class RetryBudget {
  readonly #requests = new SlidingCounts(WINDOW_MS);

  get idle(): boolean {
    return this.#requests.all === 0 && this.#requests.some === 0;
  }

  /** A request is sent for the first time. */
  first(): void {
    this.#requests.add(1, 0);
  }

  /** Whether one may be sent again, which it then must be. */
  tryRetry(): boolean {
    if (this.#requests.some >= FLOOR + SHARE * this.#requests.all) return false;
    this.#requests.add(0, 1);
    return true;
  }
}
