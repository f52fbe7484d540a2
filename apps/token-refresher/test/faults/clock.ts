const RealDate = Date;
let shiftMs = 0;

/** A clock that is off, for the whole process: timers and `performance.now()` do not care about it, and neither may anything else. */
class ShiftedDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(ShiftedDate.now());
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
}
globalThis.Date = ShiftedDate as DateConstructor;

/** @param ms how far the clock is off from now on; a change is a step of the clock */
export function shiftClock(ms: number): void {
  shiftMs = ms;
}
