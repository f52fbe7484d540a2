import { customFetch } from 'oauth4webapi';
import type { ProviderManifest, TokenStep } from '@keyward/connectors';
import { malformed } from './classify.js';
import { authenticate } from './client-authentication.js';
import { OAuthError } from './errors.js';
import type { LateValues } from './request/fill.js';
import { clientOf, oauthProvider, serverOf } from './server.js';
import { tokenRequest } from './token-request.js';
import type { TokenSet } from './token-set.js';
import type { OAuthClient, Wire } from './wire.js';

/**
 * The requests after the first, each with what the one before it answered, until the token is there that calls are made with.
 * @param interrupted what is thrown where a step fails, of the failure and what the requests before it had answered
 * @throws OAuthError, KeywardError
 */
export async function runSteps(
  provider: ProviderManifest,
  steps: readonly TokenStep[],
  client: OAuthClient,
  first: TokenSet,
  wire: Wire,
  interrupted: (error: OAuthError, reached: TokenSet) => OAuthError = (error) => error,
): Promise<TokenSet> {
  let tokens = first;
  for (const step of steps) {
    const reached = tokens;
    tokens = await runStep(provider, step, client, reached, wire).catch((thrown: unknown) => {
      throw interrupted(afterRedemption(provider, thrown), reached);
    });
  }
  return tokens;
}

/** The first request was answered: whatever stopped a later one, what that first one redeemed may be spent. */
function afterRedemption(provider: ProviderManifest, thrown: unknown): OAuthError {
  if (!(thrown instanceof OAuthError)) return malformed(provider, 'a later step could not be taken', undefined, thrown);
  const { failure, message, retryAfterMs, oauthError } = thrown;
  return new OAuthError(failure, message, {
    maybeRedeemed: true,
    cause: thrown,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(oauthError === undefined ? {} : { oauthError }),
  });
}

/** @param before the tokens that the step may name; of them stays what its answer does not replace */
export async function runStep(
  provider: ProviderManifest,
  step: TokenStep,
  client: OAuthClient,
  before: TokenSet,
  wire: Wire,
): Promise<TokenSet> {
  const { accessToken, refreshToken, captured } = before;
  const values: LateValues = { client, accessToken, refreshToken, captured };
  const { endpoint, request, response } = step;
  const call = { provider, endpoint, request, response, values };
  const next = await tokenRequest(call, wire, async (options) => {
    const body = new URLSearchParams();
    const headers = new Headers({ accept: 'application/json' });
    if (step.authentication === 'bearer') headers.set('authorization', `Bearer ${accessToken}`);
    if (step.authentication === 'client') {
      const authentication = await authenticate(oauthProvider(provider), client);
      await authentication(serverOf(provider), clientOf(client), body, headers);
    }
    const send = options[customFetch] ?? fetch;
    return send(endpoint, { method: 'POST', body, headers: Object.fromEntries(headers), redirect: 'manual' });
  });
  const renewal = next.refreshToken === undefined && step.keep_refresh_token ? before : next;
  return {
    accessToken: next.accessToken,
    ...(renewal.refreshToken === undefined ? {} : { refreshToken: renewal.refreshToken }),
    ...(renewal.refreshLifetimeMs === undefined ? {} : { refreshLifetimeMs: renewal.refreshLifetimeMs }),
    lifetimeMs: next.lifetimeMs,
    scopes: next.scopes ?? before.scopes,
    captured: { ...captured, ...next.captured },
  };
}
