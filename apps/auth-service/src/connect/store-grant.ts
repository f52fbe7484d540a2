import type { Catalog, ProviderManifest } from '@keyward/connectors';
import { KeywardError, newId, type ConnectionStatus } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { tokenTimes } from '@keyward/oauth';
import { ConnectionEntity, withOrg, type ConnectSessionEntity, type ProviderAppEntity } from '@keyward/postgres';
import type { CredentialStore, StoredAuthorization } from '@keyward/postgres-vault';
import { IsNull, Not, type DataSource, type FindOptionsWhere } from 'typeorm';
import { requireSameReach } from '../governance/connector-use.js';
import { requireLiveOrganization } from '../identity/organizations.js';
import { isUniqueViolation } from '../identity/unique.js';
import { requireUnchangedApp } from '../provider-apps/unchanged-app.js';
import type { AuthMetrics } from '../metrics.js';
import type { Grant, GrantTarget } from './grant.js';
import { advance } from './session-store.js';
import { activate, Outrun, recordAuthorization, type Destination } from './write-grant.js';

export interface StoreGrantOptions {
  dataSource: DataSource;
  credentials: Credentials;
  credentialStore: CredentialStore;
  reauthorized: AuthMetrics['reauthorized'];
  /** Connectors that no organization can change. */
  deployment: Pick<Catalog, 'connector'>;
}

export interface GrantToStore {
  target: GrantTarget;
  provider: ProviderManifest;
  grant: Grant;
  requestedScopes: readonly string[];
  authorizedBy: { kind: 'user' | 'admin'; id: string };
  /** When the request for the token was made, by `performance.now()`. */
  askedAt: number;
  /** Null where the kind of grant needs no registration. */
  app: ProviderAppEntity | null;
  /** Ends with the connection, in one transaction. */
  session?: ConnectSessionEntity | undefined;
}

/** A rival is another session for the same account, a refresh or a disconnect: each can win a few times at most. */
const ATTEMPTS = 5;

/**
 * Seals the secrets and makes the connection active. They are sealed for one connection and one generation before the transaction,
 * which then fails if either is no longer the next: then they are sealed again, for what is.
 *
 * @returns the connection's id; undefined where the session was ended meanwhile, and nothing is stored.
 * @throws KeywardError `revoked` (the organization was shredded), `conflict` (the connector or the registration was changed meanwhile),
 * `dependency_unavailable`
 */
export async function storeGrant(options: StoreGrantOptions, request: GrantToStore): Promise<string | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const destination = await findDestination(options, request.target);
    const outcome = await storeAs(options, request, destination).catch((thrown: unknown) => {
      if (isUniqueViolation(thrown) || thrown instanceof Outrun) return 'outrun' as const;
      throw thrown;
    });
    if (outcome === 'ended') return undefined;
    if (outcome === 'outrun') continue;
    const { reauthorizedAfterMs } = outcome;
    if (reauthorizedAfterMs !== null) {
      options.reauthorized(request.provider.name, reauthorizedAfterMs / 1000);
    }
    return destination.connection;
  }
  throw new KeywardError('dependency_unavailable', 'The connection is being changed by others; nothing was stored. Try again.');
}

/** The live connection that a grant of this target would replace. */
export function liveConnection(target: GrantTarget): FindOptionsWhere<ConnectionEntity> {
  const { org, kind, agent, user, provider, alias } = target;
  return {
    orgId: org,
    kind,
    agentId: agent ?? IsNull(),
    userId: user ?? IsNull(),
    provider,
    alias,
    status: Not<ConnectionStatus>('revoked'),
  };
}

async function findDestination({ dataSource, credentialStore }: StoreGrantOptions, target: GrantTarget): Promise<Destination> {
  const existing = await withOrg(dataSource, target.org, (em) => em.findOneBy(ConnectionEntity, liveConnection(target)));
  if (existing === null) return { connection: newId('conn'), generation: 1, scopesBefore: undefined };
  const generation = (await credentialStore.currentGeneration(target.org, existing.id)) + 1;
  return { connection: existing.id, generation, scopesBefore: existing.scopes };
}

async function storeAs(
  options: StoreGrantOptions,
  request: GrantToStore,
  destination: Destination,
): Promise<StoredAuthorization | 'ended'> {
  const { dataSource, credentials, credentialStore } = options;
  const { provider, app, grant, askedAt, session, target } = request;
  const { connection, generation } = destination;
  const key = { org: target.org, connection, generation };
  // Renewal material of the connection's earlier authorization is not carried over: it may belong to another account of the person.
  const sealed = await credentials.sealTokens({ ...key, accessToken: grant.accessToken, refreshToken: grant.material });
  const credential = {
    ...sealed,
    ...key,
    scopes: grant.scopes ?? [...request.requestedScopes],
    renewable: grant.renewable,
  };
  return withOrg(dataSource, target.org, async (em) => {
    // Locked before the session, as where an organization is shredded.
    await requireLiveOrganization(em, target.org);
    if (options.deployment.connector(provider.name) === undefined) await requireSameReach(em, target.org, provider);
    if (app !== null) await requireUnchangedApp(em, app);
    if (session !== undefined) {
      const completed = { state: 'completed' as const, failure: null, connectionId: connection };
      if (!(await advance(em, session, completed))) return 'ended';
    }
    await activate(em, request, destination, credential.scopes);
    const { lifetimeMs, refreshLifetimeMs, renewable } = grant;
    const elapsedMs = performance.now() - askedAt;
    const times = tokenTimes({ provider, lifetimeMs, refreshLifetimeMs, renewable, asleep: false, elapsedMs });
    const stored = await credentialStore.storeAuthorized(em, { ...credential, ...times });
    // Thrown and not returned, so that what was written before is rolled back.
    if (stored === null) throw new Outrun();
    await recordAuthorization(em, request, destination, credential.scopes);
    return stored;
  });
}
