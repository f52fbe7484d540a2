import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import {
  connectedProvider,
  exchangeCode,
  verifyInstallation,
  withClient,
  type Callback,
  type TokenSet,
  type Wire,
} from '@keyward/oauth';
import { asRegistration } from '../provider-apps/as-registration.js';
import { acquireGrant, grantOf, type AcquireGrantOptions } from './acquire-grant.js';
import { deliveredCodeContext, takeDeliveredCode } from './delivered-code.js';
import type { Grant } from './grant.js';
import type { Offer } from './offer.js';
import type { PendingAuthorization } from './pending-authorization.js';
import { verifierContext } from './verifier-context.js';

export interface RedeemOptions extends AcquireGrantOptions {
  /** Told where a token that was asked for once, and is not kept, did not end at the provider. */
  onUnrevoked: (error: KeywardError) => void;
}

interface Redemption {
  pending: PendingAuthorization;
  offer: Offer;
  /** Resolved with what was known when the browser left. */
  provider: ProviderManifest;
  callback: Exclude<Callback, { kind: 'error' }>;
}

/** Makes a grant of what came back with the browser. The attempt must have been consumed: a code is sent once. @throws OAuthError, KeywardError */
export async function redeem(options: RedeemOptions, { pending, offer, callback }: Redemption): Promise<Grant> {
  const { app, session } = pending;
  const parameters = { ...pending.transaction.parameters, ...callback.captured };
  // Addresses may depend on what came back, such as the data centre of the account.
  const provider = connectedProvider(offer, parameters);
  switch (callback.kind) {
    case 'installed':
      await verify(options, pending, provider, callback);
      return acquireGrant(options, { provider, app, parameters, scopes: session.scopes });
    case 'code':
      return grantOf(provider, await exchange(options, pending, provider, callback.parameters), parameters);
    case 'awaiting_webhook': {
      const { correlation } = callback;
      const sealed = await takeDeliveredCode(options.dataSource, app, correlation, 'take');
      if (sealed === undefined) throw new KeywardError('invalid_request', 'The provider sent no code for this.');
      const context = deliveredCodeContext(app, correlation);
      const tokens = await options.credentials.openSecret(context, sealed, (code) =>
        exchange(options, pending, provider, { code }),
      );
      return grantOf(provider, tokens, parameters);
    }
  }
}

/** Anyone can name anyone's installation: no token of it is asked for before it is known to be theirs. */
function verify(
  options: RedeemOptions,
  { app, transaction }: PendingAuthorization,
  provider: ProviderManifest,
  { captured, code }: Extract<Callback, { kind: 'installed' }>,
): Promise<void> {
  const { credentials, onUnrevoked } = options;
  const told = { onUnrevoked: (error: unknown) => onUnrevoked(asKeywardError(error)) };
  const installationId = captured['installation_id'];
  return withVerifier(options, transaction, (codeVerifier) =>
    withClient(credentials, app, (client) =>
      verifyInstallation({ provider, client, installationId, code, codeVerifier, ...told }, wireOf(options, provider)),
    ),
  );
}

function exchange(
  options: RedeemOptions,
  { app, transaction }: PendingAuthorization,
  provider: ProviderManifest,
  parameters: URLSearchParams | { code: string },
): Promise<TokenSet> {
  const { redirectUri } = transaction;
  return withVerifier(options, transaction, (codeVerifier) =>
    asRegistration(options, app, 'token_for_grant', (client) =>
      exchangeCode({ provider, client, parameters, redirectUri, codeVerifier }, wireOf(options, provider)),
    ),
  );
}

function withVerifier<T>(
  { credentials }: RedeemOptions,
  { orgId, sealedVerifier, stateSha256 }: PendingAuthorization['transaction'],
  use: (codeVerifier: string) => Promise<T>,
): Promise<T> {
  return credentials.openSecret(verifierContext(orgId, stateSha256), sealedVerifier, use);
}

function wireOf({ egress }: RedeemOptions, provider: ProviderManifest): Wire {
  const fetchFor = (origins: readonly string[]) => egress.fetchFor({ provider: provider.name, origins });
  return { fetch: fetchFor(authorizationServerOrigins(provider)), fetchFor };
}
