import type { CustomFetchOptions } from 'oauth4webapi';

/** What the wire protocol needs to know of a provider: the OAuth part of its manifest, and nothing else of it. */
export interface OAuthProvider {
  /** Name of the connector. */
  name: string;
  /** Issuer identifier (RFC 8414 section 2). Where it is known, a callback's `iss` is compared with it. */
  issuer?: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  /** RFC 7009. */
  revocationEndpoint?: string;
  /** RFC 9207: the server announces `iss` in every callback, so that a callback without it is refused. */
  issParameterSupported: boolean;
  tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none';
  scopeSeparator: string;
  /** Extra parameters of the authorization request, such as `access_type=offline`. */
  authorizationParameters: Readonly<Record<string, string>>;
  /** Lifetime of an access token where the server does not state `expires_in`. */
  assumedLifetimeSeconds?: number;
}

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
