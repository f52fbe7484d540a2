import { Breaker, type BreakerState, type Verdict } from '@keyward/limits';
import { LaneClosed, LeaseTooShort } from './refusals.js';

/** `asked`: somebody waits for it. The clock does not. */
export type Priority = 'asked' | 'due';

export interface LaneSettings {
  /** Requests at a time. */
  concurrency: number;
  /** Requests over all replicas; left out: as many as there are. */
  perMinute?: number | undefined;
}

/** The next turns under the rate that all replicas share; `waitMs`: until there is one more. */
export type TakeTurns = (perMinute: number, wanted: number) => Promise<{ granted: number; waitMs: number }>;

interface Waiting {
  /** `performance.now()`, after which its turn comes too late. */
  until: number;
  enter: () => void;
  refuse: (why: Error) => void;
}

/** What has a lease before its turn comes shall be little, yet enough that no slot stays empty until the next look at the store. */
const AHEAD_SHARE = 0.5;
/** What is due within so long under a declared rate is taken from the store ahead. */
const PACED_AHEAD_MS = 2_000;
const STORE_AWAY_MS = 500;
const FAILURES_TO_OPEN = 5;
const CIRCUIT_OPEN_MS = 10_000;

/** In time to stand in the queue when the turn comes: who comes after it finds that it was taken by what is due. */
const beforeTurn = (ms: number) => new LeaseTooShort(Math.max(0, ms - PACED_AHEAD_MS));

/** The queue at one authorization server: so many at a time, at a rate, in turn, what somebody waits for first. */
export class Lane {
  readonly #queues: Record<Priority, Waiting[]> = { asked: [], due: [] };
  readonly #breaker = new Breaker({ failuresInARow: FAILURES_TO_OPEN, openMs: CIRCUIT_OPEN_MS });
  #settings: LaneSettings = { concurrency: 1 };
  #running = 0;
  /** Turns under the rate that were granted and not used yet. */
  #granted = 0;
  #pausedUntil = 0;
  /** Nobody's turn under the rate comes before. */
  #nextTurnAt = 0;
  #taking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly provider: string,
    private readonly takeTurns: TakeTurns,
  ) {}

  get state(): BreakerState {
    return this.#breaker.state;
  }

  get waiting(): number {
    return this.#queues.asked.length + this.#queues.due.length;
  }

  /** Forgetting it would change nothing. */
  get idle(): boolean {
    return this.#running === 0 && this.waiting === 0 && this.#breaker.state === 0 && this.#pauseLeftMs() <= 0;
  }

  /** How many more may be leased for it now. */
  get room(): number {
    const { concurrency, perMinute } = this.#settings;
    if (this.#pauseLeftMs() > 0 || this.#nextTurnAt - performance.now() > PACED_AHEAD_MS) return 0;
    const ahead = Math.ceil(concurrency * (1 + AHEAD_SHARE));
    const paced = perMinute === undefined ? ahead : Math.min(ahead, Math.ceil((perMinute * PACED_AHEAD_MS) / 60_000));
    const free = Math.max(0, paced - this.#running - this.waiting);
    if (this.#breaker.state === 0) return free;
    return this.#breaker.mayEnter ? Math.min(1, free) : 0;
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms);
    this.#advance();
  }

  /**
   * @param until `performance.now()`: a turn that comes later is refused
   * @param verdictOf what the outcome of the task says of the server: its result is left out where it failed
   * @throws LaneClosed, LeaseTooShort without running the task; whatever the task throws
   */
  run<T>(
    settings: LaneSettings,
    { priority, until }: { priority: Priority; until: number },
    task: () => Promise<T>,
    verdictOf: (error: unknown) => Verdict,
  ): Promise<T> {
    this.#settings = settings;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const enter = () => resolve(this.#guarded(task, verdictOf).finally(() => this.#left()));
    this.#queues[priority].push({ until, enter, refuse: reject });
    this.#advance();
    return promise;
  }

  async #guarded<T>(task: () => Promise<T>, verdictOf: (error: unknown) => Verdict): Promise<T> {
    const ended = this.#breaker.enter();
    try {
      const result = await task();
      await ended('answered');
      return result;
    } catch (error) {
      await ended(verdictOf(error));
      throw error;
    }
  }

  #left(): void {
    this.#running--;
    this.#advance();
  }

  /** Lets in whom it can, refuses whom it will not in time, and sees to it that it is called again for the others. */
  #advance(): void {
    if (this.#isHeld()) return;
    while (this.waiting > 0 && this.#running < this.#settings.concurrency && this.#breaker.mayEnter) {
      if (this.#settings.perMinute !== undefined && this.#granted === 0) return void this.#takeTurns(this.#settings.perMinute);
      const next = this.#queues.asked.shift() ?? this.#queues.due.shift();
      if (next === undefined) return;
      if (performance.now() > next.until) {
        next.refuse(new LeaseTooShort());
        continue;
      }
      if (this.#granted > 0) this.#granted--;
      this.#running++;
      next.enter();
    }
    // Kept for later, they would make a burst of what the rate has spread.
    if (this.waiting === 0) this.#granted = 0;
  }

  #isHeld(): boolean {
    const pauseMs = this.#pauseLeftMs();
    const turnMs = this.#nextTurnAt - performance.now();
    if (this.#breaker.state === 2) this.#hold(this.#breaker.openForMs, Infinity, (ms) => new LaneClosed('circuit_open', ms));
    else if (pauseMs > 0) this.#hold(pauseMs, performance.now() + pauseMs, (ms) => new LaneClosed('paused', ms));
    else if (turnMs > 0) this.#hold(turnMs, performance.now() + turnMs, beforeTurn);
    else return false;
    return true;
  }

  async #takeTurns(perMinute: number): Promise<void> {
    if (this.#taking) return;
    this.#taking = true;
    const wanted = Math.min(this.waiting, this.#settings.concurrency - this.#running);
    // While the store is away nothing could be stored either; who waits too long for it is refused.
    const turns = await this.takeTurns(perMinute, wanted).catch(() => ({ granted: 0, waitMs: STORE_AWAY_MS }));
    this.#taking = false;
    this.#granted += turns.granted;
    if (turns.granted === 0) this.#nextTurnAt = performance.now() + turns.waitMs;
    this.#advance();
  }

  /** Nobody's turn comes for `ms`: who can not wait until then is told at once, the others are looked after again. */
  #hold(ms: number, then: number, why: (ms: number) => Error): void {
    for (const priority of ['asked', 'due'] as const) {
      const queue = this.#queues[priority];
      this.#queues[priority] = queue.filter(({ until }) => until >= then);
      for (const { until, refuse } of queue) if (until < then) refuse(why(ms));
    }
    clearTimeout(this.#timer);
    if (this.waiting > 0) this.#timer = setTimeout(() => this.#advance(), ms);
  }

  #pauseLeftMs(): number {
    return this.#pausedUntil - performance.now();
  }
}
