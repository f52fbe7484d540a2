import { randomBytes } from 'node:crypto';
import {
  agentKeySecretHash,
  formatAgentKey,
  newId,
  type AgentAddress,
  type agentKeySchema,
  type createdAgentKeySchema,
  type ControlRevoked,
} from '@keyward/contracts';
import { AgentKeyEntity, withOrg } from '@keyward/postgres';
import { IsNull, type DataSource } from 'typeorm';
import type { z } from 'zod';
import { notFound } from './not-found.js';
import { recordAudit, type Actor } from '../records/record.js';
import { requireAgent } from './agents.js';

export type AgentKey = z.infer<typeof agentKeySchema>;
export type CreatedAgentKey = z.infer<typeof createdAgentKeySchema>;

const SECRET_BYTES = 32;

export class AgentKeys {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
  ) {}

  /** The one time that the key itself is seen; what is stored is its hash. @throws KeywardError `not_found`, `dependency_unavailable` */
  async create({ org, agent }: AgentAddress, actor: Actor): Promise<CreatedAgentKey> {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const row = {
      id: newId('key'),
      orgId: org,
      agentId: agent,
      secretSha256: agentKeySecretHash(secret),
      lastFour: secret.slice(-4),
      createdAt: new Date(),
      revokedAt: null,
    };
    await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      await em.insert(AgentKeyEntity, row);
      await recordAudit(em, { type: 'agent_key.created', org, actor, agent, reason: row.id });
    });
    return { ...toAgentKey(row), key: formatAgentKey({ id: row.id, secret }) };
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async list({ org, agent }: AgentAddress): Promise<{ keys: AgentKey[] }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      return em.find(AgentKeyEntity, { where: { orgId: org, agentId: agent }, order: { id: 'DESC' } });
    });
    return { keys: rows.map(toAgentKey) };
  }

  /** Revoking twice changes nothing. @throws KeywardError `not_found`, `dependency_unavailable` */
  async revoke({ org, agent }: AgentAddress, key: string, actor: Actor): Promise<AgentKey> {
    const row = await withOrg(this.dataSource, org, async (em) => {
      const owner = { id: key, orgId: org, agentId: agent };
      const { affected } = await em.update(AgentKeyEntity, { ...owner, revokedAt: IsNull() }, { revokedAt: new Date() });
      if (affected === 1) await recordAudit(em, { type: 'agent_key.revoked', org, actor, agent, reason: key });
      return em.findOneBy(AgentKeyEntity, owner);
    });
    if (row === null) throw notFound('key');
    await this.broadcast({ kind: 'agent_key', org, agent, key });
    return toAgentKey(row);
  }
}

function toAgentKey({ id, agentId, createdAt, revokedAt, lastFour }: AgentKeyEntity): AgentKey {
  return { id, agent: agentId, createdAt: createdAt.toISOString(), revokedAt: revokedAt?.toISOString() ?? null, lastFour };
}
