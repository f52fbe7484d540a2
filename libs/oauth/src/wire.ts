import type { CustomFetchOptions } from 'oauth4webapi';

/** A registration at the provider. The secret is plaintext here and only here: it comes out of the vault for one call. */
export interface OAuthClient {
  clientId: string;
  clientSecret?: string;
}

/** How requests leave: always through the egress gate, never through the global `fetch`. */
export interface Wire {
  fetch: (url: string, init: CustomFetchOptions<'POST', URLSearchParams>) => Promise<Response>;
  /** Covers the whole exchange, the body included. Default 15,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
  now?: () => Date;
}
