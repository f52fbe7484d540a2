import type { Catalog } from '@keyward/connectors';
import { KeywardError, newId, type AgentAddress, type Assignment, type ControlRevoked } from '@keyward/contracts';
import { AssignmentEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireAgent } from '../identity/agents.js';
import { recordAudit, type Actor } from '../records/record.js';

export class Assignments {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalogOf: (org: string) => Promise<Catalog>,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
  ) {}

  /**
   * Makes these the agent's assignments, and no others.
   * @throws KeywardError `not_found`, `invalid_request` (unknown or repeated connector, unknown tool), `dependency_unavailable`
   */
  async replace(
    { org, agent }: AgentAddress,
    assignments: readonly Assignment[],
    actor: Actor,
  ): Promise<{ assignments: Assignment[] }> {
    checkAssignments(await this.catalogOf(org), assignments);
    await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      await replaceAssignments(em, { org, agent }, assignments);
      await recordAudit(em, { type: 'assignment.changed', org, actor, agent, reason: summary(assignments) });
    });
    await this.broadcast({ kind: 'agent', org, agent });
    return this.list({ org, agent });
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async list({ org, agent }: AgentAddress): Promise<{ assignments: Assignment[] }> {
    return withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      return { assignments: await listAssignments(em, { org, agent }) };
    });
  }
}

function checkAssignments(catalog: Catalog, assignments: readonly Assignment[]): void {
  const seen = new Set<string>();
  const tools = new Map(catalog.tools().map((tool) => [tool.name, tool.provider.name]));
  for (const [index, { connector, tools: named }] of assignments.entries()) {
    if (catalog.connector(connector) === undefined) throw refuse(`/${index}/connector`, 'there is no such connector');
    if (seen.has(connector)) throw refuse(`/${index}/connector`, 'this connector is assigned twice');
    seen.add(connector);
    const foreign = named?.findIndex((tool) => tools.get(tool) !== connector) ?? -1;
    if (foreign >= 0) throw refuse(`/${index}/tools/${foreign}`, 'the connector has no such tool');
  }
}

/** Exactly these, in place of whatever there was. */
export async function replaceAssignments(
  em: EntityManager,
  { org, agent }: AgentAddress,
  assignments: readonly Assignment[],
): Promise<void> {
  await em.delete(AssignmentEntity, { orgId: org, agentId: agent });
  const rows = assignments.map((assignment) => ({ id: newId('asg'), orgId: org, agentId: agent, ...assignment }));
  if (rows.length > 0) await em.insert(AssignmentEntity, rows);
}

/** In the order of connectors. */
export async function listAssignments(em: EntityManager, { org, agent }: AgentAddress): Promise<Assignment[]> {
  const rows = await em.find(AssignmentEntity, { where: { orgId: org, agentId: agent }, order: { connector: 'ASC' } });
  return rows.map(({ connector, permission, tools }) => ({ connector, permission, tools }));
}

function refuse(place: string, detail: string): KeywardError {
  const pointer = `/assignments${place}`;
  return new KeywardError('invalid_request', `The assignments are not valid (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}

function summary(assignments: readonly Assignment[]): string {
  if (assignments.length === 0) return 'none';
  return assignments
    .map(({ connector, permission, tools }) => `${connector}: ${permission}, ${tools?.join(' ') ?? 'all tools'}`)
    .join('; ');
}
