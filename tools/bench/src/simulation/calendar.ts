/**
 * Tokens by provider and by when they are due, in slots of so many ms: what the database's index over (provider, refresh_at) is. Within
 * a slot, the order is the reverse of that in which they were put in. Linked lists in typed arrays, since there are ten million.
 */
export class Calendar {
  readonly #slotMs: number;
  readonly #slots: number;
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  /** Of each provider, a slot before which there is nothing. */
  readonly #cursor: Int32Array;
  readonly #waiting: Int32Array;

  /** @param horizonMs what is due later is not kept: the simulation has ended by then */
  constructor(
    tokens: number,
    readonly providers: number,
    slotMs: number,
    horizonMs: number,
  ) {
    this.#slotMs = slotMs;
    this.#slots = Math.ceil(horizonMs / slotMs) + 1;
    this.#heads = new Int32Array(providers * this.#slots).fill(-1);
    this.#next = new Int32Array(tokens);
    this.#cursor = new Int32Array(providers).fill(this.#slots);
    this.#waiting = new Int32Array(providers);
  }

  put(token: number, provider: number, dueAt: number): void {
    const slot = Math.max(0, Math.ceil(dueAt / this.#slotMs));
    if (slot >= this.#slots) return;
    const at = provider * this.#slots + slot;
    this.#next[token] = this.#heads[at] as number;
    this.#heads[at] = token;
    this.#waiting[provider] = (this.#waiting[provider] as number) + 1;
    if (slot < (this.#cursor[provider] as number)) this.#cursor[provider] = slot;
  }

  /** When the next of a provider is due; Infinity where none is by `now`. A slot is due once it has begun. */
  nextDue(provider: number, now: number): number {
    if (this.#waiting[provider] === 0) return Infinity;
    const last = Math.min(this.#slots - 1, Math.floor(now / this.#slotMs));
    let slot = this.#cursor[provider] as number;
    while (slot <= last && this.#heads[provider * this.#slots + slot] === -1) slot++;
    this.#cursor[provider] = slot;
    return slot <= last ? slot * this.#slotMs : Infinity;
  }

  /** Only where `nextDue` has just named a time. */
  take(provider: number): number {
    const at = provider * this.#slots + (this.#cursor[provider] as number);
    const token = this.#heads[at] as number;
    this.#heads[at] = this.#next[token] as number;
    this.#waiting[provider] = (this.#waiting[provider] as number) - 1;
    return token;
  }
}
