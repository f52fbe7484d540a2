import { streams, subjects } from '@keyward/contracts';
import { createAuditPublisher, createPublisher, ensureTopology, JetStreamBatchServer, openNats } from '@keyward/jetstream';
import { openDatabase } from '@keyward/postgres';
import { AdminToken, type ConfigOf, type ServiceHost } from '@keyward/service-host';
import type { DataSource } from 'typeorm';
import { PublishedKeys } from './checkpoints/signing-key.js';
import { startCheckpoints } from './checkpoints/start-checkpoints.js';
import type { auditConfig } from './config.js';
import { Exports } from './export/exports.js';
import { startForwarding } from './forward/forwarding.js';
import { Holds } from './holds/holds.js';
import { EventStore } from './ingest/event-store.js';
import { Ingest } from './ingest/ingest.js';
import { Partitions } from './ingest/partitions.js';
import { observeBus } from './bus/bus-metrics.js';
import { createMetrics } from './metrics.js';
import { AuditorAuthenticator } from './query/auditor.js';
import { ChainVerification } from './query/chain-verification.js';
import { CursorCodec } from './query/cursor.js';
import { MemberAuditors } from './query/member-auditors.js';
import { EventQueries } from './query/event-queries.js';
import { Readings } from './query/readings.js';
import { startRetention } from './retention/start-retention.js';
import { UsageQueries } from './usage/usage-queries.js';

export type AuditHost = ServiceHost<ConfigOf<typeof auditConfig>>;

/** Two for batches at work, one for partitions, three for checkpoints, the rest for auditors. Each destination of the trail needs one more. */
const POOL_SIZE = 9;
const BATCH_SIZE = 1_000;
/** One batch is verified while another is being written. */
const CONCURRENCY = 2;
/** Every batch is a commit, so that fewer, fuller ones are cheaper. Nobody waits for it: the event is durable in the stream already. */
const LINGER_MS = 50;
const ACK_WAIT_MS = 10_000;
const BACKOFF_MS = [250, 1000, 3000];

export interface AuditService {
  messages: JetStreamBatchServer;
  auditors: AuditorAuthenticator;
  queries: EventQueries;
  readings: Readings;
  usage: UsageQueries;
  chains: ChainVerification;
  exports: Exports;
  holds: Holds;
  keys: PublishedKeys;
  database: DataSource;
}

export async function createAuditService(host: AuditHost): Promise<AuditService> {
  const { config, logger } = host;
  const metrics = createMetrics(host.metrics);
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE + config.forward.length });
  const nats = await openNats(host, config.nats);
  await host.waitFor('JetStream', () => ensureTopology(nats, config.streams));
  await observeBus(host.metrics, nats);

  const queries = new EventQueries(database, new CursorCodec(config.admin.token));
  const audit = createAuditPublisher(createPublisher(nats));
  const partitions = new Partitions(database, logger);
  partitions.start();
  const ingest = new Ingest(new EventStore(database, partitions), metrics, logger);
  const messages = new JetStreamBatchServer({
    nc: nats,
    logger,
    stream: streams.audit,
    durable: 'audit-service',
    filter: subjects.auditAll,
    batchSize: BATCH_SIZE,
    concurrency: CONCURRENCY,
    lingerMs: LINGER_MS,
    ackWaitMs: ACK_WAIT_MS,
    backoff: BACKOFF_MS,
    handle: (batch) => ingest.handle(batch),
  });
  const registry = host.metrics;
  const signing = await startCheckpoints({ database, config, registry, log: logger });
  const stopRetention = await startRetention({
    databaseUrl: config.database.url,
    days: config.retention.days,
    checkpoints: signing,
    audit,
    registry,
    log: logger,
  });
  const forwarding = await startForwarding({
    database,
    destinations: config.forward,
    registry,
    log: logger,
    service: host.name,
  });
  host.onDrain('forwarding', () => forwarding.stop());
  host.onDrain('retention', stopRetention);
  host.onDrain('checkpoints', () => signing?.stop());
  host.onDrain('partitions', () => partitions.stop());
  host.onDrain('NATS', () => nats.drain());
  host.onDrain('PostgreSQL', () => database.destroy());
  const readings = new Readings(audit, (organization) => queries.hasTrail(organization));
  const keys = new PublishedKeys(signing?.key);
  return {
    messages,
    auditors: new AuditorAuthenticator(new AdminToken(config.admin.token), new MemberAuditors(nats)),
    queries,
    readings,
    usage: new UsageQueries(database, config.currency),
    chains: new ChainVerification(database, keys),
    exports: new Exports({ database, checkpoints: signing?.checkpoints, readings, log: logger, stopping: host.stopping }),
    holds: new Holds(database, audit),
    keys,
    database,
  };
}
