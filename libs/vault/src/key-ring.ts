import { newId } from '@keyward/contracts';
import { DataKey } from './data-key.js';
import { cannotOpen, keysUnavailable, shredded } from './errors.js';
import { KeyCache } from './key-cache.js';
import { dataKeyContext } from './kms-context.js';
import { DATA_KEY_AGE_MS, DATA_KEY_CACHE_MS, DATA_KEY_MESSAGES, RESERVATION_MESSAGES } from './limits.js';
import type { Clock, DataKeyRecord, DataKeyStore, KeyManagement, VaultMetrics } from './ports.js';
import { SingleFlight, type Flight } from './single-flight.js';

/** This process's right to seal: how many messages are left of what it reserved under the active key. */
interface SealingLease {
  readonly dataKeyId: string;
  readonly createdAtMs: number;
  remaining: number;
  /** Monotonic milliseconds after which the store is asked again which key is active. */
  readonly recheckAt: number;
}

/** How often a fresh key may turn out to be used up before sealing gives up: more than once needs a storm of rotations. */
const LEASE_ATTEMPTS = 5;

export interface KeyRingOptions {
  kms: KeyManagement;
  store: DataKeyStore;
  clock: Clock;
  metrics: VaultMetrics | undefined;
}

/** Finds the data key for a piece of work: in the cache, else unwrapped by the KMS, else newly made. */
export class KeyRing {
  readonly #kms: KeyManagement;
  readonly #store: DataKeyStore;
  readonly #clock: Clock;
  readonly #metrics: VaultMetrics | undefined;
  readonly #cache: KeyCache;
  readonly #leases = new Map<string, SealingLease>();
  readonly #flights = new SingleFlight();

  constructor(options: KeyRingOptions) {
    this.#kms = options.kms;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#cache = new KeyCache(options.clock);
  }

  /** `work` is synchronous: the key may leave memory as soon as another task runs. */
  async withOpeningKey<T>(org: string, id: string, work: (key: DataKey) => T): Promise<T> {
    for (let cached = true; ; cached = false) {
      const key = this.#cache.use(org, id);
      if (key !== undefined) {
        if (cached) this.#metrics?.dataKeyCacheHit();
        return work(key);
      }
      await this.#share(org, id, (flight) => this.#load(flight, id));
    }
  }

  /** One message of the nonce budget per call. */
  async withSealingKey<T>(org: string, work: (key: DataKey) => T): Promise<T> {
    for (let cached = true; ; cached = false) {
      const lease = this.#usableLease(org);
      const key = lease && this.#cache.use(org, lease.dataKeyId);
      if (lease !== undefined && key !== undefined) {
        lease.remaining--;
        if (cached) this.#metrics?.dataKeyCacheHit();
        return work(key);
      }
      await this.#flights.run(`seal/${org}`, org, (flight) => this.#acquire(flight));
    }
  }

  /** The next message is sealed under a new key. Processes that hold a lease follow when they ask the store again. */
  async rotate(org: string): Promise<void> {
    const active = await this.#store.active(org);
    if (active !== null) await this.#store.retire(org, active.id);
    this.#leases.delete(org);
  }

  /** The organization's keys leave memory, and what is just being unwrapped does not get there. */
  forget(org: string): void {
    this.#flights.cancel(org);
    this.#leases.delete(org);
    this.#cache.drop(org);
  }

  #usableLease(org: string): SealingLease | undefined {
    const lease = this.#leases.get(org);
    if (lease === undefined || lease.remaining === 0) return undefined;
    if (this.#clock.monotonicMs() >= lease.recheckAt || this.#isAged(lease.createdAtMs)) return undefined;
    return lease;
  }

  #isAged(createdAtMs: number): boolean {
    return this.#clock.wallMs() - createdAtMs >= DATA_KEY_AGE_MS;
  }

  /** Sealing and opening share one unwrapping of a key. */
  #share(org: string, id: string, unwrap: (flight: Flight) => Promise<void>): Promise<void> {
    return this.#flights.run(`unwrap/${org}/${id}`, org, unwrap);
  }

  async #load(flight: Flight, id: string): Promise<void> {
    const record = await this.#store.byId(flight.org, id);
    if (record === null) throw cannotOpen('the data key is unknown to this organization');
    await this.#unwrap(flight, record);
  }

  async #unwrap(flight: Flight, record: DataKeyRecord): Promise<void> {
    if (record.state === 'destroyed') throw shredded(flight.org);
    const plaintext = await this.#kms.decrypt(record.wrapped, dataKeyContext(flight.org));
    this.#keep(flight, record.id, plaintext);
  }

  #keep(flight: Flight, id: string, plaintext: Buffer): void {
    if (flight.cancelled) {
      plaintext.fill(0);
      throw shredded(flight.org);
    }
    this.#cache.put(new DataKey(flight.org, id, plaintext));
  }

  /** Makes the active key cached and leaves a lease on it. */
  async #acquire(flight: Flight): Promise<void> {
    const { org } = flight;
    for (let attempt = 0; attempt < LEASE_ATTEMPTS; attempt++) {
      const record = (await this.#store.active(org)) ?? (await this.#create(flight));
      const spent = this.#isAged(record.createdAt.getTime()) || !(await this.#reserve(flight, record));
      if (!spent) {
        if (!this.#cache.has(org, record.id)) await this.#share(org, record.id, (shared) => this.#unwrap(shared, record));
        return;
      }
      await this.#store.retire(org, record.id);
    }
    throw keysUnavailable(new Error(`no data key of ${org} could be reserved in ${LEASE_ATTEMPTS} attempts`));
  }

  async #reserve(flight: Flight, record: DataKeyRecord): Promise<boolean> {
    const held = this.#leases.get(flight.org);
    let remaining = held?.dataKeyId === record.id ? held.remaining : 0;
    if (remaining === 0) {
      if (!(await this.#store.reserveMessages(flight.org, record.id, RESERVATION_MESSAGES, DATA_KEY_MESSAGES))) return false;
      remaining = RESERVATION_MESSAGES;
    }
    if (flight.cancelled) throw shredded(flight.org);
    const recheckAt = this.#clock.monotonicMs() + DATA_KEY_CACHE_MS;
    this.#leases.set(flight.org, { dataKeyId: record.id, createdAtMs: record.createdAt.getTime(), remaining, recheckAt });
    return true;
  }

  /** Another process may be first: then its key is the answer and ours is thrown away. */
  async #create(flight: Flight): Promise<DataKeyRecord> {
    const { org } = flight;
    const { plaintext, wrapped, kmsKeyId } = await this.#kms.generateDataKey(dataKeyContext(org));
    try {
      const mine = { id: newId('dek'), org, wrapped, kmsKeyId, createdAt: new Date(this.#clock.wallMs()) };
      const winner = await this.#store.insertActive(mine);
      if (winner.id === mine.id) this.#keep(flight, mine.id, plaintext);
      return winner;
    } finally {
      plaintext.fill(0);
    }
  }
}
