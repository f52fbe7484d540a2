import { performance } from 'node:perf_hooks';
import { KeyRing } from './key-ring.js';
import { meteredKms } from './metered-kms.js';
import { open } from './open.js';
import type { Clock, DataKeyStore, KeyManagement, VaultMetrics, VaultOperation } from './ports.js';
import { rewrap, type RewrapOptions, type RewrapReport } from './rewrap.js';
import { seal } from './seal.js';
import { shred } from './shred.js';
import type { SealContext } from './format.js';

export interface VaultOptions {
  kms: KeyManagement;
  dataKeys: DataKeyStore;
  clock?: Clock | undefined;
  metrics?: VaultMetrics | undefined;
}

const SYSTEM_CLOCK: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/** Envelope encryption. Every method throws KeywardError only. */
export class Vault {
  readonly #ring: KeyRing;
  readonly #kms: KeyManagement;
  readonly #store: DataKeyStore;
  readonly #metrics: VaultMetrics | undefined;

  constructor(options: VaultOptions) {
    this.#kms = meteredKms(options.kms, options.metrics);
    this.#store = options.dataKeys;
    this.#metrics = options.metrics;
    const clock = options.clock ?? SYSTEM_CLOCK;
    this.#ring = new KeyRing({ kms: this.#kms, store: this.#store, clock, metrics: options.metrics });
  }

  /** Takes ownership of `plaintext` and zeroes it, whatever happens. */
  seal(context: SealContext, plaintext: Buffer): Promise<Buffer> {
    return this.#counted('seal', seal(this.#ring, context, plaintext));
  }

  /**
   * Lends the plaintext to `use` and zeroes it once `use` has returned; keep nothing of it.
   * @throws KeywardError `internal` for bytes that were not sealed in this context, `revoked` once the organization was shredded,
   * `dependency_unavailable` when the key is not in memory and can't be had.
   */
  open<T>(context: SealContext, sealed: Buffer, use: (plaintext: Buffer) => T): Promise<T> {
    return this.#counted('open', open(this.#ring, context, sealed, use));
  }

  /** What is sealed from now on is sealed under a new data key; what was sealed still opens. */
  rotate(org: string): Promise<void> {
    return this.#counted('rotate', this.#ring.rotate(org));
  }

  /** Wraps every data key under the KMS's current key. Resumable, see `RewrapReport`. */
  rewrap(options: RewrapOptions = {}): Promise<RewrapReport> {
    return this.#counted('rewrap', rewrap(this.#kms, this.#store, options));
  }

  /**
   * Destroys the organization's data keys: nothing it has sealed opens again, and nothing more is sealed for it. In other processes
   * as soon as they `forget`, else after at most five minutes.
   */
  shred(org: string): Promise<number> {
    return this.#counted('shred', shred(this.#ring, this.#store, org));
  }

  /** Its data keys leave this process's memory: what it has sealed opens again only as far as the store still has them. */
  forget(org: string): void {
    this.#ring.forget(org);
  }

  async #counted<T>(op: VaultOperation, work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      this.#metrics?.operation(op, 'ok');
      return result;
    } catch (thrown) {
      this.#metrics?.operation(op, 'failed');
      throw thrown;
    }
  }
}
