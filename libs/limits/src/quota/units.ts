/** Units of one lease. */
export interface HeldUnits {
  readonly id: number;
  units: number;
  /** `performance.now()`: from then on none of them may be used. */
  readonly until: number;
}

/** What this replica has leased and not used yet, the oldest first. */
export class Pool {
  #held: HeldUnits[] = [];
  #units = 0;

  get units(): number {
    return this.#units;
  }

  /** When the first of them lapse; undefined where there are none. */
  get lapsesAt(): number | undefined {
    return this.#held[0]?.until;
  }

  put(units: HeldUnits): void {
    // What is put back may lapse before what is there.
    const at = this.#held.findIndex(({ until }) => until > units.until);
    this.#held.splice(at === -1 ? this.#held.length : at, 0, units);
    this.#units += units.units;
  }

  /** All of them or nothing. */
  take(units: number): HeldUnits[] | undefined {
    if (this.#units < units || units <= 0) return undefined;
    const taken: HeldUnits[] = [];
    for (let missing = units; missing > 0;) {
      const oldest = this.#held[0] as HeldUnits;
      const part = Math.min(missing, oldest.units);
      taken.push({ ...oldest, units: part });
      oldest.units -= part;
      if (oldest.units === 0) this.#held.shift();
      missing -= part;
    }
    this.#units -= units;
    return taken;
  }

  /** Takes out what may not be used any more. */
  lapsed(now: number): HeldUnits[] {
    const lapsed: HeldUnits[] = [];
    for (let oldest = this.#held[0]; oldest !== undefined && oldest.until <= now; oldest = this.#held[0]) {
      lapsed.push(oldest);
      this.#held.shift();
      this.#units -= oldest.units;
    }
    return lapsed;
  }
}
