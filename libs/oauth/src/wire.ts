/** A registration at the provider. Its secrets are plaintext here and only here: they come out of the vault for one call. */
export interface OAuthClient {
  clientId: string;
  clientSecret?: string;
  /** PEM; for private_key_jwt, tls_client_auth and the assertions of an app. */
  privateKey?: string;
  /** PEM; for tls_client_auth. */
  certificate?: string;
  /** `${app.…}` of the manifest. */
  parameters?: Readonly<Record<string, string>>;
}

/** What the client shows of itself in the TLS handshake (RFC 8705). */
export interface ClientTls {
  certificate: string;
  privateKey: string;
}

export interface WireInit {
  method: string;
  headers: Record<string, string>;
  body?: string;
  /** A token request is never sent on. */
  redirect: 'manual';
  signal?: AbortSignal;
  tls?: ClientTls;
}

/** How requests leave: always through the egress gate, never through the global `fetch`. */
export interface Wire {
  fetch: (url: string, init: WireInit) => Promise<Response>;
  /**
   * The same, for these origins alone: a step may go to a host that the answer before it has named, in a connection parameter of a
   * declared type. Without this it goes by `fetch`, which knows only what the manifest names.
   */
  fetchFor?: (origins: readonly string[]) => Wire['fetch'];
  /** Covers everything that one call takes, all its requests and their bodies. Default 15,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
  now?: () => Date;
}
