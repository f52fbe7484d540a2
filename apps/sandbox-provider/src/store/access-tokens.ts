export interface AccessTokenInfo {
  user: string;
  client: string;
  scopes: ReadonlySet<string>;
  /** Undefined for a client's own token. */
  grant: string | undefined;
  /** The one resource it is for (RFC 8707); undefined: the notes API. */
  audience: string | undefined;
  expiresAtMs: number;
}

/** Access tokens in force, in memory, because every API call asks for one. The database holds them too; see OAuthRecords. */
export class AccessTokens {
  readonly #byValue = new Map<string, AccessTokenInfo>();
  /** How often one was shown that will not do. */
  refused = 0;

  /** Undefined for a token that is unknown, expired, revoked or for another resource: RFC 6750 makes no difference between them. */
  find(value: string, audience?: string): AccessTokenInfo | undefined {
    const info = this.#byValue.get(value);
    if (info !== undefined && info.audience === audience && info.expiresAtMs > Date.now()) return info;
    this.refused++;
    return undefined;
  }

  put(value: string, info: AccessTokenInfo): void {
    this.#byValue.set(value, info);
  }

  remove(value: string): void {
    this.#byValue.delete(value);
  }

  removeGrant(grant: string): void {
    for (const [value, info] of this.#byValue) if (info.grant === grant) this.#byValue.delete(value);
  }

  removeExpired(): void {
    const now = Date.now();
    for (const [value, info] of this.#byValue) if (info.expiresAtMs <= now) this.#byValue.delete(value);
  }
}
