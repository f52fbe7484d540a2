import { authorizationCodeGrantRequest, expectNoState, nopkce, validateAuthResponse } from 'oauth4webapi';
import type { ProviderManifest } from '@keyward/connectors';
import { authenticate } from './client-authentication.js';
import { KeywardError } from '@keyward/contracts';
import { withLifetime } from './introspect.js';
import { completeParameters } from './response/capture.js';
import { clientOf, codeProvider, serverOf } from './server.js';
import { runSteps } from './steps.js';
import { tokenRequest, withDeadline } from './token-request.js';
import type { TokenSet } from './token-set.js';
import type { OAuthClient, Wire } from './wire.js';

export interface ExchangeRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  /** From `readCallback`, or the code of `readCodeWebhook`. */
  parameters: URLSearchParams | { code: string };
  redirectUri: string;
  /** From `createPkcePair`; sent unless the manifest says that the server does without. */
  codeVerifier?: string;
}

/**
 * Redeems an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5) and goes all the steps that the manifest declares.
 * @throws OAuthError; KeywardError where nothing was sent
 */
export async function exchangeCode(request: ExchangeRequest, callerWire: Wire): Promise<TokenSet> {
  const wire = withDeadline(callerWire);
  const { client, redirectUri, codeVerifier } = request;
  const provider = codeProvider(request.provider);
  const { auth } = provider;
  if (auth.pkce !== 'none' && codeVerifier === undefined) {
    throw new KeywardError('internal', 'The token request is incomplete.', { cause: new Error('no PKCE verifier') });
  }
  const verifier = auth.pkce === 'none' || codeVerifier === undefined ? nopkce : codeVerifier;
  const authentication = await authenticate(provider, client);
  const { token_endpoint: endpoint, token_request, token_response: response } = auth;
  const call = { provider, endpoint, request: token_request, response, values: { client } };
  const first = await tokenRequest(call, wire, (options) =>
    authorizationCodeGrantRequest(
      serverOf(provider),
      clientOf(client),
      authentication,
      parametersOf(provider, client, request.parameters),
      redirectUri,
      verifier,
      // RFC 8707 section 2.2
      { ...options, ...(auth.resource === undefined ? {} : { additionalParameters: { resource: auth.resource } }) },
    ),
  );
  const tokens = await runSteps(provider, auth.steps, client, first, wire);
  const captured = completeParameters(provider, tokens.captured);
  return withLifetime(provider, client, { ...tokens, captured }, wire);
}

/** oauth4webapi takes a code only out of an answer that it has checked; that of a webhook was checked by its signature. */
function parametersOf(
  provider: ProviderManifest,
  client: OAuthClient,
  parameters: ExchangeRequest['parameters'],
): URLSearchParams {
  if (parameters instanceof URLSearchParams) return parameters;
  const { issuer } = serverOf(provider);
  return validateAuthResponse({ issuer }, clientOf(client), new URLSearchParams({ code: parameters.code }), expectNoState);
}
