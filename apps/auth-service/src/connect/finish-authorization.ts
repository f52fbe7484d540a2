import { authorizationServerOrigins, type Catalog, type ProviderManifest } from '@keyward/connectors';
import type { Egress } from '@keyward/egress';
import { asKeywardError, type KeywardError } from '@keyward/contracts';
import { clientSecretContext, exchangeCode, OAuthError, readCallback, type OAuthClient, type TokenSet } from '@keyward/oauth';
import type { Counter } from 'prom-client';
import { connectedPage } from '../pages/connect-pages.js';
import { ending, type ConnectAnswer, type Ending } from './answer.js';
import { isOwner } from './open-session.js';
import { consume, findPending, type PendingAuthorization } from './pending-authorization.js';
import { recordFailure, type Failure } from './record-failure.js';
import { isSecret, type ConnectSigner } from './secrets.js';
import { namesOf, OPEN_STATES } from './session-store.js';
import { storeAuthorization, type StoreAuthorizationOptions } from './store-authorization.js';
import { verifierContext } from './verifier-context.js';

export interface FinishAuthorizationOptions extends StoreAuthorizationOptions {
  catalog: Catalog;
  egress: Egress;
  signer: ConnectSigner;
  callbacks: Counter<'provider' | 'outcome'>;
  /** Told why, where the page says only that. */
  onFailure: (error: KeywardError, ending: Ending) => void;
}

export interface CallbackRequest {
  /** Last segment of the redirect URI. */
  context: string;
  query: URLSearchParams;
  cookie: unknown;
}

/** `GET /oauth/callback/{context}`: the browser is back from the provider. */
export class FinishAuthorization {
  constructor(private readonly options: FinishAuthorizationOptions) {}

  /** Signature → request → browser → consume → answer → exchange → store. What fails ends in a page, and nothing is stored. */
  async finish({ context, query, cookie }: CallbackRequest): Promise<ConnectAnswer> {
    const { dataSource, signer, catalog } = this.options;
    const states = query.getAll('state');
    const state = states[0];
    if (state === undefined || states.length > 1) return this.#end('state_invalid', undefined);
    const verdict = signer.verifyState(state, context, new Date());
    if (verdict !== 'valid') return this.#end(verdict === 'expired' ? 'state_expired' : 'state_invalid', undefined);

    const pending = await findPending(dataSource, state, context);
    const manifest = pending === null ? undefined : catalog.connector(pending.session.provider);
    if (pending === null) return this.#end('state_invalid', undefined);
    if (manifest === undefined) return this.#end('unsupported', pending);
    // Who was sent away is who must come back: a link or an answer that someone else passes on stores nothing.
    if (!isOwner(pending.session, isSecret(cookie) ? cookie : undefined))
      return this.#end('other_browser', pending, { failure: 'other_browser' });
    if (!(await consume(dataSource, pending))) return this.#end('replayed', pending, { failure: 'replayed' });

    // Cancelled or completed in another tab: the code is not redeemed for nothing.
    if (!OPEN_STATES.includes(pending.session.state)) return this.#end('used', pending);

    try {
      const callback = readCallback(manifest, { clientId: pending.app.clientId }, query, state);
      if (callback.kind === 'error') return await this.#declined(pending, callback.error);
      // Read first: once it is stored, nothing may fail any more.
      const { agent } = await namesOf(dataSource, pending.session);
      const obtainedAt = new Date();
      const tokens = await this.#exchange(pending, manifest, callback.parameters);
      const connection = await storeAuthorization(this.options, { pending, provider: manifest, tokens, obtainedAt });
      return connection === undefined ? await this.#end('used', pending) : this.#connected(pending, manifest, agent);
    } catch (thrown) {
      return this.#failed(pending, asKeywardError(thrown));
    }
  }

  #exchange(
    { app, transaction }: PendingAuthorization,
    provider: ProviderManifest,
    parameters: URLSearchParams,
  ): Promise<TokenSet> {
    const { credentials, egress } = this.options;
    const { orgId: org, redirectUri, sealedVerifier, stateSha256 } = transaction;
    const fetch = egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) });
    return credentials.openSecret(verifierContext(org, stateSha256), sealedVerifier, (codeVerifier) => {
      const exchange = (client: OAuthClient) =>
        exchangeCode({ provider, client, parameters, redirectUri, codeVerifier }, { fetch });
      if (app.sealedSecret === null) return exchange({ clientId: app.clientId });
      const context = clientSecretContext({ org, id: app.id, generation: app.generation });
      return credentials.openSecret(context, app.sealedSecret, (clientSecret) =>
        exchange({ clientId: app.clientId, clientSecret }),
      );
    });
  }

  #connected({ session }: PendingAuthorization, manifest: ProviderManifest, agent: string): ConnectAnswer {
    this.#count('connected', session.provider);
    if (session.returnUrl !== null) return { kind: 'redirect', url: session.returnUrl };
    return { kind: 'page', page: connectedPage({ provider: manifest.title, agent }) };
  }

  /** The person's no ends the session; what the provider could not do leaves the link usable. */
  #declined(pending: PendingAuthorization, error: string): Promise<ConnectAnswer> {
    if (error === 'access_denied') return this.#end('denied', pending, { state: 'failed', failure: error, chosen: true });
    return this.#end('provider', pending, { failure: error });
  }

  #failed(pending: PendingAuthorization, error: KeywardError): Promise<ConnectAnswer> {
    const [name, failure] = failureOf(error);
    this.options.onFailure(error, name);
    return this.#end(name, pending, failure);
  }

  async #end(name: Ending, pending: PendingAuthorization | undefined, failure?: Failure): Promise<ConnectAnswer> {
    this.#count(name, pending?.session.provider ?? 'unknown');
    if (pending !== undefined && failure !== undefined) await recordFailure(this.options.dataSource, pending.session, failure);
    return ending(name, pending?.session.returnUrl);
  }

  #count(outcome: string, provider: string): void {
    this.options.callbacks.inc({ provider, outcome });
  }
}

function failureOf(error: KeywardError): [Ending, Failure] {
  if (error instanceof OAuthError) return ['provider', { failure: error.failure, error }];
  // What came with the browser contradicts itself or its sender: this attempt is over for good.
  if (error.code === 'invalid_request') return ['refused', { state: 'failed', failure: 'invalid_answer', error }];
  return ['unavailable', { failure: error.code, error }];
}
