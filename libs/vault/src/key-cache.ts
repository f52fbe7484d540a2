import type { DataKey } from './data-key.js';
import { DATA_KEY_CACHE_ENTRIES, DATA_KEY_CACHE_MS, DATA_KEY_CACHE_USES } from './limits.js';
import type { Clock } from './ports.js';

interface Tenant {
  uses: number;
  readonly keys: Set<string>;
}

interface Entry {
  readonly key: DataKey;
  readonly tenant: Tenant;
  /** Monotonic milliseconds. Set once: nothing prolongs an entry's life. */
  readonly expiresAt: number;
}

/**
 * Data keys in memory, bounded in age, uses per organization, and number. What reaches a bound leaves memory; a timer sees to
 * keys that nobody asks for again.
 */
export class KeyCache {
  readonly #clock: Clock;
  /** By data key id. All entries live equally long, so the order of insertion is the order of expiry. */
  readonly #entries = new Map<string, Entry>();
  readonly #tenants = new Map<string, Tenant>();
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts as one use. The key is good until the caller gives up the thread, and no longer. */
  use(org: string, id: string): DataKey | undefined {
    const entry = this.#live(org, id);
    if (entry === undefined) return undefined;
    if (entry.tenant.uses >= DATA_KEY_CACHE_USES) {
      this.drop(org);
      return undefined;
    }
    entry.tenant.uses++;
    return entry.key;
  }

  has(org: string, id: string): boolean {
    return this.#live(org, id) !== undefined;
  }

  put(key: DataKey): void {
    this.#remove(key.id);
    const oldest = this.#entries.keys().next();
    if (this.#entries.size >= DATA_KEY_CACHE_ENTRIES && !oldest.done) this.#remove(oldest.value);
    let tenant = this.#tenants.get(key.org);
    if (tenant === undefined) {
      tenant = { uses: 0, keys: new Set() };
      this.#tenants.set(key.org, tenant);
    }
    tenant.keys.add(key.id);
    this.#entries.set(key.id, { key, tenant, expiresAt: this.#clock.monotonicMs() + DATA_KEY_CACHE_MS });
    this.#scheduleSweep();
  }

  /** Every key of the organization leaves memory. */
  drop(org: string): void {
    for (const id of this.#tenants.get(org)?.keys ?? []) this.#remove(id);
  }

  #live(org: string, id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.key.org !== org) return undefined;
    if (this.#clock.monotonicMs() < entry.expiresAt) return entry;
    this.#remove(id);
    return undefined;
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    entry.tenant.keys.delete(id);
    if (entry.tenant.keys.size === 0) this.#tenants.delete(entry.key.org);
    entry.key.dispose();
  }

  #scheduleSweep(): void {
    if (this.#timer !== undefined) return;
    const oldest = this.#entries.values().next();
    if (oldest.done) return;
    const delay = Math.max(1, Math.ceil(oldest.value.expiresAt - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => this.#sweep(), delay);
    this.#timer.unref(); // a cache is no reason to keep a process alive
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonicMs();
    for (const [id, entry] of this.#entries) {
      if (entry.expiresAt > now) break;
      this.#remove(id);
    }
    this.#scheduleSweep();
  }
}
