import type { ProviderManifest } from '@keyward/connectors';
import { asKeywardError, type AgentAddress, type KeywardError } from '@keyward/contracts';
import { connectedProvider, OAuthError, readCallback, type Callback } from '@keyward/oauth';
import type { AuthMetrics } from '../metrics.js';
import { ending, endingOf, type ConnectAnswer, type Ending } from './answer.js';
import { turnAway, type Authorizer, type Completers, type Visitor } from './completers.js';
import { takeDeliveredCode } from './delivered-code.js';
import { identifyAccount } from './identify-account.js';
import { findOffer, type Offer, type OfferOptions } from './offer.js';
import { isOwner } from './open-session.js';
import { consume, findPending, type PendingAuthorization } from './pending-authorization.js';
import { recordFailure, type Failure } from './record-failure.js';
import { redeem, type RedeemOptions } from './redeem.js';
import { isSecret, type ConnectSigner } from './secrets.js';
import type { SessionPages } from './session-pages.js';
import { OPEN_STATES } from './session-store.js';
import { targetOf } from './session-target.js';
import { storeGrant, type StoreGrantOptions } from './store-grant.js';

export interface FinishAuthorizationOptions extends StoreGrantOptions, OfferOptions, RedeemOptions {
  signer: ConnectSigner;
  completers: Completers;
  pages: SessionPages;
  calledBack: AuthMetrics['calledBack'];
  /** Told why, where the page says only that. */
  onFailure: (error: KeywardError, ending: Ending) => void;
}

export interface CallbackRequest {
  /** Last segment of the redirect URI. */
  context: string;
  query: URLSearchParams;
  /** Of an agent that hands the callback in itself: the session must be its own. */
  caller?: AgentAddress;
}

/** `GET /oauth/callback/{context}`: the browser is back from the provider. */
export class FinishAuthorization {
  constructor(private readonly options: FinishAuthorizationOptions) {}

  /**
   * Signature → request → browser → person → consume → answer → exchange → store. What fails ends in a page, and nothing is stored.
   * @throws KeywardError `dependency_unavailable`
   */
  async finish({ context, query, caller }: CallbackRequest, visitor: Visitor): Promise<ConnectAnswer> {
    const { dataSource, signer, completers } = this.options;
    const states = query.getAll('state');
    const state = states[0];
    if (state === undefined || states.length > 1) return this.#end('state_invalid', undefined);
    const verdict = signer.verifyState(state, context, new Date());
    if (verdict !== 'valid') return this.#end(verdict === 'expired' ? 'state_expired' : 'state_invalid', undefined);

    const pending = await findPending(dataSource, state, context);
    if (pending === null || !isOf(pending, caller)) return this.#end('state_invalid', undefined);
    const offer = await findOffer(this.options, pending.session);
    // A registration made anew meanwhile is another one: what was started with the old one ends here.
    if (offer === undefined || offer.app?.id !== pending.app.id) return this.#end('unsupported', pending);
    // Who was sent away is who must come back: a link or an answer that someone else passes on stores nothing.
    if (!isOwner(pending.session, isSecret(visitor.cookie) ? visitor.cookie : undefined))
      return this.#end('other_browser', pending, { failure: 'other_browser' });
    const completer = await completers.check(pending.session, visitor);
    if (!completer.may) return turnAway(completer.why === 'sign_in_required' ? 'signed_out' : completer.why, '');

    return this.#answer({ pending, offer, authorizedBy: completer.authorizedBy }, query, state);
  }

  async #answer(attempt: Attempt, query: URLSearchParams, state: string): Promise<ConnectAnswer> {
    const { pending } = attempt;
    let callback: Callback | undefined;
    let unread: unknown;
    const provider = connectedProvider(attempt.offer, pending.transaction.parameters);
    try {
      callback = readCallback(provider, { clientId: pending.app.clientId }, query, state);
    } catch (thrown) {
      unread = thrown;
    }
    if (
      callback?.kind === 'awaiting_webhook' &&
      pending.transaction.usedAt === null &&
      !(await this.#isDelivered(attempt, callback))
    )
      return this.options.pages.waiting(provider.title);
    if (!(await consume(this.options.dataSource, pending))) return this.#end('replayed', pending, { failure: 'replayed' });
    // Cancelled or completed in another tab: the code is not redeemed for nothing.
    if (!OPEN_STATES.includes(pending.session.state)) return this.#end('used', pending);
    if (callback === undefined) return this.#failed(pending, asKeywardError(unread));
    if (callback.kind === 'error') return this.#declined(pending, callback.error);
    try {
      return await this.#store(attempt, provider, callback);
    } catch (thrown) {
      return this.#failed(pending, asKeywardError(thrown));
    }
  }

  async #isDelivered({ pending }: Attempt, { correlation }: Extract<Callback, { kind: 'awaiting_webhook' }>): Promise<boolean> {
    return (await takeDeliveredCode(this.options.dataSource, pending.app, correlation, 'look')) !== undefined;
  }

  async #store(
    { pending, offer, authorizedBy }: Attempt,
    provider: ProviderManifest,
    callback: Exclude<Callback, { kind: 'error' }>,
  ): Promise<ConnectAnswer> {
    const { session, app } = pending;
    const askedAt = performance.now();
    const redeemed = await redeem(this.options, { pending, offer, provider, callback });
    const grant = await identifyAccount(this.options, offer, redeemed);
    const target = targetOf(session);
    const requestedScopes = session.scopes;
    const stored = { target, provider: offer.manifest, grant, requestedScopes, authorizedBy, askedAt, app, session };
    const connection = await storeGrant(this.options, stored);
    if (connection === undefined) return this.#end('used', pending);
    this.#count('connected', session.provider);
    if (session.returnUrl !== null) return { kind: 'redirect', outcome: 'connected', connection, url: session.returnUrl };
    return this.options.pages.connected(session, provider.title, connection);
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
    this.#count(name, pending?.session.provider);
    if (pending !== undefined && failure !== undefined) await recordFailure(this.options.dataSource, pending.session, failure);
    return ending(name, pending?.session.returnUrl);
  }

  #count(outcome: string, provider: string | undefined): void {
    this.options.calledBack(provider, outcome);
  }
}

interface Attempt {
  pending: PendingAuthorization;
  offer: Offer;
  authorizedBy: Authorizer;
}

function isOf({ session }: PendingAuthorization, caller: AgentAddress | undefined): boolean {
  return caller === undefined || (session.orgId === caller.org && session.agentId === caller.agent);
}

function failureOf(error: KeywardError): [Ending, Failure] {
  if (error instanceof OAuthError) return [endingOf(error), { failure: error.failure, error }];
  // What came with the browser contradicts itself or its sender: this attempt is over for good.
  if (error.code === 'invalid_request') return ['refused', { state: 'failed', failure: 'invalid_answer', error }];
  return ['unavailable', { failure: error.code, error }];
}
