import { revocationRequest } from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import { classifyThrown } from './classify.js';
import { authenticate } from './client-authentication.js';
import { revokeAsDeclared } from './declared-revocation.js';
import { OAuthError } from './errors.js';
import { readRevocationAnswer } from './read-answer.js';
import { STANDARD_REQUEST } from './request/shape-request.js';
import { clientOf, isOAuthProvider, serverOf, type OAuthProvider } from './server.js';
import { requestOptions } from './token-request.js';
import type { OAuthClient, Wire } from './wire.js';

export interface RevokeRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  accessToken?: string;
  refreshToken?: string;
}

/** Whether the provider has a way to revoke at all. */
export function canRevoke(provider: ProviderManifest): boolean {
  return provider.revocation !== undefined || (isOAuthProvider(provider) && provider.auth.revocation_endpoint !== undefined);
}

/**
 * Asks the server to end a grant, by RFC 7009 or as the manifest declares it. Returns once the server has said that the tokens are
 * no longer valid, which includes tokens that it never knew (section 2.2).
 * @throws OAuthError; KeywardError `invalid_request` where the provider has no way to revoke, or the token for it is missing
 */
export async function revokeToken(request: RevokeRequest, wire: Wire): Promise<void> {
  const { provider, client, accessToken, refreshToken } = request;
  if (provider.revocation !== undefined) return revokeAsDeclared(provider, provider.revocation, request, wire);
  if (!isOAuthProvider(provider) || provider.auth.revocation_endpoint === undefined) {
    throw new KeywardError('invalid_request', `${provider.title} has no revocation endpoint.`);
  }
  if (refreshToken === undefined && accessToken === undefined) {
    throw new KeywardError('invalid_request', 'There is no token to revoke.');
  }
  const one = { provider, client, endpoint: provider.auth.revocation_endpoint };
  // The refresh token first: of most servers it takes the access tokens along.
  if (refreshToken !== undefined) await revokeOne({ ...one, token: refreshToken, hint: 'refresh_token' }, wire);
  if (accessToken === undefined) return;
  try {
    await revokeOne({ ...one, token: accessToken, hint: 'access_token' }, wire);
  } catch (thrown) {
    // A server need not take access tokens (section 2); with the refresh token dead, they end by themselves.
    if (refreshToken === undefined || !(thrown instanceof OAuthError) || thrown.failure !== 'rejected') throw thrown;
  }
}

interface OneToken {
  provider: OAuthProvider;
  client: OAuthClient;
  endpoint: string;
  token: string;
  hint: 'access_token' | 'refresh_token';
}

/** RFC 7009 section 2.1. */
async function revokeOne({ provider, client, endpoint, token, hint }: OneToken, wire: Wire): Promise<void> {
  const request = { ...STANDARD_REQUEST, headers: provider.auth.token_request.headers };
  const authentication = await authenticate(provider, client);
  const options = requestOptions({ provider, endpoint, request, values: { client } }, wire);
  try {
    const response = await revocationRequest(serverOf(provider), clientOf(client), authentication, token, {
      ...options,
      additionalParameters: { token_type_hint: hint },
    });
    await readRevocationAnswer(provider, response);
  } catch (thrown) {
    const error = thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
    // Section 2.2.1 has the server answer 200 for a token that it does not know; some say invalid_grant, and mean the same.
    if (!(error instanceof OAuthError) || error.failure !== 'invalid_grant') throw error;
  }
}
