import type { ControlRevoked, RevokedConnections } from '@keyward/contracts';
import { enqueueAll, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireAgent, requireOrganization } from '../identity/agents.js';
import { auditMessage } from '../records/record.js';
import { REVOCATION_BATCH, revokeBatch, type RevokedBatch, type Revoking } from './revoke-batch.js';

/** Revoking everything that matches: a user's, an agent's, a provider's connections, or all of the organization. */
export class RevokeConnections {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
    private readonly revokeAtProvider: () => void,
  ) {}

  /**
   * In batches, each broadcast as soon as it is committed. What fails in between leaves whole batches; asking again does the rest.
   * @throws KeywardError `not_found` (the agent where one is named, else the organization), `dependency_unavailable`
   */
  async revoke(revoking: Revoking): Promise<RevokedConnections> {
    const { org, user, agent, provider } = revoking;
    const filter = Object.fromEntries(Object.entries({ user, agent, provider }).filter(([, value]) => value !== undefined));
    const broadcasts: Promise<void>[] = [];
    const result: RevokedConnections = { revoked: 0, withdrawn: 0 };
    let batch: RevokedBatch = { revoked: 0, last: null };
    do {
      const first = broadcasts.length === 0;
      batch = await withOrg(this.dataSource, org, async (em) => {
        if (first) {
          await (agent === undefined ? requireOrganization(em, org) : requireAgent(em, org, agent));
          result.withdrawn = await withdraw(em, revoking);
        }
        return revokeBatch(em, revoking, batch.last);
      });
      broadcasts.push(this.broadcast({ kind: 'connections', org, ...filter }));
      result.revoked += batch.revoked;
    } while (batch.revoked === REVOCATION_BATCH);
    this.revokeAtProvider();
    await Promise.all(broadcasts);
    return result;
  }
}

/* An agent's own connections are revoked; of those of the workspace it only stops being one of the users. */
const WITHDRAW = `
  WITH withdrawn AS (
    DELETE FROM vault.connection_grantee g USING vault.connection c
    WHERE g.org_id = $1 AND g.agent_id = $2 AND c.id = g.connection_id AND c.org_id = $1 AND c.status <> 'revoked'
      AND ($3::text IS NULL OR c.provider = $3)
    RETURNING c.id, c.provider
  )
  SELECT id, provider FROM withdrawn ORDER BY id`;

async function withdraw(em: EntityManager, { org, user, agent, provider, actor }: Revoking): Promise<number> {
  // Of a workspace connection there is no user.
  if (agent === undefined || user !== undefined) return 0;
  const rows = (await em.query(WITHDRAW, [org, agent, provider ?? null])) as { id: string; provider: string }[];
  await enqueueAll(
    em,
    rows.map((row) =>
      auditMessage({
        type: 'connection.grantees_changed',
        org,
        actor,
        agent,
        connection: row.id,
        provider: row.provider,
        reason: `removed: ${agent}`,
      }),
    ),
  );
  return rows.length;
}
