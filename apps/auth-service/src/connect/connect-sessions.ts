import type { Catalog, ProviderManifest } from '@keyward/connectors';
import {
  KeywardError,
  newId,
  type AgentAddress,
  type ConnectSession,
  type ConnectSessionStatus,
  type CreateConnectSession,
  type CreateWorkspaceSession,
} from '@keyward/contracts';
import { ConnectSessionEntity, ProviderAppEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireAgent } from '../identity/agents.js';
import { requireLiveOrganization } from '../identity/organizations.js';
import { notFound } from '../identity/not-found.js';
import { recordAudit, type Actor } from '../records/record.js';
import { checkKnownParameters } from './entered.js';
import { needsRegistration, wayOf } from './flow.js';
import { randomSecret, sha256 } from './secrets.js';
import { OPEN_STATES } from './session-store.js';

/** Time for a message to be read. What follows the click has a shorter time of its own. */
const LIFETIME_MS = 3_600_000;
/** RFC 6749 section 3.3: a scope holds no space, or one entry could ask for several. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

type Initiator = Actor & { kind: 'agent' | 'admin' };

/** For one user's account and one agent; made by an admin, or by the agent itself. */
export interface SessionRequest extends AgentAddress, CreateConnectSession {
  initiator: Initiator;
}

/** For an account of the workspace. */
export interface WorkspaceSessionRequest extends CreateWorkspaceSession {
  org: string;
  initiator: Initiator & { kind: 'admin' };
}

type Beneficiaries = Pick<ConnectSessionEntity, 'kind' | 'agentId' | 'userId' | 'grantees'>;

export interface ConnectSessionsOptions {
  dataSource: DataSource;
  catalogs: { of(org: string): Promise<Catalog> };
  publicUrl: string;
}

/** Invitations: one person, one account. */
export class ConnectSessions {
  constructor(private readonly options: ConnectSessionsOptions) {}

  /** @throws KeywardError `not_found` (agent), `revoked` (the organization was shredded), `invalid_request`, `dependency_unavailable` */
  async create(request: SessionRequest): Promise<ConnectSession> {
    const { agent: agentId, user: userId } = request;
    return this.#create(request, { kind: 'agent', agentId, userId, grantees: [] });
  }

  /** @throws KeywardError `not_found` (an agent), `invalid_request`, `dependency_unavailable` */
  async createForWorkspace(request: WorkspaceSessionRequest): Promise<ConnectSession> {
    const grantees = [...new Set(request.agents)];
    return this.#create(request, { kind: 'workspace', agentId: null, userId: null, grantees });
  }

  /**
   * How far the person is. An agent sees the sessions that it has made.
   * @throws KeywardError `not_found`, `dependency_unavailable`
   */
  async status(org: string, id: string, initiator?: { kind: 'agent'; id: string }): Promise<ConnectSessionStatus> {
    const own = initiator === undefined ? {} : { initiatorKind: initiator.kind, initiatorId: initiator.id };
    const row = await withOrg(this.options.dataSource, org, (em) =>
      em.findOneBy(ConnectSessionEntity, { id, orgId: org, ...own }),
    );
    if (row === null) throw notFound('cse');
    return toStatus(row);
  }

  async #create(
    request: (SessionRequest | WorkspaceSessionRequest) & { org: string },
    beneficiaries: Beneficiaries,
  ): Promise<ConnectSession> {
    const { org, initiator, provider, alias, returnUrl } = request;
    const manifest = await this.#manifest(org, provider);
    const scopes = request.scopes ?? manifest.auth.scopes.default;
    refuseBadScopes(scopes);
    const token = randomSecret();
    const row = {
      ...beneficiaries,
      id: newId('cse'),
      orgId: org,
      provider,
      alias,
      scopes,
      parameters: checkKnownParameters(manifest, request.parameters ?? {}),
      returnUrl: returnUrl ?? null,
      initiatorKind: initiator.kind,
      initiatorId: initiator.id,
      tokenSha256: sha256(token),
      state: 'created' as const,
      expiresAt: new Date(Date.now() + LIFETIME_MS),
    };
    await withOrg(this.options.dataSource, org, async (em) => {
      for (const agent of beneficiaries.agentId === null ? beneficiaries.grantees : [beneficiaries.agentId])
        await requireAgent(em, org, agent);
      const { returnUrls } = await requireLiveOrganization(em, org);
      if (returnUrl !== undefined && !returnUrls.includes(returnUrl))
        throw refuse('/returnUrl', 'it is not registered for the organization');
      await requireRegistration(em, org, manifest);
      await em.insert(ConnectSessionEntity, row);
      await recordAudit(em, {
        type: 'connect_session.created',
        org,
        actor: initiator,
        agent: beneficiaries.agentId ?? undefined,
        user: beneficiaries.userId ?? undefined,
        provider,
        scopes,
        reason: row.id,
      });
    });
    return { id: row.id, url: `${this.options.publicUrl}/connect/${token}`, expiresAt: row.expiresAt.toISOString() };
  }

  async #manifest(org: string, provider: string): Promise<ProviderManifest> {
    const manifest = (await this.options.catalogs.of(org)).connector(provider);
    if (manifest === undefined) throw refuse('/provider', 'there is no connector of this name');
    if (wayOf(manifest) === undefined)
      throw refuse('/provider', 'it is connected with POST /v1/connections, with a token that is exchanged');
    return manifest;
  }
}

async function requireRegistration(em: EntityManager, orgId: string, manifest: ProviderManifest): Promise<void> {
  if (!needsRegistration(manifest)) return;
  if (!(await em.existsBy(ProviderAppEntity, { orgId, provider: manifest.name })))
    throw refuse('/provider', `the organization has no registration at ${manifest.title} yet`);
}

function refuseBadScopes(scopes: readonly string[]): void {
  const index = scopes.findIndex((scope) => !SCOPE.test(scope));
  if (index >= 0) throw refuse(`/scopes/${index}`, 'it is not a scope of RFC 6749 section 3.3');
}

function refuse(pointer: string, detail: string): KeywardError {
  return new KeywardError('invalid_request', `The connect session can not be made (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}

function toStatus(row: ConnectSessionEntity): ConnectSessionStatus {
  const isOpen = OPEN_STATES.includes(row.state);
  return {
    id: row.id,
    organization: row.orgId,
    kind: row.kind,
    agent: row.agentId,
    user: row.userId,
    provider: row.provider,
    alias: row.alias,
    scopes: row.scopes,
    state: isOpen && row.expiresAt.getTime() <= Date.now() ? 'expired' : row.state,
    failure: row.failure,
    connection: row.connectionId,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
  };
}
