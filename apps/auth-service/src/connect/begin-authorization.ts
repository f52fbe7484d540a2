import type { Credentials } from '@keyward/credentials';
import { authorizationUrl, connectedProvider, createPkcePair } from '@keyward/oauth';
import { AuthorizationTransactionEntity, withOrg, type ConnectSessionEntity, type ProviderAppEntity } from '@keyward/postgres';
import { IsNull, type DataSource } from 'typeorm';
import { redirectUriOf } from '../provider-apps/addresses.js';
import { requireUnchangedApp } from '../provider-apps/unchanged-app.js';
import type { Offer } from './offer.js';
import { sha256, type ConnectSigner } from './secrets.js';
import { advance } from './session-store.js';
import { verifierContext } from './verifier-context.js';

/** From consent on our page to the callback: enough to sign in with a second factor. */
const TRANSACTION_MS = 600_000;

export interface BeginAuthorizationOptions {
  dataSource: DataSource;
  credentials: Credentials;
  signer: ConnectSigner;
  publicUrl: string;
}

/**
 * Only now, after consent, is a state made: bound to the registration's redirect URI, to this session and through it to its browser.
 * @returns where the browser goes; undefined where the session has ended meanwhile
 * @throws KeywardError `invalid_request` where the parameters lead elsewhere, `conflict` (the registration was changed meanwhile),
 * `dependency_unavailable`
 */
export async function beginAuthorization(
  { dataSource, credentials, signer, publicUrl }: BeginAuthorizationOptions,
  session: ConnectSessionEntity,
  offer: Offer & { app: ProviderAppEntity },
  parameters: Record<string, string>,
): Promise<string | undefined> {
  const { app } = offer;
  const provider = connectedProvider(offer, parameters);
  const expiresAt = new Date(Date.now() + TRANSACTION_MS);
  const state = signer.createState(app.callbackContext, expiresAt);
  const stateSha256 = sha256(state);
  const redirectUri = redirectUriOf(publicUrl, app.callbackContext);
  const { verifier, challenge } = await createPkcePair(provider);
  const client = { clientId: app.clientId };
  const url = authorizationUrl({ provider, client, redirectUri, scopes: session.scopes, state, codeChallenge: challenge });
  const transaction = {
    stateSha256,
    orgId: session.orgId,
    sessionId: session.id,
    providerAppId: app.id,
    sealedVerifier: await credentials.sealSecret(verifierContext(session.orgId, stateSha256), verifier),
    redirectUri,
    parameters,
    expiresAt,
  };
  const begun = await withOrg(dataSource, session.orgId, async (em) => {
    await requireUnchangedApp(em, app);
    if (!(await advance(em, session, { state: 'redirected' }))) return false;
    // Going back and continuing again starts over: of several answers to one session only the last can count.
    const earlier = { sessionId: session.id, orgId: session.orgId, usedAt: IsNull() };
    await em.update(AuthorizationTransactionEntity, earlier, { usedAt: new Date() });
    await em.insert(AuthorizationTransactionEntity, transaction);
    return true;
  });
  return begun ? url.href : undefined;
}
