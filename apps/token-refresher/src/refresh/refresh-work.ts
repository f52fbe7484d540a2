import type { Catalogs, ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { connectedProvider, type InterruptedRenewal } from '@keyward/oauth';
import type { Also, CredentialStore, RefreshableCredential, RefreshCommit } from '@keyward/postgres-vault';
import { SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { RefresherMetrics } from '../metrics.js';
import type { Claim, Outcome } from './claim.js';
import { decide, isSpentByUse, retryInterrupted, type Decision, type Keep, type RefreshOutcome } from './decide.js';
import { events } from './events.js';
import { persistently } from './persistently.js';
import type { ProviderLanes } from './provider-lanes.js';
import type { Redeemed, Redeemer } from './redeem.js';
import { redeemUnderLease } from './redeem-under-lease.js';
import { fieldsOf, unavailable, withRetryAfter } from './tell.js';

export interface RefreshWorkParts {
  /** Names this process in leases. */
  owner: string;
  redeemTimeoutMs: number;
  store: CredentialStore;
  catalogs: Pick<Catalogs, 'of'>;
  lanes: ProviderLanes;
  redeemer: Redeemer;
  metrics: RefresherMetrics;
  tracer: Tracer;
  logger: Logger;
}

type Redeemable = RefreshableCredential & { renewable: true };

/** One refresh under a lease: load → may it be sent? → redeem and seal → store, or decide what the failure means. */
export class RefreshWork {
  constructor(private readonly parts: RefreshWorkParts) {}

  /** Never throws for what goes wrong at the provider; @throws KeywardError where the store stays away for minutes. */
  run(claim: Claim): Promise<Outcome> {
    return this.parts.tracer.startActiveSpan('credential refresh', async (span) => {
      const startedAt = performance.now();
      try {
        const row = await this.#untilStored(claim, (store) => store.load(claim.org, claim.connection));
        if (row === null || !isRedeemable(row, claim)) return await this.#overtaken(claim, row);
        span.setAttribute('keyward.provider', row.provider);
        const { outcome, result } = await this.#refresh(claim, row, startedAt);
        span.setAttribute('keyward.refresh.outcome', outcome);
        if (result.kind === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
        this.#report(row, outcome, performance.now() - startedAt);
        return result;
      } finally {
        span.end();
      }
    });
  }

  async #refresh(claim: Claim, row: Redeemable, startedAt: number): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const manifest = await this.#manifest(row);
    if (manifest === undefined) return this.#withoutProvider(claim, row);
    if (claim.staleIntent && isSpentByUse(manifest)) return this.#fail(claim, row, manifest, undefined);

    let provider = manifest;
    let redeemed: Redeemed;
    try {
      provider = connectedProvider({ manifest, app: row.providerApp }, row.parameters);
      redeemed = await redeemUnderLease(this.parts, claim, row, provider);
    } catch (error) {
      return this.#fail(claim, row, manifest, error);
    }

    const { commit, interrupted } = redeemed;
    if (interrupted !== undefined) return this.#interrupted(row, provider, commit, interrupted);
    const also = events.refreshed(row, commit.scopes, Math.round(performance.now() - startedAt));
    const stored = await this.#untilStored(claim, (store) => store.commit(commit, also));
    if (stored) return { outcome: 'refreshed', result: { kind: 'refreshed', generation: row.generation + 1 } };
    return this.#refused(row, provider, commit);
  }

  /** The refresh token was redeemed and a step after it failed: its successor is stored, and the connection stays as it is. */
  async #interrupted(
    row: Redeemable,
    provider: ProviderManifest,
    commit: RefreshCommit,
    interrupted: InterruptedRenewal,
  ): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const decision = retryInterrupted(interrupted, row.failures, new Date());
    const next = { ...commit, refreshAt: decision.retryAt, failures: row.failures + 1 };
    const stored = await this.#untilStored(row, (store) => store.commit(next, failed(row, decision)));
    return stored ? this.#kept(row, decision) : this.#refused(row, provider, commit);
  }

  /** The row moved on while we redeemed: by our own commit whose answer got lost, by a new authorization, or by a disconnect. */
  async #refused(
    row: Redeemable,
    provider: ProviderManifest,
    redeemed: RefreshCommit,
  ): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const { redeemer, redeemTimeoutMs, logger } = this.parts;
    const now = await this.#untilStored(row, (store) => store.load(row.org, row.connection));
    if (now !== null && now.status === 'active' && now.generation > row.generation) {
      const ours = now.sealedAccess.equals(redeemed.sealedAccess);
      return { outcome: ours ? 'refreshed' : 'superseded', result: { kind: 'refreshed', generation: now.generation } };
    }
    if (now === null || now.status === 'revoked') {
      // Disconnecting revoked the token that was stored; the one just redeemed in its place must not outlive it.
      await redeemer
        .revoke(row, redeemed, provider, redeemTimeoutMs)
        .catch((error: unknown) =>
          logger.error({ ...fieldsOf(row), err: error }, 'tokens of a revoked connection are left at the provider'),
        );
    }
    return { outcome: 'disconnected', result: { kind: 'failed', error: unavailable(now) } };
  }

  async #fail(
    claim: Claim,
    row: Redeemable,
    provider: ProviderManifest,
    error: unknown,
  ): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const { accessExpiresAt, failures } = row;
    const { accessRejected } = claim;
    const decision = decide({ error, provider, accessExpiresAt, failures, accessRejected, now: new Date() });
    return decision.do === 'keep' ? this.#keep(row, decision) : this.#reauthorize(row, decision);
  }

  async #keep(row: Redeemable, decision: Keep): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const { outcome, retryAt, maybeRedeemed } = decision;
    const { org, connection, generation } = row;
    const audited = outcome !== 'postponed' && outcome !== 'circuit_open';
    const also = audited ? failed(row, decision) : undefined;
    await this.#untilStored(row, (store) =>
      store.releaseFailed({ org, connection, owner: this.parts.owner, generation, retryAt, maybeRedeemed }, also),
    );
    return this.#kept(row, decision);
  }

  #kept(row: Redeemable, { outcome, retryAt, error }: Keep): { outcome: RefreshOutcome; result: Outcome } {
    const log = outcome === 'invalid_client' || outcome === 'internal' || outcome === 'rejected' ? 'error' : 'warn';
    const fields = { ...fieldsOf(row), outcome, retryAt, err: error };
    this.parts.logger[log](fields, 'a credential could not be refreshed; it stays as it is');
    const retryAfterMs = Math.max(0, retryAt.getTime() - Date.now());
    return { outcome, result: { kind: 'failed', error: withRetryAfter(error, retryAfterMs) } };
  }

  async #reauthorize(
    row: Redeemable,
    { outcome, reason }: Extract<Decision, { do: 'reauthorize' }>,
  ): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const { org, connection, generation } = row;
    // Changes nothing where the stored generation is another by now: somebody else's refresh is why ours was refused.
    const also = events.needsReauthorization(row, reason);
    const marked = await this.#untilStored(row, (store) =>
      store.markNeedsReauthorization({ org, connection, generation, reason }, also),
    );
    const now = await this.#untilStored(row, (store) => store.load(org, connection));
    if (!marked && now !== null && now.status === 'active' && now.generation > generation) {
      return { outcome: 'superseded', result: { kind: 'refreshed', generation: now.generation } };
    }
    this.parts.logger.warn({ ...fieldsOf(row), outcome, reason }, 'a connection must be authorized again');
    return { outcome, result: { kind: 'failed', error: unavailable(now) } };
  }

  /** The row is not what the lease was taken for. */
  async #overtaken(claim: Claim, row: RefreshableCredential | null): Promise<Outcome> {
    if (row !== null && row.status === 'active' && row.generation > claim.generation) {
      return { kind: 'refreshed', generation: row.generation };
    }
    return { kind: 'failed', error: unavailable(row) };
  }

  /** Undefined also where the organization's connectors can't be read: either way the token stays as it is, for now. */
  async #manifest({ org, provider }: Redeemable): Promise<ProviderManifest | undefined> {
    try {
      return (await this.parts.catalogs.of(org)).connector(provider);
    } catch (error) {
      this.parts.logger.warn({ err: error, org, provider }, 'the connector of a connection could not be read');
      return undefined;
    }
  }

  /** The deployment has lost the connector of a connection. Not the connection's fault: it waits. */
  async #withoutProvider(claim: Claim, row: Redeemable): Promise<{ outcome: RefreshOutcome; result: Outcome }> {
    const error = new KeywardError(
      'provider_unavailable',
      'This deployment has no connector for the provider of this connection.',
    );
    const retryAt = new Date(Date.now() + 60_000);
    return this.#keep(row, { do: 'keep', outcome: 'internal', retryAt, maybeRedeemed: claim.staleIntent, error });
  }

  /**
   * From the lease on, nothing that the store must hear is given up because the store is away: an unheard release would look like a
   * token that may be spent, and an unheard commit is a token lost.
   */
  #untilStored<T>(
    { org, connection }: { org: string; connection: string },
    task: (store: CredentialStore) => Promise<T>,
  ): Promise<T> {
    const { store, logger } = this.parts;
    return persistently(
      () => task(store),
      (err, attempt) => {
        if (attempt % 10 === 0) logger.error({ org, connection, attempt, err }, 'a refresh waits for the store');
      },
    );
  }

  #report(row: RefreshableCredential, outcome: RefreshOutcome, durationMs: number): void {
    this.parts.metrics.attempt(row.provider, outcome, durationMs / 1000);
    if (outcome === 'refreshed') {
      this.parts.logger.info(
        { ...fieldsOf(row), status: outcome, duration: Math.round(durationMs) },
        'a credential was refreshed',
      );
    }
  }
}

function failed(row: Redeemable, { error, outcome }: Keep): Also {
  return events.failed(row, { code: error.code, providerStatus: error.details.providerStatus }, outcome);
}

function isRedeemable(row: RefreshableCredential, claim: Claim): row is Redeemable {
  return row.status === 'active' && row.generation === claim.generation && row.renewable;
}
