/** What the authorization endpoint does with a browser that comes along. */
export type AuthorizeAttack =
  /** Sends it back with a code, as a good server would. */
  | { kind: 'honest' }
  /** Sends it on to an honest server with the victim's own state: the code that comes back is the honest server's (RFC 9700 section 4.4). */
  | { kind: 'mix_up'; authorizationEndpoint: string; clientId: string; redirectUri?: string }
  /** Sends it back with a code that was given to somebody else (RFC 9700 section 4.5). */
  | { kind: 'code_injection'; code: string }
  /** Sends it elsewhere, code and all (RFC 9700 section 4.11). */
  | { kind: 'open_redirect'; to: string }
  /** Answers in the name of another issuer, in none, or in two at once (RFC 9207). */
  | { kind: 'wrong_issuer'; issuer: string }
  | { kind: 'no_issuer' }
  | { kind: 'repeated'; parameter: 'code' | 'state' | 'iss' }
  | { kind: 'code_and_error' }
  /** An error whose texts hold markup, control characters and a line for somebody's log. */
  | { kind: 'html_error' };

export type TokenAttack =
  | 'honest'
  /** Sends the request, code and all, on to `redirectTo`. */
  | 'redirect'
  | 'html'
  /** Repeats what it was sent, secrets and all, in its error. */
  | 'reflect'
  | 'control_characters'
  | 'huge'
  | 'broader_scopes';

export type MetadataAttack =
  | 'honest'
  | 'wrong_issuer'
  | 'http_endpoints'
  | 'endpoint_at_cloud_metadata'
  | 'endpoint_at_private_address'
  | 'endpoint_at_loopback'
  | 'endpoint_with_user_info'
  | 'javascript_endpoint'
  | 'plain_pkce_only'
  | 'no_pkce'
  | 'no_token_endpoint'
  | 'prototype_keys'
  | 'not_an_object'
  | 'html'
  | 'huge'
  | 'deep'
  | 'redirect'
  | 'unavailable';

export type ResourceAttack =
  | 'honest'
  | 'wrong_resource'
  | 'resource_prefix'
  | 'no_servers'
  | 'server_over_http'
  | 'server_at_cloud_metadata'
  | 'server_at_loopback'
  | 'javascript_server'
  | 'challenge_at_cloud_metadata'
  | 'challenge_with_javascript'
  | 'huge'
  | 'deep'
  | 'redirect';

export type RegistrationAttack =
  | 'honest'
  /** Gives out `clientId`, which is a client's of another server. */
  | 'duplicate'
  | 'other_redirect_uri'
  | 'no_secret'
  | 'unknown_method'
  | 'control_characters'
  | 'html'
  | 'huge'
  | 'redirect';

/** Everything left out is honest. */
export interface HostileBehaviour {
  authorize?: AuthorizeAttack;
  token?: TokenAttack;
  metadata?: MetadataAttack;
  resource?: ResourceAttack;
  registration?: RegistrationAttack;
  /** How it calls itself in its documents; left out, by its address on loopback. */
  publicUrl?: string;
  /** Where `redirect` leads. */
  redirectTo?: string;
  /** What `duplicate` gives out. */
  clientId?: string;
}
