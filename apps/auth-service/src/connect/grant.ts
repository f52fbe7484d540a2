/** What a connection comes to hold, whatever the kind of grant: see the columns of `vault.credential`. */
export interface Grant {
  /** What calls are made with: access token, API key, `username:password`. */
  accessToken: string;
  /** What renews it: refresh token, subject token, private key. */
  material?: string | undefined;
  /** Whether there is a way to the next token without the person. */
  renewable: boolean;
  /** From when it was asked for. Null: the provider does not say. */
  lifetimeMs: number | null;
  /** As told of what renews it, from the same moment. */
  refreshLifetimeMs?: number | undefined;
  /** As granted. Null where the provider did not say, which means "as requested" (RFC 6749 section 5.1). */
  scopes: string[] | null;
  /** `${connection.…}` of the manifest. */
  parameters: Record<string, string>;
  /** Whose account it is, where a probe has asked. */
  account?: { id: string | null; name: string | null } | undefined;
}

/** The connection's key: connecting the same again replaces its credential and keeps its id. */
export interface GrantTarget {
  org: string;
  kind: 'agent' | 'workspace';
  /** Null for a workspace connection, as is the user. */
  agent: string | null;
  user: string | null;
  provider: string;
  alias: string;
  /** Agents that may use a workspace connection. */
  grantees: string[];
}
