import { QuotaGate } from './quota-gate.js';
import type { QuotaStore, QuotaTerms } from './quota-store.js';

/** Those that are idle longest make way; what they knew is in the store. */
const MAX_GATES = 10_000;

/** The gates of this replica, by quota. */
export class QuotaGates {
  readonly #gates = new Map<string, QuotaGate>();

  constructor(private readonly store: QuotaStore) {}

  /** Terms are part of what names a quota: with other ones it is another quota. */
  gate(key: string, terms: QuotaTerms): QuotaGate {
    const full = `${key} ${terms.limit}/${terms.windowMs}`;
    const known = this.#gates.get(full);
    if (known !== undefined) return known;
    const gate = new QuotaGate(this.store, full, terms);
    this.#gates.set(full, gate);
    if (this.#gates.size > MAX_GATES) this.#forgetOne();
    return gate;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#gates.values(), (gate) => gate.close()));
  }

  #forgetOne(): void {
    for (const [key, gate] of this.#gates) {
      if (!gate.idle) continue;
      this.#gates.delete(key);
      return;
    }
  }
}
