import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError, newId, type ConnectionStatus } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { refreshAt, type TokenSet } from '@keyward/oauth';
import { ConnectionEntity, withOrg, type ConnectSessionEntity } from '@keyward/postgres';
import type { CredentialStore } from '@keyward/postgres-vault';
import { Not, type DataSource, type EntityManager } from 'typeorm';
import { isUniqueViolation } from '../identity/unique.js';
import { recordAudit, recordConnectionEvent } from '../records/record.js';
import type { PendingAuthorization } from './pending-authorization.js';
import { advance } from './session-store.js';

export interface StoreAuthorizationOptions {
  dataSource: DataSource;
  credentials: Credentials;
  credentialStore: CredentialStore;
}

export interface Authorization {
  pending: PendingAuthorization;
  provider: ProviderManifest;
  tokens: TokenSet;
  obtainedAt: Date;
}

interface Target {
  connection: string;
  isNew: boolean;
  generation: number;
}

/** A rival is another session for the same account, a refresh or a disconnect: each can win a few times at most. */
const ATTEMPTS = 5;

/**
 * Seals the tokens and makes the connection active. The tokens are sealed for one connection and one generation before the
 * transaction, which then fails if either is no longer the next: then it is sealed again, for what is.
 *
 * @returns the connection's id; undefined where the session was ended meanwhile, and nothing is stored.
 */
export async function storeAuthorization(
  options: StoreAuthorizationOptions,
  authorization: Authorization,
): Promise<string | undefined> {
  const { session } = authorization.pending;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const target = await findTarget(options, session);
    const outcome = await storeAs(options, authorization, target).catch((thrown: unknown) => {
      if (isUniqueViolation(thrown)) return 'outrun';
      throw thrown;
    });
    if (outcome === 'ended') return undefined;
    if (outcome === 'stored') return target.connection;
  }
  throw new KeywardError('dependency_unavailable', 'The connection is being changed by others; nothing was stored. Try again.');
}

/** Connecting the same account again replaces its credential and keeps its id. */
async function findTarget(
  { dataSource, credentialStore }: StoreAuthorizationOptions,
  session: ConnectSessionEntity,
): Promise<Target> {
  const { orgId, agentId, userId, provider, alias } = session;
  const existing = await withOrg(dataSource, orgId, (em) =>
    em.findOneBy(ConnectionEntity, { orgId, agentId, userId, provider, alias, status: Not<ConnectionStatus>('revoked') }),
  );
  if (existing === null) return { connection: newId('conn'), isNew: true, generation: 1 };
  return { connection: existing.id, isNew: false, generation: (await credentialStore.currentGeneration(orgId, existing.id)) + 1 };
}

type Outcome = 'stored' | 'outrun' | 'ended';

/** Thrown to roll back. */
class Outrun extends Error {}

async function storeAs(options: StoreAuthorizationOptions, authorization: Authorization, target: Target): Promise<Outcome> {
  const { dataSource, credentials, credentialStore } = options;
  const { provider, tokens, obtainedAt, pending } = authorization;
  const { orgId: org, scopes: requested } = pending.session;
  const { connection, generation } = target;
  // A refresh token of the connection's earlier authorization is not carried over: it may belong to another account of the person.
  const sealed = await credentials.sealTokens({
    org,
    connection,
    generation,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
  });
  const credential = {
    ...sealed,
    org,
    connection,
    generation,
    scopes: tokens.scopes ?? requested,
    accessExpiresAt: tokens.expiresAt,
    refreshAt: refreshAt({ provider, obtainedAt, expiresAt: tokens.expiresAt, refreshable: tokens.refreshToken !== undefined }),
  };
  try {
    return await withOrg(dataSource, org, async (em): Promise<Outcome> => {
      if (!(await advance(em, pending.session, { state: 'completed', failure: null, connectionId: connection }))) return 'ended';
      await activate(em, pending, target, credential.scopes);
      if (!(await credentialStore.storeAuthorized(em, credential))) throw new Outrun();
      await record(em, pending, { ...target, scopes: credential.scopes });
      return 'stored';
    });
  } catch (thrown) {
    if (thrown instanceof Outrun) return 'outrun';
    throw thrown;
  }
}

async function activate(
  em: EntityManager,
  { session, app }: PendingAuthorization,
  target: Target,
  scopes: string[],
): Promise<void> {
  const { orgId, agentId, userId, provider, alias } = session;
  const now = new Date();
  const active = { providerAppId: app.id, scopes, status: 'active' as const, statusReason: null, updatedAt: now };
  if (target.isNew) {
    await em.insert(ConnectionEntity, {
      id: target.connection,
      orgId,
      agentId,
      userId,
      provider,
      alias,
      createdAt: now,
      ...active,
    });
    return;
  }
  const { affected } = await em.update(
    ConnectionEntity,
    { id: target.connection, orgId, status: Not<ConnectionStatus>('revoked') },
    active,
  );
  if (affected !== 1) throw new Outrun();
}

async function record(
  em: EntityManager,
  { session }: PendingAuthorization,
  { connection, generation, scopes }: Target & { scopes: string[] },
): Promise<void> {
  const ref = { org: session.orgId, connection, user: session.userId, provider: session.provider, agent: session.agentId };
  await recordConnectionEvent(em, 'authorized', ref, { generation });
  const actor = { kind: 'user' as const, id: session.userId };
  await recordAudit(em, { type: 'connection.authorized', ...ref, actor, generation, scopes, reason: session.id });
}
