import type { AuthKind, Catalog } from '@keyward/connectors';
import {
  asKeywardError,
  KeywardError,
  type ConnectSession,
  type custodyAnswerSchemas,
  type custodyRequestSchemas,
} from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { AgentEntity, ConnectionEntity, findUsableConnections, TokenReleaseEntity, withOrg } from '@keyward/postgres';
import type { z } from 'zod';
import type { SessionRequest } from '../connect/connect-sessions.js';
import { isReleased } from '../governance/token-releases.js';
import { notFound } from '../identity/not-found.js';
import { recordAudit, type Actor } from '../records/record.js';
import { freshCredential, type FreshCredential, type FreshCredentialOptions } from './fresh-credential.js';
import { importRecipient, sealToken, type Recipient } from './seal-token.js';

type TokenRequest = z.infer<typeof custodyRequestSchemas.get_access_token>;
type TokenAnswer = z.infer<typeof custodyAnswerSchemas.get_access_token>;
export type CustodyActor = SessionRequest['initiator'];

export interface ReleaseTokenOptions extends FreshCredentialOptions {
  catalogOf: (org: string) => Promise<Catalog>;
  credentials: Credentials;
  sessions: { create(request: SessionRequest): Promise<ConnectSession> };
}

/** Grants whose secret is used as RFC 6750 has it; every other is named after the kind of grant. */
const BEARER: ReadonlySet<AuthKind> = new Set<AuthKind>([
  'oauth2_authorization_code',
  'oauth2_client_credentials',
  'oauth2_device_authorization',
  'oauth2_jwt_bearer',
  'oauth2_token_exchange',
  'app_installation',
  'signed_jwt',
  'mcp_oauth2',
]);

/** get_access_token: the one operation by which a secret leaves custody. Nothing leaves that is not in the audit trail first. */
export class ReleaseToken {
  constructor(private readonly options: ReleaseTokenOptions) {}

  /**
   * Key → agent → connection → release → status → scopes → freshness → seal → record.
   * @throws KeywardError `not_found`, `forbidden` (no release), `revoked`, `connection_required`, `needs_reauthorization` and
   * `missing_scopes` (with a Connect URL), `invalid_request` (the key), and whatever kept the token from being renewed
   */
  async release(request: TokenRequest, actor: CustodyActor): Promise<TokenAnswer> {
    const recipient = await importRecipient(request.recipientKey);
    await this.#requireAgent(request);
    const held: { connection?: ConnectionEntity } = {};
    try {
      const connection = (held.connection = await this.#find(request));
      await this.#requireReleased(request, connection);
      await this.#requireUsable(request, connection, actor);
      const credential = await this.#fresh(request, connection, actor);
      const jwe = await this.#seal(connection, credential, recipient);
      await this.#recordRelease(request, connection, credential, recipient, actor);
      const { generation, accessExpiresAt } = credential;
      return { jwe, connection: connection.id, generation, expiresAt: accessExpiresAt?.toISOString() ?? null };
    } catch (thrown) {
      await this.#recordRefusal(request, held.connection, asKeywardError(thrown), actor);
      throw thrown;
    }
  }

  /** Of an agent that does not exist there is nothing to record, and nobody whose trail it would be. */
  async #requireAgent({ org, agent }: TokenRequest): Promise<void> {
    const exists = await withOrg(this.options.dataSource, org, (em) => em.existsBy(AgentEntity, { id: agent, orgId: org }));
    if (!exists) throw notFound('conn');
  }

  async #find({ org, agent, user, connection }: TokenRequest): Promise<ConnectionEntity> {
    const query = { org, agent, user, id: connection, limit: 1 };
    const [found] = await withOrg(this.options.dataSource, org, (em) => findUsableConnections(em, query));
    if (found === undefined) throw notFound('conn');
    return found;
  }

  async #requireReleased({ org, agent }: TokenRequest, { provider }: ConnectionEntity): Promise<void> {
    if (await withOrg(this.options.dataSource, org, (em) => isReleased(em, { org, agent, provider }))) return;
    throw notReleased();
  }

  async #requireUsable(request: TokenRequest, connection: ConnectionEntity, actor: CustodyActor): Promise<void> {
    const { status, scopes } = connection;
    if (status === 'revoked') throw disconnected();
    if (status === 'pending') throw new KeywardError('connection_required', 'This connection is not established yet.');
    if (status === 'needs_reauthorization') throw await this.#needsReauthorization(request, connection, actor);
    const missing = (request.scopes ?? []).filter((scope) => !scopes.includes(scope));
    if (missing.length === 0) return;
    const link = await this.#link(request, connection, [...scopes, ...missing], actor);
    throw new KeywardError('missing_scopes', 'The connection lacks permissions that were asked for.', {
      details: { ...link, missingScopes: missing },
    });
  }

  async #fresh(request: TokenRequest, connection: ConnectionEntity, actor: CustodyActor): Promise<FreshCredential> {
    const { id, orgId: org, provider } = connection;
    try {
      return await freshCredential(this.options, { org, connection: id, provider });
    } catch (thrown) {
      if (!(thrown instanceof KeywardError) || thrown.code !== 'needs_reauthorization') throw thrown;
      throw await this.#needsReauthorization(request, connection, actor, thrown);
    }
  }

  async #seal(connection: ConnectionEntity, credential: FreshCredential, recipient: Recipient): Promise<string> {
    const { id, orgId: org, provider, scopes } = connection;
    const kind = (await this.options.catalogOf(org)).connector(provider)?.auth.kind;
    if (kind === undefined) throw new KeywardError('conflict', 'The connector of this connection is no longer offered.');
    const tokenType = BEARER.has(kind) ? 'Bearer' : kind;
    const { generation, sealedAccess, accessExpiresAt } = credential;
    const expiresAt = accessExpiresAt?.toISOString() ?? null;
    return this.options.credentials.open({ org, connection: id, generation, sealedAccess }, (accessToken) =>
      sealToken(recipient, { accessToken, tokenType, expiresAt, scopes }),
    );
  }

  /** Everything that allows it is looked at again where it is recorded: who revokes meanwhile waits for this, or this finds it revoked. */
  async #recordRelease(
    { org, agent }: TokenRequest,
    { id, provider }: ConnectionEntity,
    { generation }: FreshCredential,
    { thumbprint }: Recipient,
    actor: Actor,
  ): Promise<void> {
    await withOrg(this.options.dataSource, org, async (em) => {
      const lock = { mode: 'pessimistic_read' as const };
      const connection = await em.findOne(ConnectionEntity, { where: { id, orgId: org, status: 'active' }, lock });
      if (connection === null) throw disconnected();
      // Whoever takes the workspace's connection from an agent locks it too.
      if ((await findUsableConnections(em, { org, agent, id, limit: 1 })).length === 0) throw notFound('conn');
      const where = { orgId: org, agentId: agent, provider };
      if ((await em.findOne(TokenReleaseEntity, { where, lock })) === null) throw notReleased();
      const { userId, scopes } = connection;
      const whom = { agent, provider, connection: id, ...(userId === null ? {} : { user: userId }) };
      const reason = `sealed to ${thumbprint}`;
      await recordAudit(em, { type: 'connection.token_released', org, actor, ...whom, generation, scopes, reason });
      // Whoever is given tokens makes no calls that would say so: it is kept fresh for them all the same.
      await em.query('SELECT vault.record_uses(ARRAY[$1], ARRAY[$2])', [org, id]);
    });
  }

  async #recordRefusal(
    { org, agent, connection: id }: TokenRequest,
    connection: ConnectionEntity | undefined,
    { code }: KeywardError,
    actor: Actor,
  ): Promise<void> {
    const whose = connection === undefined ? {} : { provider: connection.provider, ...userOf(connection) };
    await withOrg(this.options.dataSource, org, (em) =>
      recordAudit(em, { type: 'connection.token_refused', org, actor, agent, connection: id, ...whose, errorCode: code }),
    );
  }

  async #needsReauthorization(
    request: TokenRequest,
    connection: ConnectionEntity,
    actor: CustodyActor,
    cause?: unknown,
  ): Promise<KeywardError> {
    const details = await this.#link(request, connection, connection.scopes, actor);
    const sentence = 'The provider no longer accepts this connection; the user must connect again.';
    return new KeywardError('needs_reauthorization', sentence, { details, cause });
  }

  /** Empty for a connection of the workspace, which an admin authorizes, and where no link can be made. */
  async #link(
    { org, agent }: TokenRequest,
    { userId: user, provider, alias }: ConnectionEntity,
    scopes: readonly string[],
    initiator: CustodyActor,
  ): Promise<{ connectUrl?: string }> {
    if (user === null) return {};
    const request = { org, agent, user, provider, alias, initiator, scopes: [...new Set(scopes)] };
    try {
      return { connectUrl: (await this.options.sessions.create(request)).url };
    } catch (thrown) {
      if (thrown instanceof KeywardError) return {};
      throw thrown;
    }
  }
}

function userOf({ userId }: ConnectionEntity): { user?: string } {
  return userId === null ? {} : { user: userId };
}

function notReleased(): KeywardError {
  return new KeywardError('forbidden', 'Access tokens of this provider are not released to this agent.');
}

function disconnected(): KeywardError {
  return new KeywardError('revoked', 'This connection was disconnected.');
}
