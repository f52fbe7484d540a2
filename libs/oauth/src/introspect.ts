import { introspectionRequest, type IntrospectionRequestOptions } from 'oauth4webapi';
import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { classifyThrown, malformed } from './classify.js';
import { authenticate } from './client-authentication.js';
import { OAuthError } from './errors.js';
import { readAnswer } from './read-answer.js';
import { STANDARD_REQUEST } from './request/shape-request.js';
import { lifetimeSeconds } from './response/lifetime.js';
import { timeOfAnswer } from './response/server-time.js';
import { clientOf, isOAuthProvider, oauthProvider, serverOf } from './server.js';
import { requestOptions } from './token-request.js';
import type { TokenSet } from './token-set.js';
import type { OAuthClient, Wire } from './wire.js';

interface Asked {
  provider: ProviderManifest;
  client: OAuthClient;
}

export interface IntrospectionRequest extends Asked {
  accessToken: string;
}

export interface RefreshTokenIntrospection extends Asked {
  refreshToken: string;
}

export interface Introspection {
  active: boolean;
  /** From when it was asked for. Null where the server does not say. */
  lifetimeMs: number | null;
}

/**
 * Asks the server about an access token (RFC 7662 section 2).
 * @throws OAuthError; KeywardError `invalid_request` where the provider has no introspection endpoint
 */
export function introspect({ provider, client, accessToken }: IntrospectionRequest, wire: Wire): Promise<Introspection> {
  return ask({ provider, client }, accessToken, 'access_token', wire);
}

/**
 * Whether a refresh token can still be redeemed, without redeeming it (RFC 7662 section 2.1). Where a server says that it is not active,
 * it is spent, revoked, expired or none of this registration's (section 2.2).
 * @throws OAuthError: nothing is known then; KeywardError `invalid_request` where the provider has no introspection endpoint
 */
export async function introspectRefreshToken(request: RefreshTokenIntrospection, wire: Wire): Promise<{ active: boolean }> {
  const { active } = await ask(request, request.refreshToken, 'refresh_token', wire);
  return { active };
}

async function ask(
  { provider: any, client }: Asked,
  token: string,
  kind: 'access_token' | 'refresh_token',
  wire: Wire,
): Promise<Introspection> {
  const provider = oauthProvider(any);
  const { introspection_endpoint: endpoint, token_request } = provider.auth;
  if (endpoint === undefined) throw new KeywardError('invalid_request', `${provider.title} has no introspection endpoint.`);
  const request = { ...STANDARD_REQUEST, headers: token_request.headers };
  const options = requestOptions({ provider, endpoint, request, values: { client } }, wire);
  try {
    const authentication = await authenticate(provider, client);
    const response = await introspectionRequest(serverOf(provider), clientOf(client), authentication, token, {
      ...options,
      additionalParameters: { token_type_hint: kind },
    } satisfies IntrospectionRequestOptions);
    const body = await readAnswer(provider, {}, response);
    const { active } = body;
    if (typeof active !== 'boolean') throw malformed(provider, 'nothing of whether the token is active', response.status);
    const lifetime = lifetimeSeconds(body['exp'], 'epoch_seconds', timeOfAnswer(response, wire.now));
    return { active, lifetimeMs: lifetime === undefined ? null : lifetime * 1000 };
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
  if (tokens.lifetimeMs !== null || !isOAuthProvider(provider)) return tokens;
  if (provider.auth.introspection_endpoint === undefined) return tokens;
  try {
    const { active, lifetimeMs } = await introspect({ provider, client, accessToken: tokens.accessToken }, wire);
    return active ? { ...tokens, lifetimeMs } : tokens;
  } catch {
    return tokens;
  }
}
