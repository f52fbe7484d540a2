import type { Catalog, ProviderManifest } from '@keyward/connectors';
import type { Credentials } from '@keyward/credentials';
import { authorizationUrl, createPkcePair } from '@keyward/oauth';
import { AuthorizationTransactionEntity, ProviderAppEntity, withOrg, type ConnectSessionEntity } from '@keyward/postgres';
import { IsNull, type DataSource } from 'typeorm';
import { redirectUriOf } from '../provider-apps/provider-apps.js';
import { ending, type ConnectAnswer } from './answer.js';
import { isOwner, obstacle } from './open-session.js';
import { recordFailure } from './record-failure.js';
import { isSecret, sha256, type ConnectSigner } from './secrets.js';
import { advance, findSession } from './session-store.js';
import { verifierContext } from './verifier-context.js';

/** From consent on our page to the callback: enough to sign in with a second factor. */
const TRANSACTION_MS = 600_000;

export interface Decision {
  token: string;
  formToken: string;
  decision: 'continue' | 'cancel';
  cookie: unknown;
}

export interface DecideSessionOptions {
  dataSource: DataSource;
  catalog: Catalog;
  credentials: Credentials;
  signer: ConnectSigner;
  publicUrl: string;
}

/** `POST /connect/{token}`: the person has chosen on our page. Only now is a state made, and the browser sent to the provider. */
export class DecideSession {
  constructor(private readonly options: DecideSessionOptions) {}

  async decide({ token, formToken, decision, cookie }: Decision): Promise<ConnectAnswer> {
    const session = await findSession(this.options.dataSource, token);
    if (session === null) return ending('unknown');
    const browser = isSecret(cookie) ? cookie : undefined;
    const problem = obstacle(session, browser);
    if (problem !== undefined) return ending(problem);
    if (browser === undefined || !isOwner(session, browser)) return ending('form');
    if (!this.options.signer.verifyFormToken(formToken, session.id, browser)) return ending('form');
    return decision === 'cancel' ? this.#cancel(session) : this.#redirect(session);
  }

  async #cancel(session: ConnectSessionEntity): Promise<ConnectAnswer> {
    const cancelled = await recordFailure(this.options.dataSource, session, {
      state: 'cancelled',
      failure: 'cancelled',
      chosen: true,
    });
    return ending(cancelled ? 'cancelled' : 'used', session.returnUrl);
  }

  async #redirect(session: ConnectSessionEntity): Promise<ConnectAnswer> {
    const manifest = this.options.catalog.connector(session.provider);
    const app = await withOrg(this.options.dataSource, session.orgId, (em) =>
      em.findOneBy(ProviderAppEntity, { orgId: session.orgId, provider: session.provider }),
    );
    if (manifest === undefined || app === null) return ending('unsupported');
    const url = await this.#begin(session, manifest, app);
    return url === undefined ? ending('used') : { kind: 'redirect', url };
  }

  /** Undefined where the session has ended meanwhile. */
  async #begin(session: ConnectSessionEntity, manifest: ProviderManifest, app: ProviderAppEntity): Promise<string | undefined> {
    const { dataSource, credentials, signer, publicUrl } = this.options;
    const expiresAt = new Date(Date.now() + TRANSACTION_MS);
    const state = signer.createState(app.callbackContext, expiresAt);
    const stateSha256 = sha256(state);
    const redirectUri = redirectUriOf(publicUrl, app.callbackContext);
    const { verifier, challenge } = await createPkcePair(manifest);
    const sealedVerifier = await credentials.sealSecret(verifierContext(session.orgId, stateSha256), verifier);
    const transaction = {
      stateSha256,
      orgId: session.orgId,
      sessionId: session.id,
      providerAppId: app.id,
      sealedVerifier,
      redirectUri,
      expiresAt,
    };
    const begun = await withOrg(dataSource, session.orgId, async (em) => {
      if (!(await advance(em, session, { state: 'redirected' }))) return false;
      // Going back and continuing again starts over: of several answers to one session only the last can count.
      const earlier = { sessionId: session.id, orgId: session.orgId, usedAt: IsNull() };
      await em.update(AuthorizationTransactionEntity, earlier, { usedAt: new Date() });
      await em.insert(AuthorizationTransactionEntity, transaction);
      return true;
    });
    if (!begun) return undefined;
    const request = {
      provider: manifest,
      client: { clientId: app.clientId },
      redirectUri,
      scopes: session.scopes,
      state,
      codeChallenge: challenge,
    };
    return authorizationUrl(request).href;
  }
}
