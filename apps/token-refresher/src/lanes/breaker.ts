import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleType } from 'cockatiel';

/** 0 closed, 1 half open, 2 open. */
export type BreakerState = 0 | 1 | 2;

/** What a request turned out to say about its server. */
export type Verdict = 'answered' | 'outage' | 'unused';

const FAILURES_TO_OPEN = 5;
const HALF_OPEN_AFTER_MS = 10_000;

/** A failure that keeps the circuit open, or counts towards that. */
class Unanswered extends Error {
  constructor(
    readonly verdict: Verdict,
    readonly thrown: unknown,
  ) {
    super();
  }
}

/** Spares a server that keeps failing: after five failures in a row nothing is sent for ten seconds, then one request that tries. */
export class Breaker {
  readonly #circuit = circuitBreaker(handleType(Unanswered), {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    // Its wait goes by the clock that may be set: that one is always over, and `#openUntil` is what counts.
    halfOpenAfter: Number.NEGATIVE_INFINITY,
  });
  #openUntil = 0;
  #openings = 0;

  constructor() {
    this.#circuit.onBreak((reason) => {
      this.#openings++;
      const unused = 'error' in reason && reason.error instanceof Unanswered && reason.error.verdict === 'unused';
      if (!unused) this.#openUntil = performance.now() + HALF_OPEN_AFTER_MS;
    });
  }

  get state(): BreakerState {
    if (this.#circuit.state === CircuitState.Closed) return 0;
    return this.openForMs > 0 ? 2 : 1;
  }

  get openForMs(): number {
    return this.#openUntil - performance.now();
  }

  /** How many requests may begin now beside those that have. */
  get room(): number {
    if (this.state === 0) return Number.POSITIVE_INFINITY;
    return this.state === 1 && this.#circuit.state === CircuitState.Open ? 1 : 0;
  }

  /**
   * Only where there is room. Begins the task before it returns.
   * @throws what the task throws
   */
  async run<T>(task: () => Promise<T>, verdictOf: (error: unknown) => Verdict): Promise<T> {
    const openings = this.#openings;
    const tries = this.#circuit.state !== CircuitState.Closed;
    try {
      const outcome = await this.#circuit.execute(async () => {
        try {
          return { result: await task() };
        } catch (thrown) {
          const verdict = verdictOf(thrown);
          // A refusal is an answer.
          if (verdict === 'answered') return { thrown };
          // What was sent before it opened says nothing new; what was not sent says nothing, and a try that was not made is made again.
          const counts = openings === this.#openings && (verdict === 'outage' || tries);
          throw counts ? new Unanswered(verdict, thrown) : thrown;
        }
      });
      if ('thrown' in outcome) throw outcome.thrown;
      return outcome.result;
    } catch (error) {
      throw error instanceof Unanswered ? error.thrown : error;
    }
  }
}
