import { setTimeout as delay } from 'node:timers/promises';

/** Repeats work, never two at a time, until it is stopped. */
export class Periodic {
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /**
   * @param everyMs from the beginning of one round to that of the next, where it takes no longer
   * @param work tells of its failures itself; should end soon once the signal aborts
   */
  constructor(
    private readonly everyMs: number,
    private readonly work: (stopping: AbortSignal) => Promise<void>,
  ) {}

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const began = performance.now();
      await this.work(signal);
      const rest = Math.max(0, this.everyMs - (performance.now() - began));
      await delay(rest, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
