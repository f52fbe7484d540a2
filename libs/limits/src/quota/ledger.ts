import { stepOf, type Lease, type LeaseRequest, type Learned, type QuotaTerms } from './quota-store.js';

/** Units that count until the same moment. */
interface Entry {
  readonly freeAt: number;
  units: number;
}

/**
 * The reckoning behind a quota. Of the generic cell rate algorithm (ITU-T I.371) it keeps the theoretical arrival time, but one for each unit
 * instead of one for all: with a single one, a limit that is never exceeded costs either the burst or a share of the quota. So the whole
 * limit may be used at once, and is had again a window later.
 */
export class Ledger {
  /** By `freeAt`, which no two share. */
  #entries: Entry[] = [];
  #known = { left: 0, until: Number.NEGATIVE_INFINITY };

  /** @param now ms, of one clock for all calls */
  lease(terms: QuotaTerms, { least, most, lifeMs }: LeaseRequest, now: number): Lease {
    this.#forget(now);
    const isKnown = this.#known.until > now;
    const free = terms.limit - this.#used();
    const left = isKnown ? Math.min(free, this.#known.left) : free;
    if (left < least) {
      const waits = [
        free < least ? this.#freeAt(least - free) : now,
        isKnown && this.#known.left < least ? this.#known.until : now,
      ];
      return { id: 0, granted: 0, left: Math.max(0, left), waitMs: Math.max(1, Math.max(...waits) - now) };
    }
    const granted = Math.max(least, Math.min(most, Math.floor(left / 4)));
    if (isKnown) this.#known.left -= granted;
    const step = stepOf(terms);
    const id = this.#count(granted, Math.ceil((now + 1 + lifeMs + terms.windowMs) / step) * step);
    return { id, granted, left: left - granted, waitMs: 0 };
  }

  giveBack({ id, units }: { id: number; units: number }): void {
    const entry = this.#entries.find(({ freeAt }) => freeAt === id);
    if (entry === undefined) return;
    entry.units = Math.max(0, entry.units - units);
    this.#known.left += units;
  }

  learn({ remaining, resetMs }: Learned, now: number): void {
    this.#known = { left: remaining, until: now + resetMs };
  }

  #count(units: number, freeAt: number): number {
    const last = this.#entries.at(-1);
    // A lease that ends before one that was granted earlier counts as long as that one: no harm, and the order stays.
    if (last === undefined || last.freeAt < freeAt) this.#entries.push({ freeAt, units });
    else last.units += units;
    return Math.max(freeAt, last?.freeAt ?? 0);
  }

  #used(): number {
    return this.#entries.reduce((sum, { units }) => sum + units, 0);
  }

  /** When so many more units are free. */
  #freeAt(units: number): number {
    let missing = units;
    for (const entry of this.#entries) {
      missing -= entry.units;
      if (missing <= 0) return entry.freeAt;
    }
    return Number.POSITIVE_INFINITY;
  }

  #forget(now: number): void {
    this.#entries = this.#entries.filter(({ freeAt }) => freeAt > now);
  }
}
