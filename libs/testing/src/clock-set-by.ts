/** Runs `work` while the clock of this process is off by so many milliseconds, as if it had been set. Timers and `performance.now()` go on. */
export async function withClockSetBy<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const real = globalThis.Date;
  globalThis.Date = class extends real {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [real.now() + ms] : given) as [number]));
    }
    static override now = () => real.now() + ms;
  } as DateConstructor;
  try {
    return await work();
  } finally {
    globalThis.Date = real;
  }
}
