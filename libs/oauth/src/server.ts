import { ClientSecretBasic, ClientSecretPost, None, type AuthorizationServer, type Client, type ClientAuth } from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import type { OAuthClient } from './wire.js';

/** The manifest in the terms of oauth4webapi. */
export function serverOf(provider: ProviderManifest): AuthorizationServer {
  return {
    // A server without an issuer identifier has nothing that an `iss` could match: then any `iss` in a callback is refused.
    issuer: provider.auth.issuer ?? `urn:keyward:no-issuer:${provider.name}`,
    authorization_endpoint: provider.auth.authorization_endpoint,
    token_endpoint: provider.auth.token_endpoint,
    ...(provider.auth.revocation_endpoint === undefined ? {} : { revocation_endpoint: provider.auth.revocation_endpoint }),
    authorization_response_iss_parameter_supported: provider.auth.authorization_response_iss_parameter_supported,
  };
}

export function clientOf(client: OAuthClient): Client {
  return { client_id: client.clientId };
}

/** RFC 6749 section 2.3.1. */
export function authenticate(provider: ProviderManifest, client: OAuthClient): ClientAuth {
  if (provider.auth.token_endpoint_auth_method === 'none') return None();
  if (client.clientSecret === undefined) {
    throw new KeywardError(
      'invalid_request',
      `The registration at ${provider.title} has no client secret, and that provider needs one.`,
    );
  }
  return provider.auth.token_endpoint_auth_method === 'client_secret_basic'
    ? ClientSecretBasic(client.clientSecret)
    : ClientSecretPost(client.clientSecret);
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
