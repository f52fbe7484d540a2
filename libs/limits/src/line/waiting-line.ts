import { FairLine, type Who } from './fair-line.js';

/** What somebody waits for, and for how long. */
export interface Turn {
  /** Units that it takes. */
  readonly cost: number;
  /** `performance.now()`: what comes later comes too late. */
  readonly until: number;
  readonly signal: AbortSignal;
}

/** It can not be had in time. */
export class TooLate extends Error {
  /** @param waitMs until it may be had, as far as is known */
  constructor(readonly waitMs: number) {
    super('it can not be had in time');
  }
}

interface Waiter<T> {
  readonly turn: Turn;
  enter(taken: T): void;
  refuse(why: unknown): void;
}

/** Timers of node do not reach further. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Those who wait for the same thing. Whoever gives up, or whose time is over, leaves by himself. */
export class WaitingLine<T> {
  readonly #line = new FairLine<Waiter<T>>();
  #units = 0;

  get length(): number {
    return this.#line.length;
  }

  /** What all of them together wait for. */
  get units(): number {
    return this.#units;
  }

  /** Of the one who is next; undefined where nobody waits. */
  get nextCost(): number | undefined {
    return this.#line.peek()?.turn.cost;
  }

  /** @throws TooLate; what `refuse` says; the signal's reason */
  wait(who: Who, turn: Turn): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const leave = (): void => {
      clearTimeout(timer);
      turn.signal.removeEventListener('abort', onAbort);
      this.#line.remove(who, waiter);
      this.#units -= turn.cost;
    };
    const waiter: Waiter<T> = {
      turn,
      enter: (taken) => (leave(), resolve(taken)),
      refuse: (why) => (leave(), reject(why)),
    };
    const onAbort = (): void => waiter.refuse(turn.signal.reason);
    const leftMs = Math.max(0, turn.until - performance.now());
    const timer = setTimeout(() => waiter.refuse(new TooLate(0)), Math.min(leftMs, LONGEST_TIMER_MS));
    turn.signal.addEventListener('abort', onAbort, { once: true });
    this.#line.push(who, waiter);
    this.#units += turn.cost;
    return promise;
  }

  /** Lets them in, one after the other, until `take` has nothing for the next. */
  serve(take: (cost: number) => T | undefined): void {
    for (let next = this.#line.peek(); next !== undefined; next = this.#line.peek()) {
      const taken = take(next.turn.cost);
      if (taken === undefined) return;
      // Taken out by `shift`, so that the turn goes on to the next organization.
      this.#line.shift();
      next.enter(taken);
    }
  }

  /** Tells those at once who would wait in vain. @param then `performance.now()`, before which nobody's turn comes */
  refuseBefore(then: number, why: (turn: Turn) => unknown): void {
    for (const waiter of [...this.#line]) if (waiter.turn.until < then) waiter.refuse(why(waiter.turn));
  }
}
