interface Lane<T> {
  readonly jobs: T[];
  /** On the queue's clock. */
  spentMs: number;
}

/** Lanes that wait for nothing are kept as long as they are ahead; beyond so many, none of them is. */
const MAX_IDLE = 1_000;

/**
 * Jobs of many owners for one worker, which goes to the owner that has had the least of it (start-time fair queueing): whose jobs take
 * seconds waits for those whose jobs take none, and not the other way round.
 */
export class FairQueue<T> {
  readonly #lanes = new Map<string, Lane<T>>();
  /** What the owner had that was served last. Who comes anew begins here: time that nobody asked for is not saved up. */
  #clockMs = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(owner: string, job: T): void {
    const lane = this.#lanes.get(owner) ?? { jobs: [], spentMs: 0 };
    if (lane.jobs.length === 0) lane.spentMs = Math.max(lane.spentMs, this.#clockMs);
    lane.jobs.push(job);
    this.#size += 1;
    this.#lanes.set(owner, lane);
    if (this.#lanes.size > MAX_IDLE) this.#forgetIdle();
  }

  /** The next job, and what must be told of how long it took. */
  take(): { job: T; took: (ms: number) => void } | undefined {
    const waiting = [...this.#lanes.values()].filter(({ jobs }) => jobs.length > 0);
    const [first, ...others] = waiting;
    if (first === undefined) return undefined;
    const lane = others.reduce((least, each) => (each.spentMs < least.spentMs ? each : least), first);
    this.#size -= 1;
    this.#clockMs = lane.spentMs;
    return { job: lane.jobs.shift() as T, took: (ms) => (lane.spentMs += ms) };
  }

  /** Takes away the last job of whoever has the most of them. */
  dropFromLongest(): T | undefined {
    const [first, ...others] = this.#lanes.values();
    if (first === undefined) return undefined;
    const longest = others.reduce((most, each) => (each.jobs.length > most.jobs.length ? each : most), first);
    if (longest.jobs.length > 0) this.#size -= 1;
    return longest.jobs.pop();
  }

  #forgetIdle(): void {
    for (const [owner, { jobs }] of this.#lanes) if (jobs.length === 0) this.#lanes.delete(owner);
  }
}
