import type { AgentAddress } from '@keyward/contracts';
import { AssignmentEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { AgentAssignments } from './assignments.js';

/** @throws KeywardError `dependency_unavailable` */
export async function loadAssignments(database: DataSource, { org, agent }: AgentAddress): Promise<AgentAssignments> {
  const rows = await withOrg(database, org, (em) => em.find(AssignmentEntity, { where: { orgId: org, agentId: agent } }));
  return new Map(rows.map(({ connector, permission, tools }) => [connector, { connector, permission, tools }]));
}
