export interface AccessTokenInfo {
  user: string;
  client: string;
  scopes: ReadonlySet<string>;
  grant: string;
  expiresAtMs: number;
}

/** Access tokens in force, in memory, because every API call asks for one. The database holds them too; see OAuthRecords. */
export class AccessTokens {
  readonly #byValue = new Map<string, AccessTokenInfo>();

  /** Undefined for a token that is unknown, expired or revoked: RFC 6750 makes no difference between them. */
  find(value: string): AccessTokenInfo | undefined {
    const info = this.#byValue.get(value);
    return info === undefined || info.expiresAtMs <= Date.now() ? undefined : info;
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
