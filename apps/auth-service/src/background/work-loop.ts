import { setTimeout as delay } from 'node:timers/promises';

export interface WorkLoopOptions {
  /** Between two looks where there was nothing to do. */
  pollMs: number;
  /** @returns whether there may be more at once */
  work: () => Promise<boolean>;
  /** Told why `work` failed; it is tried again after a pause. */
  onFailure: (error: unknown) => void;
}

/** Work that waits in a table: looked for again at once while there is more, when told, and else now and then. */
export class WorkLoop {
  #running: Promise<void> | undefined;
  #wake = new AbortController();
  #stopping = false;

  constructor(private readonly options: WorkLoopOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** There may be something to do. Not lost where it is said during a look. */
  notify(): void {
    this.#wake.abort();
  }

  /** Resolves when nothing is looked for any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.notify();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { pollMs, work, onFailure } = this.options;
    while (!this.#stopping) {
      this.#wake = new AbortController();
      const more = await work().catch((error: unknown) => {
        onFailure(error);
        return false;
      });
      if (!more && !this.#stopping) await delay(pollMs, undefined, { signal: this.#wake.signal }).catch(() => undefined);
    }
  }
}
