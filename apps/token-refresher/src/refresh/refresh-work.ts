import type { Catalogs, ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { connectedProvider } from '@keyward/oauth';
import type { RefreshableCredential } from '@keyward/postgres-vault';
import { SpanStatusCode, type Span, type Tracer } from '@opentelemetry/api';
import type { RefresherMetrics } from '../metrics.js';
import { msLeft, msPassed, type Claim, type Outcome } from './claim.js';
import { redeemUnderLease, type RedeemUnderLeaseParts } from './redeem-under-lease.js';
import { Settlement, type Refreshing, type Settled, type SettleParts } from './settle.js';
import type { OnStep, RefreshStep } from './steps.js';
import { fieldsOf } from './tell.js';

export interface RefreshWorkParts extends RedeemUnderLeaseParts, SettleParts {
  store: SettleParts['store'];
  redeemer: SettleParts['redeemer'];
  catalogs: Pick<Catalogs, 'of'>;
  metrics: Pick<RefresherMetrics, 'attempt' | 'refreshed'>;
  tracer: Tracer;
  onStep: OnStep | undefined;
}

/** How long a connection waits whose connector this deployment does not have. */
const WITHOUT_PROVIDER_MS = 60_000;

/** One refresh under a lease: what is declared → redeem → seal → store, or decide what the failure means. */
export class RefreshWork {
  readonly #settlement: Settlement;

  constructor(private readonly parts: RefreshWorkParts) {
    this.#settlement = new Settlement(parts);
  }

  /** Never throws for what goes wrong at the provider; @throws KeywardError where the store stays away for minutes. */
  run(claim: Claim): Promise<Outcome> {
    const { row } = claim;
    return this.parts.tracer.startActiveSpan('credential refresh', async (span) => {
      span.setAttribute('keyward.provider', row.provider);
      const startedAt = performance.now();
      try {
        const step = this.#stepsOf(row, span);
        await step('claimed');
        const { outcome, result } = await this.#refresh({ claim, startedAt, step });
        span.setAttribute('keyward.refresh.outcome', outcome);
        if (result.kind === 'failed') {
          span.setAttribute('error.type', outcome).setStatus({ code: SpanStatusCode.ERROR, message: outcome });
        }
        this.#report(row, { outcome, result }, performance.now() - startedAt);
        return result;
      } finally {
        span.end();
      }
    });
  }

  async #refresh(begun: Omit<Refreshing, 'provider'>): Promise<Settled> {
    const { claim, step } = begun;
    const manifest = await this.#manifest(claim.row);
    if (manifest === undefined) return this.#withoutProvider(begun);
    let provider: ProviderManifest;
    try {
      provider = connectedProvider({ manifest, app: claim.row.providerApp }, claim.row.parameters);
    } catch (error) {
      return this.#settlement.fail({ ...begun, provider: manifest }, error, claim.row.sentMsAgo === null ? 'none' : 'open');
    }
    const refreshing = { ...begun, provider };
    const attempted = await redeemUnderLease(this.parts, claim, provider, step);
    if (attempted.redeemed === undefined) return this.#settlement.fail(refreshing, attempted.error, attempted.doubt);
    await step('answered');
    return this.#settlement.keep(refreshing, attempted.redeemed);
  }

  /** Undefined also where the organization's connectors can't be read: either way the token stays as it is, for now. */
  async #manifest({ org, provider }: RefreshableCredential): Promise<ProviderManifest | undefined> {
    try {
      return (await this.parts.catalogs.of(org)).connector(provider);
    } catch (error) {
      this.parts.logger.warn({ err: error, org, provider }, 'the connector of a connection could not be read');
      return undefined;
    }
  }

  /** The deployment has lost the connector of a connection. Not the connection's fault: it waits. */
  #withoutProvider(begun: Omit<Refreshing, 'provider'>): Promise<Settled> {
    const error = new KeywardError(
      'provider_unavailable',
      'This deployment has no connector for the provider of this connection.',
    );
    const maybeRedeemed = begun.claim.row.sentMsAgo !== null;
    const retryInMs = WITHOUT_PROVIDER_MS;
    return this.#settlement.release(begun, { do: 'keep', outcome: 'internal', retryInMs, maybeRedeemed, counts: true, error });
  }

  #stepsOf({ org, connection, generation }: RefreshableCredential, span: Span): (step: RefreshStep) => Promise<void> {
    const { onStep } = this.parts;
    return async (step) => {
      span.addEvent(step);
      if (onStep !== undefined) await onStep(step, { org, connection, generation });
    };
  }

  #report(row: RefreshableCredential, { outcome, result }: Settled, durationMs: number): void {
    const { metrics, logger } = this.parts;
    metrics.attempt(row.provider, outcome, durationMs / 1000);
    if (outcome !== 'refreshed' || result.kind !== 'refreshed') return;
    const left = msLeft(row, row.accessExpiresInMs);
    const age = msPassed(row, row.obtainedMsAgo);
    if (left !== null) metrics.refreshed(row.provider, age / Math.max(age + left, 1));
    logger.debug({ ...fieldsOf(row), status: outcome, duration: Math.round(durationMs) }, 'a credential was refreshed');
  }
}
