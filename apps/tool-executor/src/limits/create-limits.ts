import { broadcastProviderPaused, onProviderPaused } from '@keyward/jetstream';
import type { RoomBounds } from '@keyward/limits';
import { createQuotaStore } from '@keyward/postgres';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import type { ExecutorHost } from '../create-executor.js';
import type { ExecutorMetrics } from '../metrics.js';
import { ExecutorLimits } from './executor-limits.js';

interface Around {
  database: DataSource;
  nats: NatsConnection;
  metrics: ExecutorMetrics;
}

/** Quotas in PostgreSQL, pauses over the bus. Closing is the caller's. */
export function createLimits({ config, logger }: ExecutorHost, { database, nats, metrics }: Around): ExecutorLimits {
  const limits = new ExecutorLimits({
    store: createQuotaStore(database),
    room: roomFor(config.concurrency),
    metrics: metrics.limits,
    onPause: (pause) => broadcastProviderPaused(nats, pause),
    random: Math.random,
  });
  metrics.watchLimits(limits);
  onProviderPaused(nats, (pause) => limits.pause(pause), logger);
  return limits;
}

/**
 * What waits holds a place of this process. A quarter of them is for calls that need not wait, whoever else does; and one agent, or one
 * organization, does not fill the line.
 */
export function roomFor(concurrency: number): RoomBounds {
  const eighths = (count: number) => Math.max(1, Math.floor((concurrency * count) / 8));
  return { perAgent: eighths(4), perOrganization: eighths(5), total: eighths(6) };
}
