import { randomBytes } from 'node:crypto';
import { connectorLabel, createCatalogs, watchCatalog, type WatchedCatalog } from '@keyward/connectors';
import { streams, subjects, type ControlRevoked } from '@keyward/contracts';
import { createCredentials } from '@keyward/credentials';
import { createEgress, type Egress } from '@keyward/egress';
import {
  broadcastRefreshPaused,
  createPublisher,
  JetStreamServer,
  onCatalogChanged,
  onConnectionEvent,
  onRefreshPaused,
  onRevoked,
  openNats,
} from '@keyward/jetstream';
import { openKms } from '@keyward/kms';
import { createConnectorLoader, openDatabase, OutboxRelay, prepared } from '@keyward/postgres';
import { createCredentialStore, createDataKeyStore, type CredentialStore } from '@keyward/postgres-vault';
import { catalogReloads, type ConfigOf, type ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import type { refresherConfig } from './config.js';
import { DueLoop } from './due/due-loop.js';
import { ProviderLanes } from './lanes/provider-lanes.js';
import { createMetrics, type RefresherMetrics } from './metrics.js';
import { ConnectionNews } from './on-demand/connection-news.js';
import { OnDemand } from './on-demand/on-demand.js';
import { failed } from './on-demand/refresh-messages.controller.js';
import { leaseNames } from './refresh/claim.js';
import { Redeemer } from './refresh/redeem.js';
import { RefreshWork } from './refresh/refresh-work.js';
import type { OnStep } from './refresh/steps.js';

type DataSource = Parameters<typeof prepared>[0];

export type RefresherHost = ServiceHost<ConfigOf<typeof refresherConfig>>;

const SHORTEST_STATEMENT_TIMEOUT_MS = 2_000;
const POOL_SIZE = 10;
const DUE_POLL_MS = 1000;
/** Most of them wait for the same few refreshes, at no cost; behind one provider that hangs there must be room for the others. */
const MESSAGES_AT_A_TIME = 1024;
const ACK_WAIT_MS = 15_000;
const MAX_DELIVER = 5;

export interface Refresher {
  onDemand: OnDemand;
  messages: JetStreamServer;
}

export async function createRefresher(host: RefresherHost, onStep: OnStep | undefined): Promise<Refresher> {
  const { config, logger } = host;
  // A statement that hangs for longer than a request may is of no use to its lease any more, and the next one is.
  const statementTimeoutMs = Math.max(SHORTEST_STATEMENT_TIMEOUT_MS, config.refresh.redeemTimeoutMs);
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE, statementTimeoutMs });
  const nats = await openNats(host, config.nats);
  const egress = createEgress({ privateOrigins: config.egress.privateOrigins });
  const store = createCredentialStore(database);
  const newLease = leaseNames(`token-refresher-${randomBytes(8).toString('hex')}`);
  const lanes = new ProviderLanes({ store, onPause: (pause) => broadcastRefreshPaused(nats, pause) });
  onRefreshPaused(nats, (pause) => lanes.pause(pause), logger);
  const deployment = watchCatalog({ ...config.connectors, manifestsOnly: true, logger, onReload: catalogReloads(host.metrics) });
  host.onDrain('connectors', () => deployment.stop());
  const metrics = createMetrics(host.metrics, connectorLabel(deployment), {
    countExpiring: (withinMs) => countExpiring(database, withinMs),
    rejectedApps: () => countRejectedApps(database),
    breakers: () => lanes.breakers(),
    waiting: () => lanes.waiting(),
  });
  const news = new ConnectionNews();
  onConnectionEvent(nats, ({ connection }) => news.tell(connection), logger);

  const work = await createWork(host, { deployment, database, nats, egress, store, lanes, metrics, onStep });
  const run = work.run.bind(work);
  const { leaseMs, slots } = config.refresh;
  const onDemand = new OnDemand({ newLease, leaseMs, store, news, run, metrics });
  const rooms = () => lanes.rooms();
  const due = new DueLoop({ newLease, leaseMs, slots, pollMs: DUE_POLL_MS, store, rooms, run, metrics, logger });
  const publisher = createPublisher(nats);
  const relay = new OutboxRelay(
    database,
    ({ id, subject, payload, headers }) => publisher.publish(subject, payload, { msgId: id, headers }),
    { logger },
  );

  relay.start();
  due.start();
  host.stopping.addEventListener('abort', () => void due.stop(), { once: true });
  host.onDrain('refreshes in hand', async () => {
    await Promise.all([due.stop(), onDemand.drain()]);
  });
  host.onDrain('outbox', () => relay.stop());
  host.onDrain('egress', () => egress.close());
  host.onDrain('NATS', () => nats.drain());
  host.onDrain('PostgreSQL', () => database.destroy());
  return { onDemand, messages: messageDoor(host, nats) };
}

interface WorkParts {
  deployment: WatchedCatalog;
  database: DataSource;
  nats: NatsConnection;
  egress: Egress;
  store: CredentialStore;
  lanes: ProviderLanes;
  metrics: RefresherMetrics;
  onStep: OnStep | undefined;
}

async function createWork({ config, logger, tracer }: RefresherHost, parts: WorkParts): Promise<RefreshWork> {
  const { deployment, database, nats, egress } = parts;
  const catalogs = createCatalogs({ deployment, load: createConnectorLoader(database), logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  const kms = await openKms(config.kms);
  const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(database), metrics: parts.metrics.vault });
  const revoked = ({ kind, org }: ControlRevoked) => kind === 'organization' && credentials.forgetOrganization(org);
  onRevoked(nats, revoked, logger);
  const redeemer = new Redeemer({ credentials, egress });
  return new RefreshWork({ ...parts, ...config.refresh, catalogs, redeemer, tracer, logger });
}

function messageDoor({ logger }: RefresherHost, nc: NatsConnection): JetStreamServer {
  return new JetStreamServer({
    nc,
    logger,
    stream: streams.refresh,
    durable: 'token-refresher',
    filter: subjects.credentialRefreshAll,
    concurrency: MESSAGES_AT_A_TIME,
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_DELIVER,
    deadline: (delivery) => deadlineOf(delivery),
    failureReply: failed,
  });
}

/** What is wrong with a message is for the handler to say; here it just has no deadline. */
function deadlineOf(delivery: { json(): unknown }): Date | undefined {
  try {
    const { waitMs } = delivery.json() as { waitMs?: unknown };
    return typeof waitMs === 'number' && Number.isFinite(waitMs) ? new Date(Date.now() + waitMs) : undefined;
  } catch {
    return undefined;
  }
}

async function countRejectedApps(database: DataSource): Promise<Map<string, number>> {
  const statement = { name: 'vault.count_rejected_apps', text: 'SELECT provider, apps::int FROM vault.count_rejected_apps()' };
  const rows = await prepared<{ provider: string; apps: number }>(database, statement, []);
  return new Map(rows.map(({ provider, apps }) => [provider, apps]));
}

async function countExpiring(database: DataSource, withinMs: number): Promise<number> {
  const statement = { name: 'vault.count_expiring', text: 'SELECT vault.count_expiring($1)::int AS expiring' };
  const [row] = await prepared<{ expiring: number }>(database, statement, [withinMs]);
  return row?.expiring ?? 0;
}
