import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { exchangeCode, withClient, type Callback, type TokenSet } from '@keyward/oauth';
import type { DataSource } from 'typeorm';
import { acquireGrant, grantOf, type AcquireGrantOptions } from './acquire-grant.js';
import { deliveredCodeContext, takeDeliveredCode } from './delivered-code.js';
import type { Grant } from './grant.js';
import { resolveOffer, type Offer } from './offer.js';
import type { PendingAuthorization } from './pending-authorization.js';
import { verifierContext } from './verifier-context.js';

export interface RedeemOptions extends AcquireGrantOptions {
  dataSource: DataSource;
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
  const provider = resolveOffer(offer, parameters);
  switch (callback.kind) {
    case 'installed':
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

function exchange(
  { credentials, egress }: RedeemOptions,
  { app, transaction }: PendingAuthorization,
  provider: ProviderManifest,
  parameters: URLSearchParams | { code: string },
): Promise<TokenSet> {
  const { orgId, redirectUri, sealedVerifier, stateSha256 } = transaction;
  const fetchFor = (origins: readonly string[]) => egress.fetchFor({ provider: provider.name, origins });
  const wire = { fetch: fetchFor(authorizationServerOrigins(provider)), fetchFor };
  return credentials.openSecret(verifierContext(orgId, stateSha256), sealedVerifier, (codeVerifier) =>
    withClient(credentials, app, (client) => exchangeCode({ provider, client, parameters, redirectUri, codeVerifier }, wire)),
  );
}
