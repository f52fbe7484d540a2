import { newId, type Agent, type createAgentSchema } from '@keyward/contracts';
import { AgentEntity, OrganizationEntity, withOrg } from '@keyward/postgres';
import { LessThan, type DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import { notFound } from './not-found.js';
import { recordAudit, type Actor } from '../records/record.js';
import { asConflict } from './unique.js';

export class Agents {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws KeywardError `not_found` (organization), `conflict` (slug), `dependency_unavailable` */
  async create(request: z.infer<typeof createAgentSchema>, actor: Actor): Promise<Agent> {
    const { organization: org, slug, name } = request;
    const row = { id: newId('agt'), orgId: org, slug, name, createdAt: new Date() };
    await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      await em.insert(AgentEntity, row);
      await recordAudit(em, { type: 'agent.created', org, actor, agent: row.id });
    }).catch(asConflict('An agent with this slug exists already in the organization.'));
    return toAgent(row);
  }

  /** @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string, before: string | undefined): Promise<{ agents: Agent[]; nextCursor: string | null }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.find(AgentEntity, {
        where: { orgId: org, ...(before === undefined ? {} : { id: LessThan(before) }) },
        order: { id: 'DESC' },
        take: PAGE_SIZE + 1,
      });
    });
    const page = pageOf(rows);
    return { agents: page.rows.map(toAgent), nextCursor: page.nextCursor };
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, agent: string): Promise<Agent> {
    return toAgent(await withOrg(this.dataSource, org, (em) => requireAgent(em, org, agent)));
  }
}

/** @throws KeywardError `not_found` */
export async function requireOrganization(em: EntityManager, org: string): Promise<OrganizationEntity> {
  const organization = await em.findOneBy(OrganizationEntity, { id: org });
  if (organization === null) throw notFound('org');
  return organization;
}

/** @throws KeywardError `not_found`, also where the organization itself does not exist */
export async function requireAgent(em: EntityManager, org: string, agent: string): Promise<AgentEntity> {
  const found = await em.findOneBy(AgentEntity, { id: agent, orgId: org });
  if (found === null) throw notFound('agt');
  return found;
}

function toAgent({ id, orgId, slug, name, createdAt }: AgentEntity): Agent {
  return { id, organization: orgId, slug, name, createdAt: createdAt.toISOString() };
}
