import { KeywardError } from '@keyward/contracts';
import type { Egress } from '@keyward/egress';
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { isIssuerUrl } from './issuer-url.js';

/** Where an organization says that an issuer's keys are; `jwksUri` null: where the issuer itself says (OpenID Connect Discovery). */
export interface KeySource {
  issuer: string;
  jwksUri: string | null;
}

export interface KeySetTimes {
  /** Keys are read anew after this. */
  maxAgeMs: number;
  /** Of two readings that a key unknown here asks for. */
  cooldownMs: number;
  /** How long a source that failed is not asked again. */
  failedMs: number;
}

const DEFAULTS: KeySetTimes = { maxAgeMs: 600_000, cooldownMs: 30_000, failedMs: 5_000 };
/** An issuer that moves its keys is followed after this. */
const DISCOVERED_FOR_MS = 3_600_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 262_144;
const MAX_SOURCES = 1_000;

const metadataSchema = z.looseObject({ issuer: z.string(), jwks_uri: z.string() });

/** Public keys of trusted issuers, fetched through egress and kept for a while. */
export class KeySets {
  readonly #times: KeySetTimes;
  readonly #sets = new LRUCache<string, Promise<JWTVerifyGetKey>>({ max: MAX_SOURCES, ttl: DISCOVERED_FOR_MS });
  readonly #failed: LRUCache<string, true>;

  constructor(
    private readonly egress: Pick<Egress, 'fetchFor'>,
    times: Partial<KeySetTimes> = {},
  ) {
    this.#times = { ...DEFAULTS, ...times };
    this.#failed = new LRUCache({ max: MAX_SOURCES, ttl: this.#times.failedMs });
  }

  /** What the function resolved to throws for a source that can't be read is `dependency_unavailable`, as what this throws. */
  of(source: KeySource): Promise<JWTVerifyGetKey> {
    const name = JSON.stringify([source.issuer, source.jwksUri]);
    const known = this.#sets.get(name);
    if (known !== undefined) return known;
    const opening = this.#open(source);
    this.#sets.set(name, opening);
    opening.catch(() => {
      if (this.#sets.peek(name) === opening) this.#sets.delete(name);
    });
    return opening;
  }

  async #open(source: KeySource): Promise<JWTVerifyGetKey> {
    const url = source.jwksUri ?? (await this.#discover(source.issuer));
    return createRemoteJWKSet(new URL(url), {
      cacheMaxAge: this.#times.maxAgeMs,
      cooldownDuration: this.#times.cooldownMs,
      timeoutDuration: TIMEOUT_MS,
      [customFetch]: (target) => this.#fetch(target),
    });
  }

  /** OpenID Connect Discovery section 4; the issuer must say of itself that it is the one (section 4.3). */
  async #discover(issuer: string): Promise<string> {
    const response = await this.#fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    const metadata = metadataSchema.safeParse(await response.json().catch(() => undefined));
    if (!metadata.success) throw unavailable('the discovery document is not one');
    if (metadata.data.issuer !== issuer) throw unavailable('the discovery document is of another issuer');
    if (!isIssuerUrl(metadata.data.jwks_uri, { query: true }))
      throw unavailable('the discovery document names no https jwks_uri');
    return metadata.data.jwks_uri;
  }

  /** Redirects are not followed: the keys are where the admin or the issuer said, and nowhere else. */
  async #fetch(url: string): Promise<Response> {
    if (this.#failed.has(url)) throw unavailable('it failed a moment ago');
    try {
      const origins = [new URL(url).origin];
      const fetch = this.egress.fetchFor({ provider: 'workload-issuer', origins, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
      const response = await fetch(url, { headers: { accept: 'application/json, application/jwk-set+json' } });
      if (response.status !== 200) throw new Error(`the answer was ${response.status}`);
      return response;
    } catch (cause) {
      this.#failed.set(url, true);
      throw unavailable(cause);
    }
  }
}

function unavailable(cause: unknown): KeywardError {
  return new KeywardError('dependency_unavailable', 'The keys of the token’s issuer can not be read.', { cause });
}
