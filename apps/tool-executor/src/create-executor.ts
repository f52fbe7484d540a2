import { createCatalogs, loadCatalog } from '@keyward/connectors';
import { streams, subjects, type ControlRevoked } from '@keyward/contracts';
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
} from '@keyward/jetstream';
import { openKms } from '@keyward/kms';
import { createConnectorLoader, openDatabase } from '@keyward/postgres';
import { createCallCredentialStore, createConnectionUseStore, createDataKeyStore } from '@keyward/postgres-vault';
import type { ConfigOf, ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import { InFlight } from './bus/in-flight.js';
import type { executorConfig } from './config.js';
import { connectLinksOverNats } from './connection/connect-links.js';
import { RefreshFlights } from './connection/refresh-flights.js';
import { RefusedTokens } from './connection/refused-tokens.js';
import { Uses } from './connection/uses.js';
import { REDELIVERY_MS } from './execute/outcome.js';
import { Executor } from './executor.js';
import { ExecutionRows } from './intent/execution-rows.js';
import { Intents } from './intent/intents.js';
import { createMetrics } from './metrics.js';
import { McpServers } from './provider/mcp/mcp-servers.js';

export type ExecutorHost = ServiceHost<ConfigOf<typeof executorConfig>>;

const POOL_SIZE = 16;
/** Silence of a process after which its calls go to another one: how long a crash delays them. */
const ACK_WAIT_MS = 10_000;
/** With the pauses of REDELIVERY_MS, minutes: as long as the audit trail may be away without a call becoming a dead letter. */
const MAX_DELIVER = 60;
/** Of a message on the bus, for what stands around a result's output. */
const ENVELOPE_BYTES = 16_384;

export async function createExecutor(host: ExecutorHost): Promise<{ executor: Executor; messages: JetStreamServer }> {
  const { config, logger, tracer, waitFor, onDrain } = host;
  const catalog = loadCatalog(config.connectors.dir, config.connectors.variables, { onlyWithTools: true });
  const metrics = createMetrics(host.metrics);
  const egress = createEgress({ privateOrigins: config.egress.privateOrigins, observer: metrics.egress });
  const kms = await openKms(config.kms);
  await waitFor('KMS', () => kms.health());
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE });
  const nats = await openNats(host, config.nats);
  await waitFor('JetStream', () => ensureTopology(nats));
  const publisher = createPublisher(nats);
  const inbox = new ReplyInbox(nats);
  const inFlight = new InFlight();
  const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(database), metrics: metrics.vault });
  const revoked = (message: ControlRevoked) => {
    inFlight.revoke(message);
    if (message.kind === 'organization') credentials.forgetOrganization(message.org);
  };
  onRevoked(nats, revoked, logger);
  const catalogs = createCatalogs({ deployment: catalog, load: createConnectorLoader(database), logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  const uses = new Uses({ store: createConnectionUseStore(database), logger });

  const executor = new Executor({
    parts: {
      catalogs,
      egress,
      mcpServers: new McpServers(),
      metrics,
      calls: createCallCredentialStore(database),
      credentials,
      intents: new Intents(new ExecutionRows(database)),
      audit: createAuditPublisher(publisher),
      links: connectLinksOverNats(nats, logger),
      refreshes: new RefreshFlights((provider, request) => requestRefresh(publisher, inbox, provider, request)),
      refused: new RefusedTokens(),
      uses,
      isRevoked: (call) => inFlight.isRevoked(call),
      maxOutputBytes: (nats.info?.max_payload ?? 1_048_576) - ENVELOPE_BYTES,
      random: Math.random,
    },
    ...{ inFlight, publisher, tracer, logger },
  });
  onDrain('egress', () => egress.close());
  onDrain('answers', () => inbox.close());
  onDrain('uses', () => uses.stop());
  onDrain('NATS', () => nats.drain());
  onDrain('PostgreSQL', () => database.destroy());
  return { executor, messages: messageDoor(host, nats) };
}

function messageDoor({ config, logger }: ExecutorHost, nc: NatsConnection): JetStreamServer {
  return new JetStreamServer({
    nc,
    logger,
    stream: streams.executions,
    durable: 'tool-executor',
    filter: subjects.executionRequestedAll,
    concurrency: config.concurrency,
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_DELIVER,
    backoff: REDELIVERY_MS,
  });
}
