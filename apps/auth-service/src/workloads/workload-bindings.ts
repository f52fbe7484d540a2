import {
  KeywardError,
  newId,
  type AgentAddress,
  type ControlRevoked,
  type createWorkloadBindingSchema,
  type workloadBindingSchema,
} from '@keyward/contracts';
import { TrustedIssuerEntity, WorkloadBindingEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import type { z } from 'zod';
import { requireAgent } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { recordAudit, type Actor } from '../records/record.js';

/** With each token of an issuer, what every organization binds of it is looked at. */
const MAX_PER_ORGANIZATION = 1_000;

export type WorkloadBinding = z.infer<typeof workloadBindingSchema>;

/** Which workloads of a trusted issuer are which agent. */
export class WorkloadBindings {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
  ) {}

  /** @throws KeywardError `not_found` (issuer, agent), `conflict` (too many), `dependency_unavailable` */
  async add(issuer: string, request: z.infer<typeof createWorkloadBindingSchema>, actor: Actor): Promise<WorkloadBinding> {
    const { organization: org, agent, claims } = request;
    const row = { id: newId('wlb'), orgId: org, trustedIssuerId: issuer, agentId: agent, claims, createdAt: new Date() };
    await withOrg(this.dataSource, org, async (em) => {
      await requireIssuer(em, org, issuer);
      await requireAgent(em, org, agent);
      if ((await em.countBy(WorkloadBindingEntity, { orgId: org })) >= MAX_PER_ORGANIZATION)
        throw new KeywardError('conflict', `An organization binds at most ${MAX_PER_ORGANIZATION} workloads.`);
      await em.insert(WorkloadBindingEntity, row);
      await recordAudit(em, { type: 'workload_binding.added', org, actor, agent, reason: `${row.id} of ${issuer}` });
    });
    await this.#forget({ org, agent });
    return toBinding(row);
  }

  /** @throws KeywardError `not_found` (issuer), `dependency_unavailable` */
  async list(org: string, issuer: string): Promise<{ bindings: WorkloadBinding[] }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireIssuer(em, org, issuer);
      return em.find(WorkloadBindingEntity, { where: { orgId: org, trustedIssuerId: issuer }, order: { id: 'DESC' } });
    });
    return { bindings: rows.map(toBinding) };
  }

  /** Whoever was known by it is forgotten at once. @throws KeywardError `not_found`, `dependency_unavailable` */
  async remove(org: string, issuer: string, id: string, actor: Actor): Promise<WorkloadBinding> {
    const row = await withOrg(this.dataSource, org, async (em) => {
      const owner = { id, orgId: org, trustedIssuerId: issuer };
      const found = await em.findOneBy(WorkloadBindingEntity, owner);
      if (found === null) throw notFound('wlb');
      await em.delete(WorkloadBindingEntity, owner);
      await recordAudit(em, {
        type: 'workload_binding.removed',
        org,
        actor,
        agent: found.agentId,
        reason: `${id} of ${issuer}`,
      });
      return found;
    });
    await this.#forget({ org, agent: row.agentId });
    return toBinding(row);
  }

  async #forget({ org, agent }: AgentAddress): Promise<void> {
    await this.broadcast({ kind: 'agent', org, agent });
  }
}

async function requireIssuer(em: EntityManager, org: string, id: string): Promise<void> {
  if (!(await em.existsBy(TrustedIssuerEntity, { id, orgId: org }))) throw notFound('iss');
}

function toBinding({ id, trustedIssuerId, agentId, claims, createdAt }: WorkloadBindingEntity): WorkloadBinding {
  return { id, trustedIssuer: trustedIssuerId, agent: agentId, claims, createdAt: createdAt.toISOString() };
}
