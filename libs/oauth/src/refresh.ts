import { processRefreshTokenResponse, refreshTokenGrantRequest } from 'oauth4webapi';
import type { ProviderManifest } from '@keyward/connectors';
import type { OAuthClient, Wire } from './wire.js';
import { authenticate, clientOf, serverOf } from './server.js';
import { tokenRequest } from './token-request.js';
import type { TokenSet } from './token-set.js';

export interface RefreshTokensRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  refreshToken: string;
}

/**
 * Redeems a refresh token (RFC 6749 section 6). A result without `refreshToken` means that the old one stays.
 * @throws OAuthError; before sending the token again, look at `maybeRedeemed`
 */
export async function refreshTokens(request: RefreshTokensRequest, wire: Wire): Promise<TokenSet> {
  const { provider, client, refreshToken } = request;
  const server = serverOf(provider);
  const authentication = authenticate(provider, client);
  return tokenRequest(provider, wire, {
    send: (options) => refreshTokenGrantRequest(server, clientOf(client), authentication, refreshToken, options),
    process: (response) => processRefreshTokenResponse(server, clientOf(client), response),
  });
}
