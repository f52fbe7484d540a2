import type { Clock } from '../ports.js';

/** A clock that a test sets. Both of its times move together unless `stepWall` moves the wall alone, as an administrator would. */
export class ManualClock implements Clock {
  #wallMs = Date.UTC(2026, 0, 1);
  #monotonicMs = 1_000;

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  stepWall(ms: number): void {
    this.#wallMs += ms;
  }
}
