import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleType,
  type CircuitBreakerPolicy,
  type IBreaker,
} from 'cockatiel';
import { SlidingCounts } from './sliding-counts.js';

/** 0 closed, 1 half open, 2 open. */
export type BreakerState = 0 | 1 | 2;

/** What a request turned out to say about its server. */
export type Verdict = 'answered' | 'outage' | 'unused';

const WINDOW_MS = 10_000;
/** Fewer failures are chance. */
const FAILURES_TO_OPEN = 20;
/** Well above what a provider that is only unreliable fails, which retries make good. */
const SHARE_TO_OPEN = 0.5;
const OPEN_MS = 5_000;

export interface BreakerOptions {
  /** Opens after so many failures in a row; left out, where the larger part of the last requests got no answer that counts. */
  failuresInARow?: number;
  /** How long nothing is sent; default 5,000. */
  openMs?: number;
}

/** A failure that keeps the circuit open, or counts towards that. */
class Unanswered extends Error {
  constructor(readonly verdict: Verdict) {
    super();
  }
}

/** Counts neither way. */
const NOTHING_SAID = new Error('the request says nothing of the server');

/** Opens where the larger part of the last requests got no answer that counts. By the clock that nobody sets, as cockatiel's own is not. */
class FailureRate implements IBreaker {
  state: unknown = undefined;
  readonly #requests = new SlidingCounts(WINDOW_MS);

  success(): void {
    this.#requests.add(1, 0);
  }

  failure(): boolean {
    this.#requests.add(1, 1);
    const failures = this.#requests.some;
    const isFailing = failures >= FAILURES_TO_OPEN && failures >= SHARE_TO_OPEN * this.#requests.all;
    if (isFailing) this.#requests.clear();
    return isFailing;
  }
}

/** Spares a server that keeps failing: while it is open nothing is sent, then one request that tries. */
export class Breaker {
  readonly #circuit: CircuitBreakerPolicy;
  #openUntil = 0;
  #openings = 0;

  constructor({ failuresInARow, openMs = OPEN_MS }: BreakerOptions = {}) {
    this.#circuit = circuitBreaker(handleType(Unanswered), {
      breaker: failuresInARow === undefined ? new FailureRate() : new ConsecutiveBreaker(failuresInARow),
      // Its wait goes by the clock that may be set: that one is always over, and `#openUntil` is what counts.
      halfOpenAfter: Number.NEGATIVE_INFINITY,
    });
    this.#circuit.onBreak((reason) => {
      this.#openings++;
      const unused = 'error' in reason && reason.error instanceof Unanswered && reason.error.verdict === 'unused';
      if (!unused) this.#openUntil = performance.now() + openMs;
    });
  }

  get state(): BreakerState {
    if (this.#circuit.state === CircuitState.Closed) return 0;
    return this.openForMs > 0 ? 2 : 1;
  }

  get openForMs(): number {
    return this.#openUntil - performance.now();
  }

  /** Whether a request may begin now. While half open, one. */
  get mayEnter(): boolean {
    return this.state === 0 || (this.state === 1 && this.#circuit.state === CircuitState.Open);
  }

  /** A request begins; only where it may. @returns what tells how it ended, and resolves once that counts */
  enter(): (verdict: Verdict) => Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const openings = this.#openings;
    const tries = this.#circuit.state !== CircuitState.Closed;
    const counted = this.#circuit.execute(() => promise).catch(() => undefined);
    return (verdict) => {
      // What was sent before it opened says nothing new; what was not sent says nothing, and a try that was not made is made again.
      const counts = openings === this.#openings && (verdict === 'outage' || (verdict === 'unused' && tries));
      if (counts) reject(new Unanswered(verdict));
      else if (verdict === 'answered') resolve();
      else reject(NOTHING_SAID);
      return counted;
    };
  }
}
