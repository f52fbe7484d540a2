/** A piece of work that callers share. Cancelled when what it works for is taken away while it is under way. */
export interface Flight {
  readonly org: string;
  cancelled: boolean;
}

/** Concurrent callers with one key share one run, its success and its failure; later callers start anew. */
export class SingleFlight {
  readonly #running = new Map<string, { flight: Flight; done: Promise<void> }>();

  run(key: string, org: string, work: (flight: Flight) => Promise<void>): Promise<void> {
    const running = this.#running.get(key);
    if (running !== undefined) return running.done;
    const flight: Flight = { org, cancelled: false };
    const done = work(flight).finally(() => {
      if (this.#running.get(key)?.flight === flight) this.#running.delete(key);
    });
    this.#running.set(key, { flight, done });
    return done;
  }

  /** Runs of the organization are told, and nobody joins them any more. */
  cancel(org: string): void {
    for (const [key, { flight }] of this.#running) {
      if (flight.org !== org) continue;
      flight.cancelled = true;
      this.#running.delete(key);
    }
  }
}
