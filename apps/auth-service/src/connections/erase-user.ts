import { randomBytes } from 'node:crypto';
import type { ErasedUser } from '@keyward/contracts';
import { ConnectSessionEntity, withOrg } from '@keyward/postgres';
import { In, type DataSource, type EntityManager } from 'typeorm';
import { OPEN_STATES } from '../connect/session-store.js';
import { requireOrganization } from '../identity/agents.js';
import { recordAudit, type Actor } from '../records/record.js';
import type { RevokeConnections } from './revoke-connections.js';

/** The reason on record; ProviderRevocations clears what is left of such a connection once there is a receipt. */
export const ERASED = 'erased';

/**
 * A person asks to be erased: docs/erasure.md says what goes, when, and what stays. Links first, so that none leads to a new connection
 * while the others end; then the connections, here and at the providers; then the name, wherever these rows hold it.
 */
export class EraseUser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly revocation: RevokeConnections,
  ) {}

  /** Repeating it finds nothing more. @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async erase(org: string, user: string, actor: Actor): Promise<ErasedUser> {
    await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      await endSessions(em, org, user);
    });
    await this.revocation.revoke({ org, user, actor, reason: ERASED });
    const erasedAt = new Date();
    const found = await withOrg(this.dataSource, org, async (em) => {
      const counts = await forget(em, org, user);
      await recordAudit(em, { type: 'user.erased', org, actor, user, reason: summary(counts) });
      return counts;
    });
    return { user, ...found, erasedAt: erasedAt.toISOString() };
  }
}

async function endSessions(em: EntityManager, org: string, user: string): Promise<void> {
  const open = { orgId: org, userId: user, state: In(OPEN_STATES) };
  await em.update(ConnectSessionEntity, open, { state: 'cancelled', failure: ERASED });
}

type Counts = Pick<ErasedUser, 'connections' | 'sessions'>;

/* The connection keeps what the provider needs to hear until it has confirmed: the tokens and the parameters, see ProviderRevocations.
   One that was made since the others ended lives: under another name nobody would find it. */
const CONNECTIONS = `
  WITH erased AS (
    UPDATE vault.connection SET user_id = $3, account_id = NULL, account_name = NULL,
      authorized_by_id = CASE WHEN authorized_by_kind = 'user' AND authorized_by_id = $2 THEN $3 ELSE authorized_by_id END,
      parameters = CASE WHEN EXISTS (SELECT FROM vault.provider_revocation r WHERE r.connection_id = vault.connection.id
        AND r.org_id = $1 AND r.state = 'pending') THEN parameters ELSE '{}' END
    WHERE org_id = $1 AND user_id = $2 AND status = 'revoked' RETURNING id
  ), history AS (
    UPDATE vault.connection_authorization z SET authorized_by_id = $3
    WHERE z.org_id = $1 AND z.authorized_by_kind = 'user' AND z.authorized_by_id = $2 AND NOT EXISTS (
      SELECT FROM vault.connection c WHERE c.org_id = $1 AND c.id = z.connection_id AND c.user_id = $2 AND c.status <> 'revoked')
  )
  SELECT count(*)::int AS found FROM erased`;

const SESSIONS = `
  WITH erased AS (
    UPDATE connect.connect_session SET user_id = $3, parameters = '{}', browser_sha256 = NULL
    WHERE org_id = $1 AND user_id = $2 AND state <> ALL ($4) RETURNING id
  ), transactions AS (
    UPDATE connect.authorization_transaction SET parameters = '{}', used_at = coalesce(used_at, now())
    WHERE org_id = $1 AND session_id IN (SELECT id FROM erased)
  ), devices AS (
    DELETE FROM connect.device_authorization WHERE org_id = $1 AND session_id IN (SELECT id FROM erased)
  )
  SELECT count(*)::int AS found FROM erased`;

/** One name for all rows of this erasure that says nothing, and that nobody else is called. */
async function forget(em: EntityManager, org: string, user: string): Promise<Counts> {
  const nobody = `erased-${randomBytes(16).toString('hex')}`;
  const count = async (sql: string, ...more: unknown[]) =>
    ((await em.query(sql, [org, user, nobody, ...more])) as { found: number }[])[0]?.found ?? 0;
  await em.query('SELECT execution.erase_user($1, $2, $3)', [org, user, nobody]);
  await em.query('SELECT execution.expire_artifacts($1, $2, $3)', [org, user, nobody]);
  await em.query('DELETE FROM governance.budget WHERE org_id = $1 AND user_id = $2', [org, user]);
  return { connections: await count(CONNECTIONS), sessions: await count(SESSIONS, OPEN_STATES) };
}

function summary({ connections, sessions }: Counts): string {
  return `${connections} connections, ${sessions} links`;
}
