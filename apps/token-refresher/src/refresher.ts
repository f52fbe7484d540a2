import { randomBytes } from 'node:crypto';
import { createCatalogs, loadCatalog } from '@keyward/connectors';
import { streams, subjects, type ControlRevoked } from '@keyward/contracts';
import { createCredentials } from '@keyward/credentials';
import { createEgress } from '@keyward/egress';
import { createPublisher, JetStreamServer, onCatalogChanged, onRevoked, openNats } from '@keyward/jetstream';
import { openKms } from '@keyward/kms';
import { createConnectorLoader, openDatabase, OutboxRelay, prepared } from '@keyward/postgres';
import { createCredentialStore, createDataKeyStore } from '@keyward/postgres-vault';
import type { ConfigOf, ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import type { refresherConfig } from './config.js';
import { DueLoop } from './due/due-loop.js';
import { createMetrics } from './metrics.js';
import { OnDemand } from './on-demand/on-demand.js';
import { failed } from './on-demand/refresh-messages.controller.js';
import { ProviderLanes } from './refresh/provider-lanes.js';
import { Redeemer } from './refresh/redeem.js';
import { RefreshWork } from './refresh/refresh-work.js';
import type { OnStep } from './refresh/steps.js';

export type RefresherHost = ServiceHost<ConfigOf<typeof refresherConfig>>;

const POOL_SIZE = 10;
const DUE_SLOTS = 64;
const DUE_POLL_MS = 1000;
const BUSY_POLL_MS = 40;
const MESSAGES_AT_A_TIME = 256;
const ACK_WAIT_MS = 15_000;
const MAX_DELIVER = 5;

export interface Refresher {
  onDemand: OnDemand;
  messages: JetStreamServer;
}

export async function createRefresher(host: RefresherHost, onStep: OnStep | undefined): Promise<Refresher> {
  const { config, logger, tracer } = host;
  const { leaseMs, redeemTimeoutMs } = config.lease;
  const catalog = loadCatalog(config.connectors.dir, config.connectors.variables);
  const kms = await openKms(config.kms);
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE });
  const nats = await openNats(host, config.nats);
  const catalogs = createCatalogs({ deployment: catalog, load: createConnectorLoader(database), logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  const metrics = createMetrics(host.metrics, (withinMs) => countExpiring(database, withinMs));
  const egress = createEgress({ privateOrigins: config.egress.privateOrigins });
  const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(database), metrics: metrics.vault });
  const revoked = ({ kind, org }: ControlRevoked) => kind === 'organization' && credentials.forgetOrganization(org);
  onRevoked(nats, revoked, logger);
  const store = createCredentialStore(database);
  const owner = `token-refresher-${randomBytes(8).toString('hex')}`;

  const work = new RefreshWork({
    owner,
    redeemTimeoutMs,
    store,
    catalogs,
    lanes: new ProviderLanes(metrics.breaker),
    redeemer: new Redeemer({
      credentials,
      egress,
      onSealFailure: (error, attempt) => logger.error({ err: error, attempt }, 'a refreshed credential waits to be sealed'),
    }),
    metrics,
    tracer,
    logger,
  });
  const run = work.run.bind(work);
  const onDemand = new OnDemand({ owner, leaseMs, busyPollMs: BUSY_POLL_MS, store, run, metrics });
  const due = new DueLoop({ owner, leaseMs, slots: DUE_SLOTS, pollMs: DUE_POLL_MS, store, run, logger });
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

async function countExpiring(database: Parameters<typeof prepared>[0], withinMs: number): Promise<number> {
  const statement = { name: 'vault.count_expiring', text: 'SELECT vault.count_expiring($1)::int AS expiring' };
  const [row] = await prepared<{ expiring: number }>(database, statement, [withinMs]);
  return row?.expiring ?? 0;
}
