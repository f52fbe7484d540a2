import { hash, timingSafeEqual } from 'node:crypto';
import { agentKeySecretHash, parseAgentKey, type ControlRevoked } from '@keyward/contracts';
import { LRUCache } from 'lru-cache';

/** Who a request speaks for. */
export interface AgentPrincipal {
  readonly org: string;
  readonly agent: string;
  /** Id of the key it came with, `key_…`. */
  readonly key: string;
}

/** What `identity.find_agent_key` answers. */
export interface AgentKeyRow {
  org_id: string;
  agent_id: string;
  secret_sha256: Buffer;
  revoked_at: Date | null;
}

export interface AgentKeyOptions {
  /** How long a verified key is taken without looking at its row again. A revocation is broadcast and does not wait for this. */
  verifiedMs: number;
  /** How long a refused key is refused without looking. */
  refusedMs: number;
  /** Entries of each cache. */
  size: number;
  /** Milliseconds, monotonic. */
  now: () => number;
}

const DEFAULTS: AgentKeyOptions = { verifiedMs: 60_000, refusedMs: 5_000, size: 20_000, now: () => performance.now() };
const NO_SECRET = Buffer.alloc(32);

interface Verified {
  readonly principal: AgentPrincipal;
  readonly until: number;
}

/**
 * Verifies agent keys against their rows. Both caches are keyed by the SHA-256 of the key, so neither a heap dump nor the timing of a
 * map lookup gives a key away.
 */
export class AgentKeys {
  readonly #options: AgentKeyOptions;
  readonly #lookup: (keyId: string) => Promise<AgentKeyRow | undefined>;
  readonly #verified: LRUCache<string, Verified>;
  readonly #refused: LRUCache<string, number>;
  readonly #underWay = new Map<string, Promise<AgentPrincipal | undefined>>();
  /** Rises with every revocation: a row read before one may not be cached after it. */
  #epoch = 0;

  constructor(lookup: (keyId: string) => Promise<AgentKeyRow | undefined>, options: Partial<AgentKeyOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#lookup = lookup;
    this.#verified = new LRUCache({ max: this.#options.size });
    this.#refused = new LRUCache({ max: this.#options.size });
  }

  static digest(key: string): string {
    return hash('sha256', key, 'base64');
  }

  /** @returns what is known without asking: the principal, `refused`, or undefined where the row must be read. */
  known(digest: string): AgentPrincipal | 'refused' | undefined {
    const verified = this.#verified.get(digest);
    if (verified !== undefined && verified.until > this.#options.now()) return verified.principal;
    const refusedUntil = this.#refused.get(digest);
    return refusedUntil !== undefined && refusedUntil > this.#options.now() ? 'refused' : undefined;
  }

  /** Whether this very key was valid when its row was last read, be that long ago. */
  wasVerified(digest: string): boolean {
    return this.#verified.has(digest);
  }

  /** @returns undefined where the key is malformed, unknown, wrong or revoked: the caller can't tell which. */
  verify(key: string, digest: string): Promise<AgentPrincipal | undefined> {
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const verification = this.#verify(key, digest).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, verification);
    return verification;
  }

  async #verify(key: string, digest: string): Promise<AgentPrincipal | undefined> {
    const epoch = this.#epoch;
    const parts = parseAgentKey(key);
    const row = parts === undefined ? undefined : await this.#lookup(parts.id);
    const presented = parts === undefined ? NO_SECRET : agentKeySecretHash(parts.secret);
    const matches = timingSafeEqual(presented, row?.secret_sha256 ?? NO_SECRET);
    if (parts === undefined || row === undefined || !matches || row.revoked_at !== null) {
      this.#verified.delete(digest);
      this.#refused.set(digest, this.#options.now() + this.#options.refusedMs);
      return undefined;
    }
    const principal = { org: row.org_id, agent: row.agent_id, key: parts.id };
    if (epoch === this.#epoch) {
      this.#refused.delete(digest);
      this.#verified.set(digest, { principal, until: this.#options.now() + this.#options.verifiedMs });
    }
    return principal;
  }

  /** Forgets what a revocation concerns; the next use reads the row again. */
  forget(revoked: ControlRevoked): void {
    if (revoked.kind === 'connection') return;
    this.#epoch++;
    for (const [digest, { principal }] of this.#verified.entries()) {
      const concerned = revoked.kind === 'agent' ? principal.agent === revoked.agent : principal.key === revoked.key;
      if (concerned) this.#verified.delete(digest);
    }
  }

  /** For when broadcasts may have been missed. */
  forgetAll(): void {
    this.#epoch++;
    this.#verified.clear();
    this.#refused.clear();
  }
}
