import type { ConnectorLabel } from '@keyward/connectors';
import { prepared, type OutboxRelay } from '@keyward/postgres';
import type { VaultMetrics } from '@keyward/credentials';
import { createVaultMetrics } from '@keyward/kms';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DataSource } from 'typeorm';

export interface AuthMetrics {
  /** A browser came back from a provider. @param provider undefined where nobody knows of this authorization */
  calledBack(provider: string | undefined, outcome: string): void;
  /** @param seconds from when a person was asked to authorize again until somebody had */
  reauthorized(provider: string, seconds: number): void;
  vault: VaultMetrics;
}

/** A person who is there, one who reads it today, one who is back next week. */
const REAUTHORIZATION_SECONDS = [30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800, 2_592_000];

export function createMetrics(registry: Registry, labelOf: ConnectorLabel): AuthMetrics {
  const registers = [registry];
  const callbacks = new Counter({
    name: 'oauth_callback_total',
    help: 'Browsers that came back from a provider, by how it ended.',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const reauthorization = new Histogram({
    name: 'connection_reauthorization_seconds',
    help: 'From when a connection needed to be authorized again until it was.',
    labelNames: ['provider'],
    buckets: REAUTHORIZATION_SECONDS,
    registers,
  });
  return {
    calledBack: (provider, outcome) => {
      callbacks.inc({ provider: provider === undefined ? 'unknown' : labelOf(provider), outcome });
    },
    reauthorized: (provider, seconds) => reauthorization.observe({ provider: labelOf(provider) }, seconds),
    vault: createVaultMetrics(registry),
  };
}

interface ConnectionCount {
  provider: string;
  status: string;
  connections: string;
}

const COUNT = { name: 'auth_count_connections', text: 'SELECT provider, status, connections FROM vault.count_connections()' };

const OLDEST = { name: 'auth_oldest_reauthorization', text: 'SELECT vault.oldest_reauthorization_ms() AS ms' };

/** Read from the database when scraped; a scrape while it is away keeps the last values. */
export function observeDatabase(
  registry: Registry,
  { dataSource, relay, labelOf }: { dataSource: DataSource; relay: OutboxRelay; labelOf: ConnectorLabel },
): void {
  const connections = new Gauge({
    name: 'connections',
    help: 'Connections by provider and state.',
    labelNames: ['provider', 'state'],
    registers: [registry],
    collect: async () => {
      const rows = await prepared<ConnectionCount>(dataSource, COUNT, []).catch(() => undefined);
      if (rows === undefined) return;
      connections.reset();
      for (const row of rows) connections.inc({ provider: labelOf(row.provider), state: row.status }, Number(row.connections));
    },
  });
  const waiting = new Gauge({
    name: 'connections_awaiting_reauthorization_oldest_seconds',
    help: 'For how long the person who was asked first has been asked to authorize a connection again; 0 where nobody is.',
    registers: [registry],
    collect: async () => {
      const rows = await prepared<{ ms: number | null }>(dataSource, OLDEST, []).catch(() => undefined);
      if (rows !== undefined) waiting.set((rows[0]?.ms ?? 0) / 1000);
    },
  });
  const oldest = new Gauge({
    name: 'audit_outbox_oldest_seconds',
    help: 'Age of the oldest event that waits in the outbox.',
    registers: [registry],
    collect: async () => {
      const age = await relay.oldestSeconds().catch(() => undefined);
      if (age !== undefined) oldest.set(age);
    },
  });
}
