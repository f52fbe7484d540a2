import { prepared, type OutboxRelay } from '@keyward/postgres';
import type { VaultMetrics } from '@keyward/credentials';
import { createVaultMetrics } from '@keyward/kms';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { DataSource } from 'typeorm';

export interface AuthMetrics {
  callbacks: Counter<'provider' | 'outcome'>;
  vault: VaultMetrics;
}

export function createMetrics(registry: Registry): AuthMetrics {
  const registers = [registry];
  return {
    callbacks: new Counter({
      name: 'oauth_callback_total',
      help: 'Browsers that came back from a provider, by how it ended.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    vault: createVaultMetrics(registry),
  };
}

interface ConnectionCount {
  provider: string;
  status: string;
  connections: string;
}

const COUNT = { name: 'auth_count_connections', text: 'SELECT provider, status, connections FROM vault.count_connections()' };

/** Read from the database when scraped; a scrape while it is away keeps the last values. */
export function observeDatabase(registry: Registry, dataSource: DataSource, relay: OutboxRelay): void {
  const connections = new Gauge({
    name: 'connections',
    help: 'Connections by provider and state.',
    labelNames: ['provider', 'state'],
    registers: [registry],
    collect: async () => {
      const rows = await prepared<ConnectionCount>(dataSource, COUNT, []).catch(() => undefined);
      if (rows === undefined) return;
      connections.reset();
      for (const row of rows) connections.set({ provider: row.provider, state: row.status }, Number(row.connections));
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
