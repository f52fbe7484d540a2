import { authorizationCodeGrantRequest, processAuthorizationCodeResponse } from 'oauth4webapi';
import type { ProviderManifest } from '@keyward/connectors';
import type { OAuthClient, Wire } from './wire.js';
import { authenticate, clientOf, serverOf } from './server.js';
import { tokenRequest } from './token-request.js';
import type { TokenSet } from './token-set.js';

export interface ExchangeRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  /** From `readCallback`. */
  parameters: URLSearchParams;
  redirectUri: string;
  codeVerifier: string;
}

/**
 * Redeems an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
 * @throws OAuthError
 */
export async function exchangeCode(request: ExchangeRequest, wire: Wire): Promise<TokenSet> {
  const { provider, client, parameters, redirectUri, codeVerifier } = request;
  const server = serverOf(provider);
  const authentication = authenticate(provider, client);
  return tokenRequest(provider, wire, {
    send: (options) =>
      authorizationCodeGrantRequest(server, clientOf(client), authentication, parameters, redirectUri, codeVerifier, options),
    process: (response) => processAuthorizationCodeResponse(server, clientOf(client), response),
  });
}
