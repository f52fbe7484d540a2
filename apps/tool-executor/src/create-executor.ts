import { createCatalogs, watchCatalog } from '@keyward/connectors';
import { consumers, streams, subjects, type ControlRevoked } from '@keyward/contracts';
import { createCredentials } from '@keyward/credentials';
import { createEgress } from '@keyward/egress';
import {
  createAuditPublisher,
  createPublisher,
  ensureTopology,
  JetStreamServer,
  onCatalogChanged,
  onRevoked,
  openNats,
  ReplyInbox,
  requestRefresh,
  startBusClock,
  type JetStreamBatchServer,
} from '@keyward/jetstream';
import { openKms } from '@keyward/kms';
import { createConnectorLoader, createOverlayLoader, openDatabase } from '@keyward/postgres';
import { createCallCredentialStore, createConnectionUseStore, createDataKeyStore } from '@keyward/postgres-vault';
import { catalogReloads, type ConfigOf, type ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import { openArtifacts } from './artifacts/open-artifacts.js';
import { InFlight } from './bus/in-flight.js';
import { createBudgets } from './budget/create-budgets.js';
import type { executorConfig } from './config.js';
import { connectLinksOverNats } from './connection/connect-links.js';
import { RefreshFlights } from './connection/refresh-flights.js';
import { RefusedTokens } from './connection/refused-tokens.js';
import { Uses } from './connection/uses.js';
import { REDELIVERY_MS } from './execute/outcome.js';
import { Executor } from './executor.js';
import { ExecutionRows } from './intent/execution-rows.js';
import { Intents } from './intent/intents.js';
import { createLimits } from './limits/create-limits.js';
import { createMetrics } from './metrics.js';
import { createWaiting } from './waiting/create-waiting.js';
import { McpServers } from './provider/mcp/mcp-servers.js';

export type ExecutorHost = ServiceHost<ConfigOf<typeof executorConfig>>;

const POOL_SIZE = 16;
/** Silence of a process after which its calls go to another one: how long a crash delays them. */
const ACK_WAIT_MS = 10_000;
/** With the pauses of REDELIVERY_MS, minutes: as long as the audit trail may be away without a call becoming a dead letter. */
const MAX_DELIVER = 60;
/** Of a message on the bus, for what stands around a result's output. */
const ENVELOPE_BYTES = 16_384;

export interface CreatedExecutor {
  executor: Executor;
  /** What it takes from the bus. */
  doors: (JetStreamServer | JetStreamBatchServer)[];
}

export async function createExecutor(host: ExecutorHost): Promise<CreatedExecutor> {
  const { config, logger, tracer, waitFor, onDrain } = host;
  const catalog = watchCatalog({ ...config.connectors, onlyWithTools: true, logger, onReload: catalogReloads(host.metrics) });
  const metrics = createMetrics(host.metrics, catalog);
  const egress = createEgress({ privateOrigins: config.egress.privateOrigins, observer: metrics.egress });
  const kms = await openKms(config.kms);
  await waitFor('KMS', () => kms.health());
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE });
  const nats = await openNats(host, config.nats);
  await waitFor('JetStream', () => ensureTopology(nats, config.streams));
  const publisher = createPublisher(nats);
  const inbox = new ReplyInbox(nats);
  const inFlight = new InFlight();
  const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(database), metrics: metrics.vault });
  const revoked = (message: ControlRevoked) => {
    inFlight.revoke(message);
    if (message.kind === 'organization') credentials.forgetOrganization(message.org);
  };
  onRevoked(nats, revoked, logger);
  const [load, loadOverlays] = [createConnectorLoader(database), createOverlayLoader(database)];
  const catalogs = createCatalogs({ deployment: catalog, load, loadOverlays, logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  const uses = new Uses({ store: createConnectionUseStore(database), logger });
  const limits = createLimits(host, { database, nats, metrics });
  const audit = createAuditPublisher(publisher);
  const budgets = await createBudgets(host, { database, nats });
  const artifacts = await openArtifacts(host, database);
  const executions = new ExecutionRows(database);
  const clock = await waitFor('the clock of the bus', () => startBusClock(nats, streams.executions, logger));
  const { waiting, cancellations, notices, events } = await createWaiting({
    ...{ database, nats, publisher, audit, executions, inFlight, logger, waitFor, onDrain },
  });

  const executor = new Executor({
    parts: {
      catalogs,
      egress,
      mcpServers: new McpServers(),
      metrics,
      calls: createCallCredentialStore(database),
      credentials,
      budgets,
      currency: config.currency,
      recorded: config.record,
      intents: new Intents(executions),
      waiting,
      limits,
      audit,
      links: connectLinksOverNats(nats, logger),
      refreshes: new RefreshFlights((provider, request) => requestRefresh(publisher, inbox, provider, request)),
      refused: new RefusedTokens(),
      uses,
      isRevoked: (call) => inFlight.isRevoked(call),
      artifacts,
      maxOutputBytes: (nats.info?.max_payload ?? 1_048_576) - ENVELOPE_BYTES,
      random: Math.random,
    },
    ...{ inFlight, cancellations, notices, clock, publisher, tracer, logger, logsCalls: config.log.calls },
  });
  onDrain('connectors', () => catalog.stop());
  onDrain('egress', () => egress.close());
  onDrain('answers', () => inbox.close());
  onDrain('the clock of the bus', () => clock.stop());
  onDrain('uses', () => uses.stop());
  onDrain('quotas', () => limits.close());
  onDrain('NATS', () => nats.drain());
  onDrain('PostgreSQL', () => database.destroy());
  return { executor, doors: [messageDoor(host, nats), events] };
}

function messageDoor({ config, logger }: ExecutorHost, nc: NatsConnection): JetStreamServer {
  return new JetStreamServer({
    nc,
    logger,
    stream: streams.executions,
    durable: consumers.executions,
    filter: subjects.executionRequestedAll,
    concurrency: config.concurrency,
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_DELIVER,
    backoff: REDELIVERY_MS,
  });
}
