import { introspectionRequest, type IntrospectionRequestOptions } from 'oauth4webapi';
import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { classifyThrown } from './classify.js';
import { authenticate } from './client-authentication.js';
import { OAuthError } from './errors.js';
import { readAnswer } from './read-answer.js';
import { STANDARD_REQUEST } from './request/shape-request.js';
import { lifetimeSeconds } from './response/lifetime.js';
import { clientOf, isOAuthProvider, oauthProvider, serverOf } from './server.js';
import { requestOptions } from './token-request.js';
import type { TokenSet } from './token-set.js';
import type { OAuthClient, Wire } from './wire.js';

export interface IntrospectionRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  accessToken: string;
}

export interface Introspection {
  active: boolean;
  /** Null where the server does not say. */
  expiresAt: Date | null;
}

/**
 * Asks the server about a token (RFC 7662 section 2).
 * @throws OAuthError; KeywardError `invalid_request` where the provider has no introspection endpoint
 */
export async function introspect(
  { provider: any, client, accessToken }: IntrospectionRequest,
  wire: Wire,
): Promise<Introspection> {
  const provider = oauthProvider(any);
  const { introspection_endpoint: endpoint, token_request } = provider.auth;
  if (endpoint === undefined) throw new KeywardError('invalid_request', `${provider.title} has no introspection endpoint.`);
  const request = { ...STANDARD_REQUEST, headers: token_request.headers };
  const now = wire.now?.() ?? new Date();
  const options = requestOptions({ provider, endpoint, request, values: { client } }, wire);
  try {
    const authentication = await authenticate(provider, client);
    const response = await introspectionRequest(serverOf(provider), clientOf(client), authentication, accessToken, {
      ...options,
      additionalParameters: { token_type_hint: 'access_token' },
    } satisfies IntrospectionRequestOptions);
    const body = await readAnswer(provider, {}, response);
    const lifetime = lifetimeSeconds(body['exp'], 'epoch_seconds', now);
    return {
      active: body['active'] === true,
      expiresAt: lifetime === undefined ? null : new Date(now.getTime() + lifetime * 1000),
    };
  } catch (thrown) {
    throw thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
  }
}

/** Where neither answer nor manifest states a lifetime, the server is asked; a token is not lost because that question fails. */
export async function withLifetime(
  provider: ProviderManifest,
  client: OAuthClient,
  tokens: TokenSet,
  wire: Wire,
): Promise<TokenSet> {
  if (tokens.expiresAt !== null || !isOAuthProvider(provider)) return tokens;
  if (provider.auth.introspection_endpoint === undefined) return tokens;
  try {
    const { active, expiresAt } = await introspect({ provider, client, accessToken: tokens.accessToken }, wire);
    return active ? { ...tokens, expiresAt } : tokens;
  } catch {
    return tokens;
  }
}
