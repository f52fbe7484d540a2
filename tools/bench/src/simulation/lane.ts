import { AHEAD_SHARE, FAILURES_TO_OPEN, HALF_OPEN_AFTER_MS, PACED_AHEAD_MS } from './model.js';

/** The rate that one provider allows over all replicas, handed out turn by turn. */
export class Pace {
  #nextAt = 0;

  constructor(readonly perSecond: number) {}

  /** @returns when the next turn is */
  take(now: number): number {
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + 1000 / this.perSecond;
    return at;
  }

  /** Whether turns are handed out that are still to come. */
  isAhead(now: number): boolean {
    return this.#nextAt > now + 100;
  }
}

/** One replica's queue at one authorization server, with its breaker. */
export class Lane {
  readonly queue: number[] = [];
  running = 0;
  /** Turns under the rate that are still to come. */
  coming = 0;
  #failures = 0;
  #openedAt: number | undefined;
  #trying = false;

  constructor(
    private readonly concurrency: number,
    readonly pace: Pace | undefined,
  ) {}

  /** How many more may be leased for it now. */
  room(now: number): number {
    if (this.pace?.isAhead(now) === true) return 0;
    const ahead = Math.ceil(this.concurrency * (1 + AHEAD_SHARE));
    const most = this.pace === undefined ? ahead : Math.min(ahead, Math.ceil((this.pace.perSecond * PACED_AHEAD_MS) / 1000));
    return Math.max(0, Math.min(this.#breakerRoom(now), most - this.running - this.queue.length - this.coming));
  }

  /** Whether the first of the queue may go now. */
  mayEnter(now: number): boolean {
    return this.queue.length > 0 && this.running + this.coming < this.concurrency && this.#breakerRoom(now) > 0;
  }

  begin(): void {
    this.running++;
    if (this.#openedAt !== undefined) this.#trying = true;
  }

  end(now: number, answered: boolean): void {
    this.running--;
    if (answered) {
      this.#failures = 0;
      this.#openedAt = undefined;
    } else {
      this.#failures++;
      if (this.#openedAt === undefined ? this.#failures >= FAILURES_TO_OPEN : this.#trying) this.#openedAt = now;
    }
    this.#trying = false;
  }

  /** While it is open, whoever waits is sent away. */
  isOpen(now: number): boolean {
    return this.#openedAt !== undefined && now - this.#openedAt < HALF_OPEN_AFTER_MS;
  }

  #breakerRoom(now: number): number {
    if (this.#openedAt === undefined) return Infinity;
    return this.isOpen(now) || this.#trying ? 0 : 1;
  }
}
