import type { ProviderManifest } from '@keyward/connectors';
import type { OutgoingMessage } from '@keyward/postgres';
import { OAuthError } from '@keyward/oauth';
import type { CredentialStore, RefreshableCredential, RefreshCommit } from '@keyward/postgres-vault';
import type { Logger } from 'pino';
import { msLeft, type Claim, type Outcome } from './claim.js';
import { decide, retryInterrupted, type Decision, type Doubt, type Keep, type RefreshOutcome, type RejectApp } from './decide.js';
import { events } from './events.js';
import { persistently } from './persistently.js';
import { canBeKnown, isSpentByUse } from './recover.js';
import type { Redeemed, Redeemer, SealedRenewal } from './redeem.js';
import type { RefreshStep } from './steps.js';
import { fieldsOf, unavailable, withRetryAfter } from './tell.js';

export interface SettleParts {
  redeemTimeoutMs: number;
  store: CredentialStore;
  redeemer: Redeemer;
  logger: Logger;
}

export interface Settled {
  outcome: RefreshOutcome;
  result: Outcome;
}

/** One refresh on its way. */
export interface Refreshing {
  claim: Claim;
  /** Resolved, or as declared where it could not be. */
  provider: ProviderManifest;
  startedAt: number;
  step: (step: RefreshStep) => Promise<void>;
}

/** Makes what came of a refresh true in the store: the next generation, or what the failure means. */
export class Settlement {
  constructor(private readonly parts: SettleParts) {}

  /** Seals and stores an answer. Until that is done it exists only in this process. */
  async keep(refreshing: Refreshing, redeemed: Redeemed): Promise<Settled> {
    const { claim, step } = refreshing;
    let renewal: SealedRenewal;
    try {
      renewal = await persistently(redeemed.seal, this.#waiting(claim.row, 'a refreshed credential waits to be sealed'));
    } catch (error) {
      return this.fail(refreshing, error, this.#doubtAfter(refreshing));
    }
    await step('sealed');
    const { interrupted } = redeemed;
    if (interrupted !== undefined) {
      const decision = retryInterrupted(interrupted, claim.row.failures);
      const later = { refreshInMs: decision.retryInMs, awakeRefreshInMs: decision.retryInMs, failures: claim.row.failures + 1 };
      const stored = await this.#commit(refreshing, renewal, later, failed(claim.row, decision));
      return stored ? this.#kept(claim.row, decision) : this.#refused(refreshing, renewal);
    }
    const durationMs = Math.round(performance.now() - refreshing.startedAt);
    const messages = events.refreshed(claim.row, renewal.sealed.scopes, durationMs);
    if (!(await this.#commit(refreshing, renewal, {}, messages))) return this.#refused(refreshing, renewal);
    await this.#accepted(claim.row);
    return { outcome: 'refreshed', result: { kind: 'refreshed', generation: claim.row.generation + 1 } };
  }

  async fail(refreshing: Refreshing, error: unknown, doubt: Doubt): Promise<Settled> {
    const { claim, provider } = refreshing;
    const { row, accessRejected } = claim;
    const accessExpiresInMs = msLeft(row, row.accessExpiresInMs);
    const rejections = row.providerApp?.rejections ?? null;
    // RFC 6749 section 5.2: who says that of a grant has taken the registration that showed it.
    if (error instanceof OAuthError && error.failure === 'invalid_grant') await this.#accepted(row);
    const { failures } = row;
    const decision = decide({ error, doubt, provider, accessExpiresInMs, failures, rejections, accessRejected });
    switch (decision.do) {
      case 'keep':
        return this.release(refreshing, decision);
      case 'reject_app':
        return this.#reject(refreshing, decision);
      case 'reauthorize':
        return this.#reauthorize(refreshing, decision);
    }
  }

  /** Gives the lease back; the connection stays as it is. */
  async release({ claim, step }: Pick<Refreshing, 'claim' | 'step'>, decision: Keep): Promise<Settled> {
    const { row } = claim;
    const audited = decision.counts && !NOT_SENT.has(decision.outcome);
    await this.#release(claim, decision, audited ? failed(row, decision) : []);
    await step('released');
    return this.#kept(row, decision);
  }

  #release(
    { owner, row: { org, connection, generation } }: Claim,
    { retryInMs, maybeRedeemed, counts }: Pick<Keep, 'retryInMs' | 'maybeRedeemed' | 'counts'>,
    messages: readonly OutgoingMessage[],
  ): Promise<boolean> {
    const failure = { org, connection, owner, generation, retryInMs, maybeRedeemed, counts };
    return this.#untilStored({ org, connection }, (store) => store.releaseFailed(failure, messages));
  }

  async #commit(
    { claim: { row }, step }: Refreshing,
    { sealed, times }: SealedRenewal,
    instead: Partial<RefreshCommit>,
    messages: readonly OutgoingMessage[],
  ): Promise<boolean> {
    const { org, connection, generation } = row;
    const stored = await this.#untilStored(row, (store) =>
      store.commit({ org, connection, generation, ...sealed, ...times(), ...instead }, messages),
    );
    if (stored) await step('stored');
    return stored;
  }

  /** The row moved on while we redeemed: by our own commit whose answer got lost, by a new authorization, or by a disconnect. */
  async #refused({ claim: { row }, provider, step }: Refreshing, { sealed }: SealedRenewal): Promise<Settled> {
    const { redeemer, redeemTimeoutMs, logger } = this.parts;
    const now = await this.#untilStored(row, (store) => store.load(row.org, row.connection));
    if (now !== null && now.status === 'active' && now.generation > row.generation) {
      const ours = now.sealedAccess.equals(sealed.sealedAccess);
      if (ours) await step('stored');
      return { outcome: ours ? 'refreshed' : 'superseded', result: { kind: 'refreshed', generation: now.generation } };
    }
    if (now === null || now.status === 'revoked') {
      // Disconnecting revoked the token that was stored; the one just redeemed in its place must not outlive it.
      await redeemer
        .revoke(row, sealed, provider, redeemTimeoutMs)
        .catch((error: unknown) =>
          logger.error({ ...fieldsOf(row), err: error }, 'tokens of a revoked connection are left at the provider'),
        );
    }
    return { outcome: 'disconnected', result: { kind: 'failed', error: unavailable(now?.status ?? null) } };
  }

  #kept(row: RefreshableCredential, { outcome, retryInMs, error, counts }: Keep): Settled {
    const level = outcome === 'internal' || outcome === 'rejected' ? 'error' : outcome === 'postponed' ? 'debug' : 'warn';
    const fields = { ...fieldsOf(row), outcome, retryInMs: Math.round(retryInMs), err: error };
    this.parts.logger[level](fields, 'a credential could not be refreshed; it stays as it is');
    const told = withRetryAfter(error, Math.max(0, retryInMs));
    return { outcome, result: counts ? { kind: 'failed', error: told } : { kind: 'postponed', error: told, retryInMs } };
  }

  /** The registration is to blame, and marked; its connections wait for it. */
  async #reject({ claim, step }: Refreshing, decision: RejectApp): Promise<Settled> {
    const { row } = claim;
    const { reason, retryInMs, maybeRedeemed, error } = decision;
    const { org, providerApp: app } = row;
    if (app !== null) {
      const { id, generation, rejections } = app;
      const rejection = { org, app: id, generation, rejections, reason, retryInMs };
      const messages = events.app(row, app, 'rejected', reason);
      const marked = await this.#untilStored(row, (store) => store.rejectApp(rejection, messages));
      const fields = { ...fieldsOf(row), provider_app: id, err: error };
      if (marked === 'first') this.parts.logger.error(fields, 'a provider rejects a registration; its connections wait');
    }
    // Behind the others that wait, so that it is one of them that tries next: what was said may be about this connection alone.
    const { ofConnection } = decision;
    const behindMs = (ofConnection ? ON_ITS_OWN_MS : 0) + TRY_ANOTHER_MS * (0.5 + Math.random() / 2);
    await this.#release(claim, { retryInMs: retryInMs + behindMs, maybeRedeemed, counts: ofConnection }, []);
    await step('released');
    return { outcome: 'invalid_client', result: { kind: 'failed', error } };
  }

  async #accepted(row: RefreshableCredential): Promise<void> {
    const { org, providerApp: app } = row;
    if (app === null || app.rejectedMsAgo === null) return;
    const messages = events.app(row, app, 'accepted');
    const accepted = await this.#untilStored(row, (store) => store.acceptApp({ org, app: app.id }, messages));
    if (accepted) this.parts.logger.info({ ...fieldsOf(row), provider_app: app.id }, 'a provider takes a registration again');
  }

  async #reauthorize(
    { claim: { row }, step }: Refreshing,
    { outcome, reason }: Extract<Decision, { do: 'reauthorize' }>,
  ): Promise<Settled> {
    const { org, connection, generation } = row;
    // Changes nothing where the stored generation is another by now: somebody else's refresh is why ours was refused.
    const messages = events.needsReauthorization(row, reason);
    const marked = await this.#untilStored(row, (store) =>
      store.markNeedsReauthorization({ org, connection, generation, reason }, messages),
    );
    if (marked) {
      await step('marked');
      this.parts.logger.warn({ ...fieldsOf(row), outcome, reason }, 'a connection needs a new authorization');
      return { outcome, result: { kind: 'failed', error: unavailable('needs_reauthorization') } };
    }
    const now = await this.#untilStored(row, (store) => store.load(org, connection));
    if (now !== null && now.status === 'active' && now.generation > generation) {
      return { outcome: 'superseded', result: { kind: 'refreshed', generation: now.generation } };
    }
    return { outcome, result: { kind: 'failed', error: unavailable(now?.status ?? null) } };
  }

  /** Of a token that was redeemed, and whose successor could not be kept. */
  #doubtAfter({ claim: { row }, provider, startedAt }: Refreshing): Doubt {
    if (!isSpentByUse(provider)) return 'none';
    const sinceMs = performance.now() - startedAt + (row.sentMsAgo ?? 0);
    return canBeKnown(provider, sinceMs, this.parts.redeemTimeoutMs) ? 'open' : 'lost';
  }

  /**
   * From the lease on, nothing that the store must hear is given up because the store is away: an unheard release would look like a
   * token that may be spent, and an unheard commit is a token lost.
   */
  #untilStored<T>(of: { org: string; connection: string }, task: (store: CredentialStore) => Promise<T>): Promise<T> {
    return persistently(() => task(this.parts.store), this.#waiting(of, 'a refresh waits for the store'));
  }

  #waiting({ org, connection }: { org: string; connection: string }, message: string) {
    return (err: unknown, attempt: number) => {
      if (attempt % 10 === 0) this.parts.logger.error({ org, connection, attempt, err }, message);
    };
  }
}

/** The others of a rejected registration are due again within a minute after it is tried (`vault.claim_due`). */
const TRY_ANOTHER_MS = 60_000;
/** Further behind than what is woken, with nothing held against it, when the registration is taken again (`vault.accept_app`). */
const ON_ITS_OWN_MS = 120_000;

/** Nothing was asked of the provider, so that there is nothing to tell of it. */
const NOT_SENT: ReadonlySet<RefreshOutcome> = new Set<RefreshOutcome>(['postponed', 'circuit_open', 'paused']);

function failed(row: RefreshableCredential, { error, outcome }: Keep): OutgoingMessage[] {
  return events.failed(row, { code: error.code, providerStatus: error.details.providerStatus }, outcome);
}
