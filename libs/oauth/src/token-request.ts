import {
  allowInsecureRequests,
  customFetch,
  processGenericTokenEndpointResponse,
  type CustomFetchOptions,
  type TokenEndpointRequestOptions,
} from 'oauth4webapi';
import type { ProviderManifest, TokenRequestShape, TokenResponseShape } from '@keyward/connectors';
import { classifyThrown } from './classify.js';
import { clientTls } from './client-authentication.js';
import { OAuthError } from './errors.js';
import { readAnswer } from './read-answer.js';
import { fillUrl, type LateValues } from './request/fill.js';
import { shapeRequest } from './request/shape-request.js';
import { clientOf, isLoopback, isOAuthProvider, secureUrl, serverOf } from './server.js';
import { captureParameters } from './response/capture.js';
import { timeOfAnswer } from './response/server-time.js';
import { refreshTokenIn, tidyTokenResponse, toTokenSet } from './token-response.js';
import type { TokenSet } from './token-set.js';
import type { Wire } from './wire.js';

const TIMEOUT_MS = 15_000;

/** One deadline over several requests: whoever waits for the last of them holds a lease, or has a person waiting. */
export function withDeadline(wire: Wire): Wire {
  const deadline = AbortSignal.timeout(wire.timeoutMs ?? TIMEOUT_MS);
  return { ...wire, signal: wire.signal === undefined ? deadline : AbortSignal.any([wire.signal, deadline]) };
}

/** One request that is answered with tokens: where it goes, and how request and answer deviate from the standard. */
export interface TokenCall {
  provider: ProviderManifest;
  endpoint: string;
  request: TokenRequestShape;
  response: TokenResponseShape;
  values: LateValues;
  /** What is thrown where the answer can not be used, but holds a refresh token: of the failure and that token. */
  unusable?: (error: OAuthError, refreshToken: string) => OAuthError;
}

/** The options under which oauth4webapi sends: every request of its making is shaped on its way out. */
export function requestOptions(call: Omit<TokenCall, 'response'> & { method?: string }, wire: Wire): TokenEndpointRequestOptions {
  const { provider, request, values } = call;
  const endpoint = secureUrl(fillUrl(provider, call.endpoint, values), 'endpoint');
  const timeout = AbortSignal.timeout(wire.timeoutMs ?? TIMEOUT_MS);
  const signal = wire.signal === undefined ? timeout : AbortSignal.any([wire.signal, timeout]);
  const send = isNamedByAnswer(call.endpoint, endpoint) ? (wire.fetchFor?.([endpoint.origin]) ?? wire.fetch) : wire.fetch;
  const override = call.method === undefined ? {} : { method: call.method };
  const tls = isOAuthProvider(provider) ? clientTls(provider, values.client) : undefined;
  return {
    [customFetch]: (_url: string, init: CustomFetchOptions<'POST', URLSearchParams>) => {
      const standard = { url: endpoint.href, parameters: init.body, headers: init.headers };
      const { url, ...shaped } = shapeRequest(provider, request, standard, values, wire.now?.() ?? new Date());
      return send(url, { ...shaped, ...override, redirect: 'manual', signal, ...(tls === undefined ? {} : { tls }) });
    },
    [allowInsecureRequests]: isLoopback(endpoint),
    signal,
  };
}

/** Whether the host was a late reference: nobody who read the manifest alone could know it. */
function isNamedByAnswer(declared: string, filled: URL): boolean {
  return URL.parse(declared)?.origin !== filled.origin;
}

/**
 * One request to a token endpoint: shape → send → read, bounded → classify → tidy → check → uniform result.
 * @param send makes the standard request with the options it is given
 * @throws OAuthError; KeywardError where nothing was sent
 */
export async function tokenRequest(
  call: TokenCall,
  wire: Wire,
  send: (options: TokenEndpointRequestOptions) => Promise<Response>,
): Promise<TokenSet> {
  const { provider, values } = call;
  const options = requestOptions(call, wire);
  let issued: string | undefined;
  try {
    const response = await send(options);
    const document = await readAnswer(provider, call.response, response);
    issued = refreshTokenIn(call.response, document);
    const body = tidyTokenResponse(provider, call.response, document, timeOfAnswer(response, wire.now));
    await processGenericTokenEndpointResponse(serverOf(provider), clientOf(values.client), Response.json(body));
    return { ...toTokenSet(body), captured: captureParameters(provider, document) };
  } catch (thrown) {
    const error = thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
    throw issued !== undefined && error instanceof OAuthError ? (call.unusable?.(error, issued) ?? error) : error;
  }
}
