import type { Catalog, ProviderManifest } from '@keyward/connectors';
import { KeywardError, newId, type AgentAddress, type ConnectSession, type CreateConnectSession } from '@keyward/contracts';
import { ConnectSessionEntity, ProviderAppEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { requireAgent, requireOrganization } from '../identity/agents.js';
import { recordAudit, type Actor } from '../records/record.js';
import { randomSecret, sha256 } from './secrets.js';

/** Time for a message to be read. What follows the click has a shorter time of its own. */
const LIFETIME_MS = 3_600_000;
/** RFC 6749 section 3.3: a scope holds no space, or one entry could ask for several. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

export interface SessionRequest extends AgentAddress, CreateConnectSession {
  initiator: Actor & { kind: 'agent' | 'admin' };
}

/** Invitations: one person, one account, one agent. */
export class ConnectSessions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalog: Catalog,
    private readonly publicUrl: string,
  ) {}

  /** @throws KeywardError `not_found` (agent), `invalid_request`, `dependency_unavailable` */
  async create(request: SessionRequest): Promise<ConnectSession> {
    const { org, agent, initiator, user, provider, alias, returnUrl } = request;
    const manifest = this.#manifest(provider);
    const scopes = request.scopes ?? manifest.auth.scopes.default;
    refuseBadScopes(scopes);
    const token = randomSecret();
    const row = {
      id: newId('cse'),
      orgId: org,
      agentId: agent,
      userId: user,
      provider,
      alias,
      scopes,
      returnUrl: returnUrl ?? null,
      initiatorKind: initiator.kind,
      initiatorId: initiator.id,
      tokenSha256: sha256(token),
      state: 'created' as const,
      expiresAt: new Date(Date.now() + LIFETIME_MS),
    };
    await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      const { returnUrls } = await requireOrganization(em, org);
      if (returnUrl !== undefined && !returnUrls.includes(returnUrl))
        throw refuse('/returnUrl', 'it is not registered for the organization');
      if (!(await em.existsBy(ProviderAppEntity, { orgId: org, provider }))) {
        throw refuse('/provider', `the organization has no registration at ${manifest.title} yet`);
      }
      await em.insert(ConnectSessionEntity, row);
      await recordAudit(em, {
        type: 'connect_session.created',
        org,
        actor: initiator,
        agent,
        user,
        provider,
        scopes,
        reason: row.id,
      });
    });
    return { id: row.id, url: `${this.publicUrl}/connect/${token}`, expiresAt: row.expiresAt.toISOString() };
  }

  #manifest(provider: string): ProviderManifest {
    const manifest = this.catalog.connector(provider);
    if (manifest === undefined) throw refuse('/provider', 'there is no connector of this name');
    return manifest;
  }
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
