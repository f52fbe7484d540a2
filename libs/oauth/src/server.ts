import type { AuthorizationServer, Client } from 'oauth4webapi';
import { hasAuth, type ProviderManifest, type ProviderWith } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { OAuthClient } from './wire.js';

/** Kinds of grant that end at a token endpoint of RFC 6749, and so have all that belongs to one. */
const OAUTH_KINDS = [
  'oauth2_authorization_code',
  'oauth2_client_credentials',
  'oauth2_device_authorization',
  'oauth2_jwt_bearer',
  'oauth2_token_exchange',
] as const;
export type OAuthProvider = ProviderWith<(typeof OAUTH_KINDS)[number]>;

export function isOAuthProvider(provider: ProviderManifest): provider is OAuthProvider {
  return hasAuth(provider, ...OAUTH_KINDS);
}

/** @throws KeywardError `invalid_request` where the provider's kind of grant has no token endpoint */
export function oauthProvider(provider: ProviderManifest): OAuthProvider {
  if (isOAuthProvider(provider)) return provider;
  throw unsuited(provider);
}

/** @throws KeywardError `invalid_request` */
export function codeProvider(provider: ProviderManifest): ProviderWith<'oauth2_authorization_code'> {
  if (hasAuth(provider, 'oauth2_authorization_code')) return provider;
  throw unsuited(provider);
}

function unsuited(provider: ProviderManifest): KeywardError {
  return new KeywardError('invalid_request', `${provider.title} is not connected in this way.`, {
    cause: new Error(`its kind of grant is ${provider.auth.kind}`),
  });
}

/** The manifest in the terms of oauth4webapi. */
export function serverOf(provider: ProviderManifest, tokenEndpoint?: string): AuthorizationServer {
  const { auth } = provider;
  const endpoint = tokenEndpoint ?? ('token_endpoint' in auth ? auth.token_endpoint : undefined);
  return {
    // A server without an issuer identifier has nothing that an `iss` could match: then any `iss` in a callback is refused.
    issuer: ('issuer' in auth ? auth.issuer : undefined) ?? `urn:keyward:no-issuer:${provider.name}`,
    ...(endpoint === undefined ? {} : { token_endpoint: endpoint }),
    ...(isOAuthProvider(provider) ? endpointsOf(provider) : {}),
  };
}

function endpointsOf(provider: OAuthProvider): Partial<AuthorizationServer> {
  const { revocation_endpoint, introspection_endpoint } = provider.auth;
  return {
    ...(revocation_endpoint === undefined ? {} : { revocation_endpoint }),
    ...(introspection_endpoint === undefined ? {} : { introspection_endpoint }),
    ...(hasAuth(provider, 'oauth2_authorization_code')
      ? {
          authorization_endpoint: provider.auth.authorization_endpoint,
          authorization_response_iss_parameter_supported: provider.auth.authorization_response_iss_parameter_supported,
        }
      : {}),
  };
}

export function clientOf(client: OAuthClient): Client {
  return { client_id: client.clientId };
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/** OAuth endpoints are https; a server on this very machine is the one exception (RFC 9700 section 2.6, RFC 8252 section 8.3). */
export function secureUrl(value: string, what: string): URL {
  const url = URL.parse(value);
  const secure = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));
  if (!secure || url.username !== '' || url.password !== '') {
    throw new KeywardError('invalid_request', `The ${what} must be an https URL without user information.`);
  }
  return url;
}
