import { refreshTokenGrantRequest } from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import { renewalOf, type ProviderManifest } from '@keyward/connectors';
import { authenticate } from './client-authentication.js';
import { InterruptedRenewal, type OAuthError } from './errors.js';
import { obtainToken } from './grants/obtain-token.js';
import { withLifetime } from './introspect.js';
import { clientOf, oauthProvider, serverOf } from './server.js';
import { runStep, runSteps } from './steps.js';
import { tokenRequest, withDeadline } from './token-request.js';
import type { TokenSet } from './token-set.js';
import type { OAuthClient, Wire } from './wire.js';

export interface RenewRequest {
  provider: ProviderManifest;
  client: OAuthClient;
  /** As granted; asked for again where the grant is made again. */
  scopes: readonly string[];
  /** For `exchange`: the token that is extended. */
  accessToken?: string;
  /** Renewal material: for `refresh_token` that token; for `reissue` the subject token or the person's key, where one is held. */
  refreshToken?: string;
}

/**
 * The next access token, without the person, in the way that `renewalOf` names. A result without `refreshToken` means that what was
 * held before stays.
 * @throws OAuthError; before sending renewal material again, look at `maybeRedeemed`. InterruptedRenewal: it holds the one to send next.
 * KeywardError where nothing was sent
 */
export async function renewToken(request: RenewRequest, callerWire: Wire): Promise<TokenSet> {
  const wire = withDeadline(callerWire);
  const { provider, client, scopes, refreshToken } = request;
  switch (renewalOf(provider)) {
    case 'refresh_token':
      return refresh(request, wire);
    case 'exchange':
      return extend(request, wire);
    case 'reissue':
      return obtainToken({ provider, client, scopes, ...(refreshToken === undefined ? {} : { secret: refreshToken }) }, wire);
    case 'none':
      throw notPossible(provider, 'its tokens are not renewed');
  }
}

/** RFC 6749 section 6. */
async function refresh({ provider: any, client, refreshToken }: RenewRequest, wire: Wire): Promise<TokenSet> {
  if (refreshToken === undefined) throw notPossible(any, 'there is no refresh token');
  const provider = oauthProvider(any);
  const { auth, refresh: shape } = provider;
  const call = {
    provider,
    endpoint: shape.endpoint ?? auth.token_endpoint,
    request: shape.request ?? auth.token_request,
    response: shape.response ?? auth.token_response,
    values: { client, refreshToken },
    unusable: (error: OAuthError, issued: string) => new InterruptedRenewal(error, issued),
  };
  const authentication = await authenticate(provider, client);
  const first = await tokenRequest(call, wire, (options) =>
    refreshTokenGrantRequest(serverOf(provider), clientOf(client), authentication, refreshToken, {
      ...options,
      ...(auth.resource === undefined ? {} : { additionalParameters: { resource: auth.resource } }),
    }),
  );
  // RFC 6749 section 6: where the answer has no refresh token, the one that was sent stays.
  const interrupted = (error: OAuthError, reached: TokenSet) =>
    new InterruptedRenewal(error, reached.refreshToken ?? first.refreshToken ?? refreshToken);
  const tokens = shape.repeat_steps ? await runSteps(provider, auth.steps, client, first, wire, interrupted) : first;
  return withLifetime(provider, client, tokens, wire);
}

/** No refresh token: the access token itself is exchanged for a longer-lived one. */
async function extend({ provider, client, accessToken, refreshToken }: RenewRequest, wire: Wire): Promise<TokenSet> {
  const { exchange } = provider.refresh;
  if (exchange === undefined || accessToken === undefined) throw notPossible(provider, 'there is no token to extend');
  const before = { accessToken, lifetimeMs: null, scopes: null, captured: {} };
  const tokens = await runStep(
    provider,
    exchange,
    client,
    refreshToken === undefined ? before : { ...before, refreshToken },
    wire,
  );
  return withLifetime(provider, client, tokens, wire);
}

function notPossible(provider: ProviderManifest, why: string): KeywardError {
  return new KeywardError('invalid_request', `This connection to ${provider.title} can not be renewed: ${why}.`);
}
