import { randomBytes } from 'node:crypto';
import {
  agentKeySecretHash,
  formatAgentKey,
  KeywardError,
  newId,
  type AgentAddress,
  type agentKeySchema,
  type createdAgentKeySchema,
  type rotatedAgentKeySchema,
  type ControlRevoked,
} from '@keyward/contracts';
import { AgentKeyEntity, withOrg } from '@keyward/postgres';
import { IsNull, type DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { notFound } from './not-found.js';
import { recordAudit, type Actor } from '../records/record.js';
import { requireAgent } from './agents.js';

export type AgentKey = z.infer<typeof agentKeySchema>;
export type CreatedAgentKey = z.infer<typeof createdAgentKeySchema>;
export type RotatedAgentKey = z.infer<typeof rotatedAgentKeySchema>;

const SECRET_BYTES = 32;

export class AgentKeys {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
  ) {}

  /** The one time that the key itself is seen; what is stored is its hash. @throws KeywardError `not_found`, `dependency_unavailable` */
  async create({ org, agent }: AgentAddress, actor: Actor): Promise<CreatedAgentKey> {
    return withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      const created = await insertKey(em, { org, agent });
      await recordAudit(em, { type: 'agent_key.created', org, actor, agent, reason: created.id });
      return created;
    });
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async list({ org, agent }: AgentAddress): Promise<{ keys: AgentKey[] }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      return em.find(AgentKeyEntity, { where: { orgId: org, agentId: agent }, order: { id: 'DESC' } });
    });
    return { keys: rows.map(toAgentKey) };
  }

  /**
   * A new key; the old one works on until the overlap is over, or until it would have ended anyway. Whoever lost the answer rotates
   * the old key again.
   * @throws KeywardError `not_found`, `conflict` (revoked or expired), `dependency_unavailable`
   */
  async rotate({ org, agent }: AgentAddress, key: string, overlapSeconds: number, actor: Actor): Promise<RotatedAgentKey> {
    const rotated = await withOrg(this.dataSource, org, async (em) => {
      const lock = { mode: 'pessimistic_write' as const };
      const old = await em.findOne(AgentKeyEntity, { where: { id: key, orgId: org, agentId: agent }, lock });
      if (old === null) throw notFound('key');
      const now = Date.now();
      const ended = old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt.getTime() <= now);
      if (ended) throw new KeywardError('conflict', 'This key has been revoked or has expired; make a new one instead.');
      const expiresAt = new Date(Math.min(now + overlapSeconds * 1000, old.expiresAt?.getTime() ?? Infinity));
      await em.update(AgentKeyEntity, { id: key, orgId: org }, { expiresAt });
      const created = await insertKey(em, { org, agent });
      const reason = `${key} ends ${expiresAt.toISOString()}, replaced by ${created.id}`;
      await recordAudit(em, { type: 'agent_key.rotated', org, actor, agent, reason });
      return { ...created, replaced: toAgentKey({ ...old, expiresAt }) };
    });
    // Caches hold the old key as one without an end.
    await this.broadcast({ kind: 'agent_key', org, agent, key });
    return rotated;
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

  /** Every key of the agent at once, both of a rotation included; what runs and what waits ends. @throws KeywardError `not_found`, `dependency_unavailable` */
  async revokeAll({ org, agent }: AgentAddress, actor: Actor): Promise<{ keys: AgentKey[] }> {
    await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      const live = await em.findBy(AgentKeyEntity, { orgId: org, agentId: agent, revokedAt: IsNull() });
      await em.update(AgentKeyEntity, { orgId: org, agentId: agent, revokedAt: IsNull() }, { revokedAt: new Date() });
      for (const { id } of live) await recordAudit(em, { type: 'agent_key.revoked', org, actor, agent, reason: id });
      // Whoever had a key may have left calls that would be carried out days from now.
      await em.query('SELECT execution.end_waiting($1, $2)', [org, agent]);
    });
    await this.broadcast({ kind: 'agent', org, agent });
    return this.list({ org, agent });
  }
}

async function insertKey(em: EntityManager, { org, agent }: AgentAddress): Promise<CreatedAgentKey> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const row = {
    id: newId('key'),
    orgId: org,
    agentId: agent,
    secretSha256: agentKeySecretHash(secret),
    lastFour: secret.slice(-4),
    createdAt: new Date(),
    revokedAt: null,
    expiresAt: null,
  };
  await em.insert(AgentKeyEntity, row);
  return { ...toAgentKey(row), key: formatAgentKey({ id: row.id, secret }) };
}

function toAgentKey({ id, agentId, createdAt, revokedAt, expiresAt, lastFour }: AgentKeyEntity): AgentKey {
  return {
    id,
    agent: agentId,
    createdAt: createdAt.toISOString(),
    revokedAt: revokedAt?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    lastFour,
  };
}
