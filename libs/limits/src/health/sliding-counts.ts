const SLOTS = 10;

/** Two counts of the last while, of some things and of those among them that are of one kind. */
export class SlidingCounts {
  readonly #all = new Array<number>(SLOTS).fill(0);
  readonly #some = new Array<number>(SLOTS).fill(0);
  readonly #slotMs: number;
  #slot: number;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS;
    this.#slot = this.#slotNow();
  }

  get all(): number {
    this.#advance();
    return sum(this.#all);
  }

  get some(): number {
    this.#advance();
    return sum(this.#some);
  }

  add(all: number, some: number): void {
    this.#advance();
    const at = this.#slot % SLOTS;
    this.#all[at] = (this.#all[at] ?? 0) + all;
    this.#some[at] = (this.#some[at] ?? 0) + some;
  }

  clear(): void {
    this.#all.fill(0);
    this.#some.fill(0);
  }

  #advance(): void {
    const now = this.#slotNow();
    if (now - this.#slot >= SLOTS) this.clear();
    else for (let slot = this.#slot + 1; slot <= now; slot++) this.#all[slot % SLOTS] = this.#some[slot % SLOTS] = 0;
    this.#slot = now;
  }

  #slotNow(): number {
    return Math.floor(performance.now() / this.#slotMs);
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
