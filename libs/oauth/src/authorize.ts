import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from 'oauth4webapi';
import type { ProviderManifest } from '@keyward/connectors';
import { secureUrl } from './server.js';

export interface PkcePair {
  /** Secret until the exchange: seal it. */
  verifier: string;
  /** S256. */
  challenge: string;
}

/** RFC 7636 section 4: 256 bits of entropy, method S256. */
export async function createPkcePair(): Promise<PkcePair> {
  const verifier = generateRandomCodeVerifier();
  return { verifier, challenge: await calculatePKCECodeChallenge(verifier) };
}

export interface AuthorizationRequest {
  provider: ProviderManifest;
  clientId: string;
  redirectUri: string;
  scopes: readonly string[];
  state: string;
  codeChallenge: string;
}

/** Where the browser is sent (RFC 6749 section 4.1.1). The manifest's extra parameters can add to the request, never replace part of it. */
export function authorizationUrl(request: AuthorizationRequest): URL {
  const { provider } = request;
  const url = secureUrl(provider.auth.authorization_endpoint, 'authorization endpoint');
  for (const [name, value] of Object.entries(provider.auth.authorization_parameters)) url.searchParams.set(name, value);
  url.searchParams.set('response_type', 'code');
  url.searchParams.set('client_id', request.clientId);
  url.searchParams.set('redirect_uri', request.redirectUri);
  if (request.scopes.length > 0) url.searchParams.set('scope', request.scopes.join(provider.auth.scopes.separator));
  url.searchParams.set('state', request.state);
  url.searchParams.set('code_challenge', request.codeChallenge);
  url.searchParams.set('code_challenge_method', 'S256');
  return url;
}
