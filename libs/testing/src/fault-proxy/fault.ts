/** Where a request is caught: before the server has it, or when the server has answered it. */
export type Place = 'request' | 'answer';

/**
 * What then becomes of it.
 * - close: the connection breaks.
 * - hang: nothing comes any more, and nothing breaks, until the proxy heals.
 * - half: half of the answer, then the connection breaks.
 * - delay: it goes on after so many milliseconds.
 */
export type Fault =
  { at: Place; then: 'close' | 'hang' } | { at: 'answer'; then: 'half' } | { at: Place; then: 'delay'; ms: number };

export interface FaultRule {
  /** Requests that contain all of these are meant: the name of a statement, `PUB <subject>`, the path of an HTTP request. */
  contains: string | readonly string[];
  /** Of these, only those are caught at their answer that hold this in it. */
  answerContains?: string;
  fault: Fault;
  /** So many are let through first. Default 0. */
  skip?: number;
  /** So many are hit. Default 1. */
  times?: number;
}

export interface ArmedFault {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Resolves at the first hit: the request was caught, the server has not seen it; or it has answered, and nobody will hear it. */
  readonly fired: Promise<void>;
  disarm(): void;
}

/** A rule, and how much of it is left. */
export class Trap implements ArmedFault {
  readonly #needles: Buffer[];
  readonly #fired = Promise.withResolvers<void>();
  #skip: number;
  #left: number;
  hits = 0;

  constructor(readonly rule: FaultRule) {
    this.#needles = [rule.contains].flat().map((needle) => Buffer.from(needle));
    this.#skip = rule.skip ?? 0;
    this.#left = rule.times ?? 1;
  }

  get fired(): Promise<void> {
    return this.#fired.promise;
  }

  /** Whether this request is one to be caught; counts it. */
  catches(request: Buffer): boolean {
    if (this.#left <= 0 || !this.#needles.every((needle) => request.includes(needle))) return false;
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    this.#left--;
    return true;
  }

  /** Whether this answer is one to be caught; if not, what was counted is taken back. */
  keeps(answer: Buffer): boolean {
    const { answerContains } = this.rule;
    if (answerContains === undefined || answer.includes(answerContains)) return true;
    this.#left++;
    return false;
  }

  hit(): void {
    this.hits++;
    this.#fired.resolve();
  }

  disarm(): void {
    // Also what is caught and has not been answered yet counts no more.
    this.#left = Number.NEGATIVE_INFINITY;
  }
}
