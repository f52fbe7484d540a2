import { setTimeout as delay } from 'node:timers/promises';
import { KeywardError, type ControlRevoked, type ShreddedOrganization, type ShredOrganization } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { asDatabaseError, ConnectSessionEntity, OrganizationEntity, withOrg } from '@keyward/postgres';
import type { Logger } from 'pino';
import { In, LessThan, type DataSource } from 'typeorm';
import { OPEN_STATES } from '../connect/session-store.js';
import type { RevokeConnections } from '../connections/revoke-connections.js';
import { recordAudit, SERVICE, type Actor } from '../records/record.js';
import { requireOrganization } from './agents.js';
import { toOrganization } from './organizations.js';

export interface ShredderOptions {
  dataSource: DataSource;
  credentials: Credentials;
  revocation: RevokeConnections;
  broadcast: (revoked: ControlRevoked) => Promise<void>;
  logger: Logger;
}

/** The reason on record of its connections and links. */
const SHREDDED = 'organization_shredded';
const POLL_MS = 100;
/** Longer than `revokeFirstSeconds` can be: whoever is marked for longer, and still has keys, was left behind by a process that ended. */
const LEFT_BEHIND_MS = 600_000;
const SWEEP_MS = 60_000;

/**
 * Crypto-shredding. The mark first, which can't be taken back: from there on nothing is stored and nothing is used for the organization.
 * Then its connections end here, then the providers have a moment to hear of it while the tokens can still be read, then the data keys
 * are destroyed. A process that ends in between is followed by another one's sweep.
 */
export class OrganizationShredder {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ShredderOptions) {}

  /** Repeating it finishes what was begun. @throws KeywardError `not_found`, `invalid_request` (confirm), `dependency_unavailable` */
  async shred(org: string, { confirm, revokeFirstSeconds }: ShredOrganization, actor: Actor): Promise<ShreddedOrganization> {
    const deadline = Date.now() + revokeFirstSeconds * 1_000;
    await this.#mark(org, confirm, actor);
    const { revoked } = await this.options.revocation.revoke({ org, actor, reason: SHREDDED });
    await this.#receipts(org, deadline);
    const revocationsUnconfirmed = await this.#unconfirmed(org);
    const dataKeysDestroyed = await this.#destroy(org);
    const row = await withOrg(this.options.dataSource, org, (em) => requireOrganization(em, org));
    return { organization: toOrganization(row), connectionsRevoked: revoked, dataKeysDestroyed, revocationsUnconfirmed };
  }

  /** Every minute: those that were marked and left behind. @returns what stops it */
  sweepRegularly(): () => void {
    this.#timer = setInterval(() => {
      this.sweep(new Date()).catch((error: unknown) => this.options.logger.warn({ err: error }, 'shredding has to wait'));
    }, SWEEP_MS);
    this.#timer.unref();
    return () => clearInterval(this.#timer);
  }

  /** @throws KeywardError `dependency_unavailable` */
  async sweep(now: Date): Promise<void> {
    const { dataSource, revocation, logger } = this.options;
    const left = dataSource.manager.find(OrganizationEntity, {
      where: { shreddedAt: LessThan(new Date(now.getTime() - LEFT_BEHIND_MS)) },
    });
    const organizations = await left.catch((thrown: unknown) => {
      throw asDatabaseError(thrown);
    });
    for (const { id: org } of organizations) {
      if (!(await this.#hasKeys(org))) continue;
      await revocation.revoke({ org, actor: SERVICE, reason: SHREDDED });
      logger.info({ org, dataKeys: await this.#destroy(org) }, 'a shredding that was left behind was finished');
    }
  }

  async #mark(org: string, confirm: string, actor: Actor): Promise<void> {
    await withOrg(this.options.dataSource, org, async (em) => {
      const row = await em.findOne(OrganizationEntity, { where: { id: org }, lock: { mode: 'pessimistic_write' } });
      const { slug, shreddedAt } = row ?? (await requireOrganization(em, org));
      if (confirm !== slug) throw notConfirmed();
      if (shreddedAt !== null) return;
      await em.update(OrganizationEntity, { id: org }, { shreddedAt: new Date() });
      await em.update(ConnectSessionEntity, { orgId: org, state: In(OPEN_STATES) }, { state: 'cancelled', failure: SHREDDED });
      await recordAudit(em, { type: 'organization.shredded', org, actor });
    });
  }

  /** Other processes are told, so that a key they have in memory goes too. */
  async #destroy(org: string): Promise<number> {
    await this.#endWaiting(org);
    const destroyed = await this.options.credentials.shredOrganization(org);
    await withOrg(this.options.dataSource, org, (em) =>
      em.query('SELECT execution.expire_artifacts($1, NULL, $2)', [org, SHREDDED]),
    );
    await this.options.broadcast({ kind: 'organization', org });
    return destroyed;
  }

  /** Executions that wait for a person: their arguments are no longer kept either. */
  async #endWaiting(org: string): Promise<void> {
    await withOrg(this.options.dataSource, org, (em) => em.query('SELECT execution.end_waiting($1)', [org]));
  }

  async #receipts(org: string, deadline: number): Promise<void> {
    while (Date.now() < deadline && (await this.#unconfirmed(org)) > 0) await delay(POLL_MS);
  }

  #unconfirmed(org: string): Promise<number> {
    return this.#count(
      org,
      `SELECT count(*)::int AS found FROM vault.provider_revocation WHERE org_id = $1 AND state = 'pending'`,
    );
  }

  async #hasKeys(org: string): Promise<boolean> {
    return (
      (await this.#count(org, `SELECT count(*)::int AS found FROM vault.data_key WHERE org_id = $1 AND state <> 'destroyed'`)) > 0
    );
  }

  async #count(org: string, sql: string): Promise<number> {
    const rows = await withOrg(this.options.dataSource, org, (em) => em.query(sql, [org]) as Promise<{ found: number }[]>);
    return rows[0]?.found ?? 0;
  }
}

function notConfirmed(): KeywardError {
  const detail = 'must be the slug of the organization';
  return new KeywardError('invalid_request', `Shredding can not be undone, so that confirm ${detail}.`, {
    details: { errors: [{ pointer: '/confirm', detail }] },
  });
}
