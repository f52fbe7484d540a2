import type { AuditPort } from '@keyward/audit';
import { createDataSource } from '@keyward/postgres';
import type { Registry } from 'prom-client';
import { Periodic } from '../background/periodic.js';
import type { RunningCheckpoints } from '../checkpoints/start-checkpoints.js';
import { createRetentionMetrics } from './metrics.js';
import { Retention, type RetentionLog } from './retention.js';

const EVERY_MS = 3_600_000;
/** To count what a large day holds. */
const STATEMENT_TIMEOUT_MS = 600_000;
/** One holds the lock, one works. */
const POOL_SIZE = 2;

interface Options {
  databaseUrl: string;
  /** 0: everything is kept for ever. */
  days: number;
  /** Undefined where nothing is signed; then nothing is dropped. */
  checkpoints: RunningCheckpoints | undefined;
  audit: AuditPort;
  registry: Registry;
  log: RetentionLog;
}

/** Begins to drop days as their retention ends. @returns what stops it */
export async function startRetention(options: Options): Promise<() => Promise<void>> {
  const { databaseUrl, days, checkpoints, audit, registry, log } = options;
  const metrics = createRetentionMetrics(registry);
  if (days === 0 || checkpoints === undefined) {
    log.info({}, 'the trail is kept for ever: KEYWARD_AUDIT_RETENTION_DAYS is 0');
    return () => Promise.resolve();
  }
  const database = createDataSource({
    url: databaseUrl,
    applicationName: 'audit-service retention',
    poolSize: POOL_SIZE,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  await database.initialize();
  const { checkpoints: signed, anchors } = checkpoints;
  const retention = new Retention({ database, checkpoints: signed, anchors, audit, metrics, log, days });
  const rounds = new Periodic(EVERY_MS, (stopping) => retention.round(stopping));
  rounds.start();
  return async () => {
    await rounds.stop();
    await database.destroy();
  };
}
