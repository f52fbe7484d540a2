import { hash } from 'node:crypto';
import type { ControlRevoked } from '@keyward/contracts';
import { LRUCache } from 'lru-cache';

/** Who a request speaks for. */
export interface AgentPrincipal {
  readonly org: string;
  readonly agent: string;
  /** Id of the key it came with, `key_…`; none for a workload identity. */
  readonly key?: string;
}

export interface VerifiedCredential {
  readonly principal: AgentPrincipal;
  /** Milliseconds until the credential itself ends. */
  readonly endsInMs: number;
}

/** @returns undefined where it is not valid, for whatever reason */
export type CheckCredential = (credential: string) => Promise<VerifiedCredential | undefined>;

export interface CredentialCacheOptions {
  /** How long a verified credential is taken without checking it again. A revocation is broadcast and does not wait for this. */
  verifiedMs: number;
  /** How long a refused one is refused without looking. */
  refusedMs: number;
  /** Entries of each cache. */
  size: number;
  /** Milliseconds, monotonic. */
  now: () => number;
}

const DEFAULTS: CredentialCacheOptions = { verifiedMs: 60_000, refusedMs: 5_000, size: 20_000, now: () => performance.now() };

interface Verified {
  readonly principal: AgentPrincipal;
  readonly until: number;
}

/**
 * Remembers what bearer credentials are good for. Both caches are keyed by the SHA-256 of the credential, so neither a heap dump nor the
 * timing of a map lookup gives one away.
 */
export class CredentialCache {
  readonly #options: CredentialCacheOptions;
  readonly #check: CheckCredential;
  readonly #verified: LRUCache<string, Verified>;
  readonly #refused: LRUCache<string, number>;
  readonly #underWay = new Map<string, Promise<AgentPrincipal | undefined>>();
  /** Rises with every revocation: what was checked before one may not be cached after it. */
  #epoch = 0;

  constructor(check: CheckCredential, options: Partial<CredentialCacheOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#check = check;
    this.#verified = new LRUCache({ max: this.#options.size });
    this.#refused = new LRUCache({ max: this.#options.size });
  }

  static digest(credential: string): string {
    return hash('sha256', credential, 'base64');
  }

  /** @returns what is known without asking: the principal, `refused`, or undefined where it must be checked. */
  known(digest: string): AgentPrincipal | 'refused' | undefined {
    const verified = this.#verified.get(digest);
    if (verified !== undefined && verified.until > this.#options.now()) return verified.principal;
    const refusedUntil = this.#refused.get(digest);
    return refusedUntil !== undefined && refusedUntil > this.#options.now() ? 'refused' : undefined;
  }

  /** Whether this very credential was valid when it was last checked, be that long ago. */
  wasVerified(digest: string): boolean {
    return this.#verified.has(digest);
  }

  /** @returns undefined where it is malformed, unknown, wrong, expired or revoked: the caller can't tell which. */
  verify(credential: string, digest: string): Promise<AgentPrincipal | undefined> {
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const verification = this.#verify(credential, digest).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, verification);
    return verification;
  }

  async #verify(credential: string, digest: string): Promise<AgentPrincipal | undefined> {
    const epoch = this.#epoch;
    const verified = await this.#check(credential);
    if (verified === undefined || verified.endsInMs <= 0) {
      this.#verified.delete(digest);
      this.#refused.set(digest, this.#options.now() + this.#options.refusedMs);
      return undefined;
    }
    const { principal, endsInMs } = verified;
    if (epoch === this.#epoch) {
      this.#refused.delete(digest);
      const until = this.#options.now() + Math.min(this.#options.verifiedMs, endsInMs);
      this.#verified.set(digest, { principal, until });
    }
    return principal;
  }

  /** Forgets what a revocation concerns; the next use checks again. */
  forget(revoked: ControlRevoked): void {
    if (revoked.kind === 'connection' || revoked.kind === 'connections' || revoked.kind === 'grantee') return;
    this.#epoch++;
    for (const [digest, { principal }] of this.#verified.entries()) {
      if (concerns(revoked, principal)) this.#verified.delete(digest);
    }
  }

  /** For when broadcasts may have been missed. */
  forgetAll(): void {
    this.#epoch++;
    this.#verified.clear();
    this.#refused.clear();
  }
}

type OfPrincipals = Extract<ControlRevoked, { kind: 'organization' | 'agent' | 'agent_key' }>;

function concerns(revoked: OfPrincipals, { org, agent, key }: AgentPrincipal): boolean {
  if (revoked.kind === 'organization') return org === revoked.org;
  return revoked.kind === 'agent' ? agent === revoked.agent : key === revoked.key;
}
