/** What a token endpoint answered, made uniform. */
export interface TokenSet {
  accessToken: string;
  /** Left out where the server sent none: the one held before stays valid (RFC 6749 section 6). */
  refreshToken?: string;
  /** From when the request was made. Null where neither the server nor the manifest states a lifetime. */
  lifetimeMs: number | null;
  /** As told of the refresh token, from when the request was made; left out where the server says nothing of it. */
  refreshLifetimeMs?: number;
  /** As granted. Null where the server did not say, which means "as requested" (RFC 6749 section 5.1). */
  scopes: string[] | null;
  /** Connection parameters that the answer holds, validated by their declared type. */
  captured: Record<string, string>;
}
