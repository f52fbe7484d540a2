import { revocationRequest } from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import { classifyThrown } from './classify.js';
import { OAuthError } from './errors.js';
import type { ProviderManifest } from '@keyward/connectors';
import type { OAuthClient, Wire } from './wire.js';
import { readRevocationAnswer } from './read-answer.js';
import { authenticate, clientOf, serverOf } from './server.js';
import { requestOptions } from './token-request.js';

export interface RevokeRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  token: string;
  tokenTypeHint: 'access_token' | 'refresh_token';
}

/**
 * Asks the server to revoke a token (RFC 7009 section 2.1). Returns once the server has said that it is no longer valid, which
 * includes tokens that it never knew (section 2.2).
 * @throws OAuthError
 */
export async function revokeToken(request: RevokeRequest, wire: Wire): Promise<void> {
  const { provider, client, token, tokenTypeHint } = request;
  if (provider.auth.revocation_endpoint === undefined) {
    throw new KeywardError('invalid_request', `${provider.title} has no revocation endpoint.`);
  }
  const options = requestOptions(provider.auth.revocation_endpoint, wire);
  try {
    const response = await revocationRequest(serverOf(provider), clientOf(client), authenticate(provider, client), token, {
      ...options,
      additionalParameters: { token_type_hint: tokenTypeHint },
    });
    await readRevocationAnswer(provider, response);
  } catch (thrown) {
    throw thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
  }
}
