import { asKeywardError } from '@keyward/contracts';
import { ConnectionEntity, CredentialEntity, prepared, withOrg } from '@keyward/postgres';
import { OAuthError } from '@keyward/oauth';
import type { Logger } from 'pino';
import { WorkLoop } from '../background/work-loop.js';
import { recordAudit, SERVICE } from '../records/record.js';
import { ERASED } from './erase-user.js';
import { findHeld, type HeldOptions } from './held-credential.js';
import { revokeAtProvider, type Receipt, type RevokeAtProviderOptions } from './revoke-at-provider.js';

interface Job {
  org_id: string;
  connection_id: string;
  attempts: number;
}

const CLAIM = {
  name: 'auth_claim_provider_revocations',
  text: 'SELECT org_id, connection_id, attempts FROM vault.claim_provider_revocations($1, $2)',
};
/** Longer than one attempt can take. */
const LEASE_MS = 60_000;
const BATCH = 8;
const POLL_MS = 2_000;
const BACKOFF_MS = { first: 1_000, max: 3_600_000 } as const;
/** By then the tokens have long ended by themselves, or an operator was told a hundred times. */
const GIVE_UP_AFTER = '30 days';

export interface ProviderRevocationsOptions extends RevokeAtProviderOptions, HeldOptions {
  logger: Logger;
}

/**
 * Works off the orders to revoke at the provider: each is tried until there is a receipt, across restarts and replicas. Only then is
 * the credential deleted, because without it nobody could ask again.
 */
export class ProviderRevocations {
  readonly #loop: WorkLoop;

  constructor(private readonly options: ProviderRevocationsOptions) {
    this.#loop = new WorkLoop({
      pollMs: POLL_MS,
      work: () => this.#workOff(),
      onFailure: (error) => options.logger.warn({ err: error }, 'revocations at providers have to wait'),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Something was ordered just now. */
  notify(): void {
    this.#loop.notify();
  }

  /** Resolves when the attempts in hand have ended. */
  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #workOff(): Promise<boolean> {
    const jobs = await prepared<Job>(this.options.dataSource, CLAIM, [LEASE_MS, BATCH]);
    await Promise.all(jobs.map((job) => this.#attempt(job)));
    return jobs.length === BATCH;
  }

  async #attempt(job: Job): Promise<void> {
    const { logger } = this.options;
    const fields = { org: job.org_id, connection: job.connection_id, attempts: job.attempts };
    try {
      const held = await findHeld(this.options, job.org_id, job.connection_id);
      await this.#settle(job, await revokeAtProvider(this.options, held));
    } catch (error) {
      // The organization was shredded: nobody can read the tokens any more, and so nobody can ask.
      if (asKeywardError(error).code === 'revoked') return this.#settle(job, 'given_up');
      logger.warn({ ...fields, err: error }, 'a provider has not confirmed a revocation; it is asked again');
      // Also where this fails the order comes up again, when its lease is over.
      await this.#postpone(job, error).catch((cause: unknown) =>
        logger.warn({ ...fields, err: cause }, 'the next attempt waits for the lease'),
      );
    }
  }

  async #settle({ org_id: org, connection_id: connection, attempts }: Job, receipt: Receipt | 'given_up'): Promise<void> {
    await withOrg(this.options.dataSource, org, async (em) => {
      const row = await em.findOneByOrFail(ConnectionEntity, { id: connection, orgId: org });
      const { userId: user, provider, agentId: agent } = row;
      await em.query(
        `UPDATE vault.provider_revocation SET state = $3, settled_at = now() WHERE connection_id = $1 AND org_id = $2`,
        [connection, org, receipt],
      );
      await em.delete(CredentialEntity, { connectionId: connection, orgId: org });
      // Until now the provider's address could depend on them.
      if (row.statusReason === ERASED) await em.update(ConnectionEntity, { id: connection, orgId: org }, { parameters: {} });
      const type = receipt === 'confirmed' ? 'connection.revoked_at_provider' : 'connection.provider_revocation_failed';
      await recordAudit(em, { type, org, actor: SERVICE, agent, user, provider, connection, attempts, reason: receipt });
    });
  }

  async #postpone(job: Job, error: unknown): Promise<void> {
    const ceiling = Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** Math.min(job.attempts, 20));
    const wished = error instanceof OAuthError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(wished, ceiling / 2 + Math.random() * (ceiling / 2));
    const [overdue] = await withOrg(
      this.options.dataSource,
      job.org_id,
      (em) =>
        em.query(
          `UPDATE vault.provider_revocation SET next_attempt_at = now() + make_interval(secs => $3)
           WHERE connection_id = $1 AND org_id = $2 RETURNING requested_at < now() - $4::interval AS overdue`,
          [job.connection_id, job.org_id, waitMs / 1000, GIVE_UP_AFTER],
        ) as Promise<[{ overdue: boolean }[], number]>,
    );
    if (overdue[0]?.overdue === true) await this.#settle(job, 'given_up');
  }
}
