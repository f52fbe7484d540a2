import { connectorLabel, createCatalogs, watchCatalog, type ConnectorLabel } from '@keyward/connectors';
import type { RefreshRequest } from '@keyward/contracts';
import { createCredentials, type Credentials, type VaultMetrics } from '@keyward/credentials';
import { createEgress, type Egress } from '@keyward/egress';
import {
  broadcastBudgetsChanged,
  broadcastCatalogChanged,
  broadcastRevoked,
  createPublisher,
  onCatalogChanged,
  onRevoked,
  openNats,
  ReplyInbox,
  requestRefresh,
  type Publisher,
} from '@keyward/jetstream';
import { openKms } from '@keyward/kms';
import { createConnectorLoader, createOverlayLoader, openDatabase, OutboxRelay } from '@keyward/postgres';
import { createCredentialStore, createDataKeyStore } from '@keyward/postgres-vault';
import { AdminToken, catalogReloads, type ConfigOf, type ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import type { authConfig } from './config.js';
import { createConnectServices } from './connect/create-connect.js';
import { purgeSessionsHourly } from './connect/purge-sessions.js';
import { createConnectionServices } from './connections/connection-services.js';
import type { ProviderRevocations } from './connections/provider-revocations.js';
import { createCustody } from './custody/create-custody.js';
import { BrowserCookie } from './doors/http/browser-cookie.js';
import { ConnectDoor } from './doors/http/connect-door.js';
import { FailureLog } from './doors/http/failure-log.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { serveAuthRequests, type AuthHandlers } from './doors/nats/auth-micro-service.js';
import { Budgets } from './governance/budgets.js';
import { Connectors } from './governance/connectors.js';
import { Overlays } from './governance/overlays.js';
import { createAgents } from './identity/create-agents.js';
import { Organizations } from './identity/organizations.js';
import type { OrganizationShredder } from './identity/shred-organization.js';
import { createMetrics, observeDatabase } from './metrics.js';
import { Principals } from './identity/principals.js';
import { createNotifications, type Notifications } from './notifications/create-notifications.js';
import { createPeople } from './people/create-people.js';
import { RewrapVault } from './vault/rewrap-vault.js';

export type AuthHost = ServiceHost<ConfigOf<typeof authConfig>>;
export type AuthService = Awaited<ReturnType<typeof createAuthService>>;

/** How long a broadcast may hold up the answer to who revoked or changed something. What is revoked is so without it. */
const BROADCAST_TIMEOUT_MS = 1_000;

/** Everything the doors need, each made once. */
export async function createAuthService(host: AuthHost) {
  const { config, logger } = host;
  const catalog = watchCatalog({ ...config.connectors, logger, onReload: catalogReloads(host.metrics) });
  const labelOf = connectorLabel(catalog);
  const metrics = createMetrics(host.metrics, labelOf);
  const dataSource = await openDatabase(host, config.database);
  const nats = await openNats(host, config.nats);
  const [load, loadOverlays] = [createConnectorLoader(dataSource), createOverlayLoader(dataSource)];
  const catalogs = createCatalogs({ deployment: catalog, load, loadOverlays, logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  host.onDrain('connectors', () => catalog.stop());
  const ofDeployment = { connector: (name: string) => catalog.current.connector(name) };
  const credentials = await openCredentials(host, dataSource, metrics.vault);
  const egress = createEgress(config.egress);
  onRevoked(nats, ({ kind, org }) => kind === 'organization' && credentials.forgetOrganization(org), logger);

  const failures = new FailureLog(logger);
  const announce = announcer(nats, broadcastRevoked, logger);
  const announceCatalog = announcer(nats, broadcastCatalogChanged, logger);
  const announceBudgets = announcer(nats, broadcastBudgetsChanged, logger);
  const changed = async (org: string) => {
    catalogs.forget(org);
    await announceCatalog({ org });
  };
  const [publisher, inbox] = [createPublisher(nats), new ReplyInbox(nats)];
  const refresh = (provider: string, request: RefreshRequest) => requestRefresh(publisher, inbox, provider, request);
  const services = createConnectionServices({
    ...{ dataSource, catalogs, credentials, egress, logger, broadcast: announce },
    ...{ credentialStore: createCredentialStore(dataSource), deployment: ofDeployment },
    reauthorized: metrics.reauthorized,
    refresh,
  });
  const people = createPeople(host, dataSource, egress);
  const connect = createConnectServices({
    ...{ dataSource, catalogs, credentials, egress, publicUrl: config.public.url, stateSecret: config.public.stateSecret },
    ...{ credentialStore: createCredentialStore(dataSource), deployment: ofDeployment },
    memberships: (person) => people.sessions.memberships(person),
    signIn: config.signIn !== undefined,
    calledBack: metrics.calledBack,
    reauthorized: metrics.reauthorized,
    onFailure: (error, ending) => failures.log(error, `connecting ended: ${ending}`),
    onUnrevoked: (error) => failures.log(error, 'a person’s token was not ended at the provider'),
  });
  const { sessions, finishAuthorization: finishing } = connect;
  const catalogOf = (org: string) => catalogs.of(org);
  const agents = createAgents({ dataSource, catalogOf, egress, sessions, broadcast: announce, account: config.agents });
  const custody = createCustody({
    ...{ dataSource, catalogOf, credentials, sessions, finishing, refresh },
    disconnects: services.disconnect,
  });
  const notifications = createNotifications(host, { dataSource, credentials, egress, catalogOf });
  const principals = new Principals(new AdminToken(config.admin.token), people.sessions);
  const handlers = { sessions, custody, principals, workloads: agents.workloads };
  startBackgroundWork(host, { ...services, labelOf, dataSource, nats, publisher, egress, handlers, notifications });
  return {
    principals,
    people,
    ...agents,
    custody,
    ...services,
    organizations: new Organizations(dataSource, credentials),
    vault: new RewrapVault(credentials, logger),
    deadLetters: new DeadLetters({ nats, dataSource, logger }),
    connectors: new Connectors(dataSource, catalogs, changed),
    budgets: new Budgets({ dataSource, currency: config.currency, announce: (org) => announceBudgets({ org }) }),
    overlays: new Overlays(dataSource, catalogs, changed),
    ...connect,
    notifications,
    connectDoor: new ConnectDoor(new BrowserCookie(config.public.url), people.sessions, failures),
    failures,
    publicUrl: config.public.url,
  };
}

/**
 * An absent KMS keeps nothing from starting and is no reason to be taken out of service: what needs no new data key works, above all
 * disconnecting, and new connections fail with a clear page.
 */
async function openCredentials(
  { config, logger }: AuthHost,
  dataSource: DataSource,
  metrics: VaultMetrics,
): Promise<Credentials> {
  const kms = await openKms(config.kms);
  kms
    .health()
    .catch((error: unknown) =>
      logger.warn({ err: error }, 'the key service does not answer; new connections will fail until it does'),
    );
  return createCredentials({ kms, dataKeys: createDataKeyStore(dataSource), metrics });
}

interface BackgroundWork {
  labelOf: ConnectorLabel;
  dataSource: DataSource;
  nats: NatsConnection;
  publisher: Publisher;
  egress: Egress;
  providerRevocations: ProviderRevocations;
  shredder: OrganizationShredder;
  handlers: AuthHandlers;
  notifications: Notifications;
}

/** What runs beside the doors, and the order in which everything ends: first who takes work, then what the work needs. */
function startBackgroundWork(host: AuthHost, work: BackgroundWork): void {
  const { labelOf, dataSource, nats, publisher, egress, providerRevocations, shredder, handlers, notifications } = work;
  const relay = new OutboxRelay(
    dataSource,
    ({ id, subject, headers, payload }) => publisher.publish(subject, payload, { msgId: id, headers }),
    { logger: host.logger },
  );
  observeDatabase(host.metrics, { dataSource, relay, labelOf });
  const requests = serveAuthRequests(nats, handlers, host.logger);
  providerRevocations.start();
  relay.start();
  host.onDrain('purge of old links', purgeSessionsHourly(dataSource, host.logger));
  host.onDrain('requests on the bus', () => requests.close());
  host.onDrain('shreddings left behind', shredder.sweepRegularly());
  host.onDrain('webhooks', notifications.start(nats));
  host.onDrain('revocations at providers', () => providerRevocations.stop());
  host.onDrain('outbox', () => relay.stop());
  host.onDrain('egress', () => egress.close());
  host.onDrain('NATS', () => nats.drain());
  host.onDrain('PostgreSQL', () => dataSource.destroy());
}

/** Told at once to who listens. It only shortens how long caches lag behind the database, so that it never fails a request. */
function announcer<Message>(
  nats: NatsConnection,
  broadcast: (nats: NatsConnection, message: Message) => Promise<void>,
  logger: AuthHost['logger'],
): (message: Message) => Promise<void> {
  return async (message) => {
    const timeout = AbortSignal.timeout(BROADCAST_TIMEOUT_MS);
    const late = new Promise<never>((_resolve, reject) =>
      timeout.addEventListener('abort', () => reject(timeout.reason as Error)),
    );
    await Promise.race([broadcast(nats, message), late]).catch((error: unknown) => {
      logger.warn({ err: error, change: message }, 'a change could not be broadcast; caches will notice by themselves');
    });
  };
}
