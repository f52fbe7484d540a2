import { createHash } from 'node:crypto';
import { hasAuth, type ProviderManifest, type ProviderWith, type Scopes } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { codeProvider, secureUrl } from './server.js';
import type { OAuthClient } from './wire.js';

export interface AuthorizationRequest {
  provider: ProviderManifest;
  client: Pick<OAuthClient, 'clientId'>;
  redirectUri: string;
  scopes: readonly string[];
  state: string;
  /** From `createPkcePair`. Not needed where the manifest does without PKCE, as for an app installation that asks for no code. */
  codeChallenge?: string;
}

/**
 * Where the browser is sent: RFC 6749 section 4.1.1 as the manifest declares it, or the page on which an app is installed. The
 * manifest's extra parameters can add to the request, never replace part of it.
 * @throws KeywardError `invalid_request`
 */
export function authorizationUrl(request: AuthorizationRequest): URL {
  if (hasAuth(request.provider, 'app_installation')) return installationUrl(request.provider, request);
  const provider = codeProvider(request.provider);
  const { authorization_request: shape, authorization_endpoint } = provider.auth;
  const url = secureUrl(authorization_endpoint, 'authorization endpoint');
  const query = queryOf(provider, request);
  if (shape.parameters_in === 'fragment') {
    url.hash = `${shape.fragment ?? ''}?${query}`;
  } else {
    url.search = [url.search.slice(1), query].filter((part) => part !== '').join('&');
    if (shape.fragment !== undefined) url.hash = shape.fragment;
  }
  return url;
}

function installationUrl({ auth }: ProviderWith<'app_installation'>, { state, codeChallenge }: AuthorizationRequest): URL {
  const url = secureUrl(auth.installation_url, 'installation URL');
  url.searchParams.set('state', state);
  if (auth.user_authorization?.pkce !== 'S256') return url;
  if (codeChallenge === undefined) throw incomplete();
  url.searchParams.set('code_challenge', codeChallenge);
  url.searchParams.set('code_challenge_method', 'S256');
  return url;
}

function incomplete(): KeywardError {
  return new KeywardError('internal', 'The authorization request is incomplete.', { cause: new Error('no PKCE challenge') });
}

type CodeProvider = ProviderWith<'oauth2_authorization_code'>;

function queryOf(provider: CodeProvider, request: AuthorizationRequest): string {
  const { authorization_request: shape, authorization_parameters, scopes } = provider.auth;
  const standard = new Map(Object.entries(standardParameters(provider, request)));
  for (const name of shape.omit) standard.delete(name);
  const own = new Map([...standard].map(([name, value]) => [shape.rename[name] ?? name, value]));
  const scope = scopeValue(scopes, request.scopes);
  const parts = new URLSearchParams(
    Object.entries(authorization_parameters).filter(([name]) => !isReserved(name, provider, own)),
  );
  for (const [name, value] of own) parts.append(name, value);
  if (scope === undefined || shape.omit.includes('scope')) return parts.toString();
  const scopeName = shape.rename['scope'] ?? scopes.parameter;
  if (scopes.encoding === 'raw') return [parts.toString(), `${encodeURIComponent(scopeName)}=${scope}`].join('&');
  parts.append(scopeName, scope);
  return parts.toString();
}

function standardParameters(provider: CodeProvider, request: AuthorizationRequest): Record<string, string> {
  const { auth } = provider;
  if (auth.pkce !== 'none' && request.codeChallenge === undefined) throw incomplete();
  return {
    response_type: auth.authorization_request.response_type,
    client_id: request.client.clientId,
    redirect_uri: request.redirectUri,
    state: request.state,
    // OpenID Connect Core section 3.3.2.11 demands one where an id_token comes with the code; it is bound to this very request.
    ...(auth.authorization_request.response_type.split(' ').includes('id_token') ? { nonce: nonceOf(request.state) } : {}),
    // RFC 8707 section 2.1
    ...(auth.resource === undefined ? {} : { resource: auth.resource }),
    ...(auth.pkce === 'none' || request.codeChallenge === undefined
      ? {}
      : { code_challenge: request.codeChallenge, code_challenge_method: auth.pkce }),
  };
}

function nonceOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}

/** Names that the protocol uses here, under the provider's name for them or the standard's. */
function isReserved(name: string, { auth }: CodeProvider, own: ReadonlyMap<string, string>): boolean {
  const renamed = auth.authorization_request.rename['scope'] ?? auth.scopes.parameter;
  return own.has(name) || name === 'state' || name === renamed || name.startsWith('code_challenge');
}

/** In the URL as it is, but for what would end the value: a scope is never a way to another parameter. */
const ENDS_A_VALUE = /[^\x21-\x7e]|[#&%+]/g;

function scopeValue(scopes: Scopes, asked: readonly string[]): string | undefined {
  if (asked.length === 0) return scopes.when_empty === 'send' ? '' : undefined;
  if (scopes.encoding === 'percent') return asked.join(scopes.separator);
  const raw = asked.map((scope) => scope.replace(ENDS_A_VALUE, (character) => encodeURIComponent(character)));
  return raw.join(scopes.separator === ' ' ? '%20' : scopes.separator);
}
