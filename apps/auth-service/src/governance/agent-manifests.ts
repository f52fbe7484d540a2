import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '@keyward/connectors';
import {
  KeywardError,
  newId,
  type AgentAddress,
  type AgentManifest,
  type AppliedManifest,
  type Assignment,
  type ControlRevoked,
  type StoredManifest,
} from '@keyward/contracts';
import { AgentEntity, AgentManifestEntity, withOrg } from '@keyward/postgres';
import type { EntityManager } from 'typeorm';
import { requireAgent, requireOrganization } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';
import { listAssignments, replaceAssignments } from './assignments.js';
import { manifestGaps, type ManifestGapsOptions } from './manifest-gaps.js';
import { assignmentsOf, differences } from './manifest-plan.js';

export interface AgentManifestsOptions extends ManifestGapsOptions {
  catalogOf: (org: string) => Promise<Catalog>;
  broadcast: (revoked: ControlRevoked) => Promise<void>;
}

export interface Application {
  org: string;
  /** Left out: the agent of the manifest's slug, which is made where it does not exist. */
  agent?: string | undefined;
  manifest: AgentManifest;
  /** Whose connections are compared with what the manifest needs. */
  user?: string | undefined;
  actor: Actor;
}

type Outcome = Omit<AppliedManifest, 'missingScopes'>;

/** What agents declare to need. Applying makes exactly the assignments that are named; it never grants a scope. */
export class AgentManifests {
  constructor(private readonly options: AgentManifestsOptions) {}

  /**
   * Applying what is applied already writes nothing, and says so.
   * @throws KeywardError `not_found`, `invalid_request` (with pointers), `conflict` (the agent was made meanwhile), `dependency_unavailable`
   */
  async apply(application: Application): Promise<AppliedManifest> {
    const { org, manifest, user, actor } = application;
    const catalog = await this.options.catalogOf(org);
    const assignments = assignmentsOf(catalog, manifest);
    const outcome = await withOrg(this.options.dataSource, org, (em) => applyIn(em, application, assignments)).catch(
      asConflict('The agent was made at the same time. Apply the manifest again.'),
    );
    if (outcome.changed) await this.options.broadcast({ kind: 'agent', org, agent: outcome.agent });
    const initiator = { kind: 'admin' as const, id: actor.id };
    const query = { org, agent: outcome.agent, manifest, catalog, user, initiator };
    return { ...outcome, missingScopes: await manifestGaps(this.options, query) };
  }

  /** As it was last applied. @throws KeywardError `not_found`, `dependency_unavailable` */
  async get({ org, agent }: AgentAddress): Promise<StoredManifest> {
    return withOrg(this.options.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      const row = await em.findOneBy(AgentManifestEntity, { agentId: agent, orgId: org });
      if (row === null) throw new KeywardError('not_found', 'No manifest has been applied to this agent.');
      const { version, manifest, appliedBy, appliedAt } = row;
      return { agent, version, manifest, appliedBy, appliedAt: appliedAt.toISOString() };
    });
  }
}

async function applyIn(em: EntityManager, application: Application, assignments: Assignment[]): Promise<Outcome> {
  const { org, manifest, actor } = application;
  const { agent, created } = await agentOf(em, application);
  const address = { org, agent: agent.id };
  const diff = differences(await listAssignments(em, address), assignments);
  const stored = await em.findOneBy(AgentManifestEntity, { agentId: agent.id, orgId: org });
  const { name = agent.name } = manifest;
  const renamed = name !== agent.name;
  const isSame = stored !== null && isDeepStrictEqual(stored.manifest, manifest);
  const reassigned = diff.added.length + diff.changed.length + diff.removed.length > 0;
  const changed = created || renamed || !isSame || reassigned;
  const version = changed ? (stored?.version ?? 0) + 1 : stored.version;
  if (changed) {
    if (renamed) await em.update(AgentEntity, { id: agent.id, orgId: org }, { name });
    if (reassigned) await replaceAssignments(em, address, assignments);
    const row = { agentId: agent.id, orgId: org, version, manifest, appliedBy: actor.id, appliedAt: new Date() };
    await em.upsert(AgentManifestEntity, row, ['agentId']);
    await recordAudit(em, { type: 'agent.manifest_applied', ...address, actor, reason: summary(version, diff) });
  }
  return { agent: agent.id, created, changed, version, assignments: diff };
}

/** Locked, so that of two manifests applied at once the later one counts whole. */
async function agentOf(
  em: EntityManager,
  { org, agent, manifest, actor }: Application,
): Promise<{ agent: AgentEntity; created: boolean }> {
  const where = agent === undefined ? { orgId: org, slug: manifest.agent } : { orgId: org, id: agent };
  if (agent === undefined) await requireOrganization(em, org);
  const found = await em.findOne(AgentEntity, { where, lock: { mode: 'pessimistic_write' } });
  if (found !== null) {
    if (found.slug !== manifest.agent) throw otherAgent();
    return { agent: found, created: false };
  }
  if (agent !== undefined) throw notFound('agt');
  const { agent: slug, name = slug } = manifest;
  const row = { id: newId('agt'), orgId: org, slug, name, createdAt: new Date() };
  await em.insert(AgentEntity, row);
  await recordAudit(em, { type: 'agent.created', org, actor, agent: row.id });
  return { agent: row, created: true };
}

function otherAgent(): KeywardError {
  const detail = 'it is the manifest of another agent';
  return new KeywardError('invalid_request', `The manifest can not be applied (/agent: ${detail}).`, {
    details: { errors: [{ pointer: '/agent', detail }] },
  });
}

function summary(version: number, { added, changed, removed }: Outcome['assignments']): string {
  const names = (assignments: readonly Assignment[]) => assignments.map(({ connector }) => connector).join(' ') || 'none';
  return `version ${version}; added: ${names(added)}; changed: ${names(changed)}; removed: ${removed.join(' ') || 'none'}`;
}
