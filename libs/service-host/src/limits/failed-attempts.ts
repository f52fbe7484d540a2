import { KeywardError } from '@keyward/contracts';
import { LRUCache } from 'lru-cache';

export interface AttemptLimits {
  /** Failures in a row before an address must wait. */
  burst: number;
  /** One more failure is forgiven every so often. */
  refillMs: number;
  /** Addresses remembered. */
  size: number;
  /** Milliseconds, monotonic. */
  now: () => number;
}

const DEFAULTS: AttemptLimits = { burst: 30, refillMs: 1_000, size: 10_000, now: () => performance.now() };

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * One token bucket per address, emptied by failed authentications only: guessing, and making the database look for keys that do not
 * exist, is slowed down; whoever holds a valid key never notices.
 */
export class FailedAttempts {
  readonly #limits: AttemptLimits;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(limits: Partial<AttemptLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits };
    this.#buckets = new LRUCache({ max: this.#limits.size });
  }

  /** @throws KeywardError `rate_limited` with `retryAfterMs` */
  requireRoom(address: string): void {
    const bucket = this.#buckets.get(address);
    if (bucket === undefined) return;
    const tokens = this.#tokens(bucket);
    if (tokens >= 1) return;
    throw new KeywardError('rate_limited', 'Too many failed authentications from this address.', {
      details: { retryAfterMs: Math.ceil((1 - tokens) * this.#limits.refillMs) },
    });
  }

  failed(address: string): void {
    const bucket = this.#buckets.get(address);
    const tokens = bucket === undefined ? this.#limits.burst : this.#tokens(bucket);
    this.#buckets.set(address, { tokens: Math.max(0, tokens - 1), at: this.#limits.now() });
  }

  #tokens(bucket: Bucket): number {
    return Math.min(this.#limits.burst, bucket.tokens + (this.#limits.now() - bucket.at) / this.#limits.refillMs);
  }
}
