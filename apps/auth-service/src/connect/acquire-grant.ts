import { authorizationServerOrigins, hasAuth, type ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { Egress } from '@keyward/egress';
import { isRenewable, obtainToken, renewalOf, type OAuthClient, type TokenSet } from '@keyward/oauth';
import type { ProviderAppEntity } from '@keyward/postgres';
import { asRegistration, type AsRegistrationOptions } from '../provider-apps/as-registration.js';
import type { Grant } from './grant.js';

export interface AcquireGrantOptions extends AsRegistrationOptions {
  egress: Egress;
}

export interface GrantRequest {
  /** Resolved. */
  provider: ProviderManifest;
  /** Null where the kind of grant needs no registration. */
  app: ProviderAppEntity | null;
  /** `${connection.…}`, validated. */
  parameters: Record<string, string>;
  scopes: readonly string[];
  /** What the person or an admin has entered: API key, `username:password`, subject token, private key. */
  secret?: string | undefined;
}

/**
 * A grant of a kind that needs no browser at the provider: what is entered is the credential itself, or is exchanged for one, or the
 * registration alone is enough.
 * @throws KeywardError `invalid_request` (the kind needs a browser, a secret or a registration), OAuthError
 */
export async function acquireGrant(options: AcquireGrantOptions, request: GrantRequest): Promise<Grant> {
  const { provider, parameters, secret } = request;
  const entered = { renewable: false, lifetimeMs: null, scopes: null, parameters };
  if (hasAuth(provider, 'none')) return { ...entered, accessToken: '' };
  if (hasAuth(provider, 'api_key', 'basic')) return { ...entered, accessToken: required(provider, secret) };
  if (hasAuth(provider, 'signed_jwt')) {
    const tokens = await obtain(options, request, { clientId: '' });
    return grantOf(provider, tokens, parameters, required(provider, secret));
  }
  if (hasAuth(provider, 'oauth2_client_credentials', 'oauth2_jwt_bearer', 'oauth2_token_exchange', 'app_installation')) {
    const { app } = request;
    if (app === null) throw new KeywardError('invalid_request', `The organization has no registration at ${provider.title} yet.`);
    const question = secret === undefined ? 'token' : 'token_for_grant';
    const tokens = await asRegistration(options, app, question, (client) => obtain(options, request, client));
    return grantOf(
      provider,
      tokens,
      parameters,
      hasAuth(provider, 'oauth2_token_exchange') ? required(provider, secret) : undefined,
    );
  }
  throw new KeywardError('invalid_request', `${provider.title} is connected by a person in a browser.`);
}

/** @param material what the grant is made again with; everywhere else it is the token set's own refresh token that renews it */
export function grantOf(
  provider: ProviderManifest,
  tokens: TokenSet,
  parameters: Record<string, string>,
  material?: string,
): Grant {
  const { accessToken, refreshToken, lifetimeMs, refreshLifetimeMs, scopes, captured } = tokens;
  return {
    accessToken,
    material: renewalOf(provider) === 'reissue' ? material : refreshToken,
    renewable: isRenewable(provider, tokens),
    lifetimeMs,
    refreshLifetimeMs,
    scopes,
    parameters: { ...parameters, ...captured },
  };
}

function obtain({ egress }: AcquireGrantOptions, request: GrantRequest, client: OAuthClient): Promise<TokenSet> {
  const { provider, scopes, secret } = request;
  const fetch = egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) });
  return obtainToken({ provider, client, scopes, ...(secret === undefined ? {} : { secret }) }, { fetch });
}

function required({ title }: ProviderManifest, secret: string | undefined): string {
  if (secret !== undefined && secret !== '') return secret;
  throw new KeywardError('invalid_request', `${title} needs a secret to be connected.`);
}
