import { enqueueAll } from '@keyward/postgres';
import type { EntityManager } from 'typeorm';
import { auditMessage, connectionEventMessage, type Actor } from '../records/record.js';

/** Connections of one organization: those that match all that is named. */
export interface Selection {
  org: string;
  id?: string | undefined;
  user?: string | undefined;
  agent?: string | undefined;
  provider?: string | undefined;
}

export interface Revoking extends Selection {
  actor: Actor;
  /** One word, on record as the status's reason. */
  reason: string;
}

/** So many in one transaction: few enough to be broadcast within milliseconds, enough not to pay for each alone. */
export const REVOCATION_BATCH = 100;

export interface RevokedBatch {
  revoked: number;
  /** Id of the last one. */
  last: string | null;
}

interface RevokedRow {
  id: string;
  user_id: string | null;
  provider: string;
  agent_id: string | null;
  generation: number;
}

/* The order of the locks is that of the ids, so that two who revoke at once do not wait for each other in a circle. */
const REVOKE = `
  WITH picked AS (
    SELECT c.id FROM vault.connection c
    WHERE c.org_id = $1 AND c.status <> 'revoked' AND ($2::text IS NULL OR c.id = $2) AND ($3::text IS NULL OR c.user_id = $3)
      AND ($4::text IS NULL OR c.agent_id = $4) AND ($5::text IS NULL OR c.provider = $5) AND ($8::text IS NULL OR c.id > $8)
    ORDER BY c.id LIMIT $6 FOR UPDATE
  ), revoked AS (
    UPDATE vault.connection c SET status = 'revoked', status_reason = $7, updated_at = now()
    FROM picked WHERE c.id = picked.id AND c.org_id = $1
    RETURNING c.id, c.user_id, c.provider, c.agent_id
  ), ordered AS (
    INSERT INTO vault.provider_revocation (connection_id, org_id, provider) SELECT id, $1, provider FROM revoked
  )
  SELECT r.id, r.user_id, r.provider, r.agent_id, coalesce(k.generation, 0) AS generation
  FROM revoked r LEFT JOIN vault.credential k ON k.connection_id = r.id AND k.org_id = $1 ORDER BY r.id`;

/**
 * Revokes up to a batch of live connections: the status, which every call reads, the order to revoke at the provider, the event and
 * the audit record, in the caller's transaction.
 * @param after where the batch before this one ended
 * @returns how many, and where it ended; fewer than a batch: there are no more
 */
export async function revokeBatch(em: EntityManager, revoking: Revoking, after: string | null = null): Promise<RevokedBatch> {
  const { org, id, user, agent, provider, actor, reason } = revoking;
  const filter = [id ?? null, user ?? null, agent ?? null, provider ?? null];
  const rows = (await em.query(REVOKE, [org, ...filter, REVOCATION_BATCH, reason, after])) as RevokedRow[];
  const messages = rows.flatMap((row) => {
    const { generation } = row;
    const ref = { org, connection: row.id, user: row.user_id, provider: row.provider, agent: row.agent_id };
    return [
      connectionEventMessage('revoked', ref, { generation, reason }),
      auditMessage({ type: 'connection.revoked', ...ref, actor, generation, reason }),
    ];
  });
  await enqueueAll(em, messages);
  return { revoked: rows.length, last: rows.at(-1)?.id ?? null };
}
