import { allowInsecureRequests, customFetch, type TokenEndpointRequestOptions, type TokenEndpointResponse } from 'oauth4webapi';
import { classifyThrown } from './classify.js';
import { OAuthError } from './errors.js';
import type { ProviderManifest } from '@keyward/connectors';
import type { Wire } from './wire.js';
import { readAnswer } from './read-answer.js';
import { isLoopback, secureUrl } from './server.js';
import { tidyTokenResponse, toTokenSet } from './token-response.js';
import type { TokenSet } from './token-set.js';

const TIMEOUT_MS = 15_000;

export function requestOptions(endpoint: string, wire: Wire): TokenEndpointRequestOptions {
  const url = secureUrl(endpoint, 'endpoint');
  const timeout = AbortSignal.timeout(wire.timeoutMs ?? TIMEOUT_MS);
  return {
    [customFetch]: wire.fetch,
    [allowInsecureRequests]: isLoopback(url),
    signal: wire.signal === undefined ? timeout : AbortSignal.any([wire.signal, timeout]),
  };
}

export interface TokenRequest {
  send(options: TokenEndpointRequestOptions): Promise<Response>;
  /** oauth4webapi's own checks, on the tidied answer. */
  process(response: Response): Promise<TokenEndpointResponse>;
}

/** One request to the token endpoint: send → read, bounded → classify → tidy → check → uniform result. */
export async function tokenRequest(provider: ProviderManifest, wire: Wire, request: TokenRequest): Promise<TokenSet> {
  // Lifetimes count from before the request: a clock that starts early never outlives the token.
  const sentAt = wire.now?.() ?? new Date();
  const options = requestOptions(provider.auth.token_endpoint, wire);
  try {
    const response = await request.send(options);
    const body = tidyTokenResponse(provider, await readAnswer(provider, response));
    await request.process(Response.json(body));
    return toTokenSet(body, sentAt);
  } catch (thrown) {
    throw thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
  }
}
