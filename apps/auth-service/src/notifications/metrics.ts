import { prepared } from '@keyward/postgres';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DataSource } from 'typeorm';

export interface WebhookMetrics {
  attempts: Counter<'event' | 'outcome'>;
  seconds: Histogram;
}

/** Up to the timeout of an attempt. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];
const OLDEST = { name: 'auth_oldest_webhook', text: 'SELECT notification.oldest_pending_seconds() AS seconds' };

export function createWebhookMetrics(registry: Registry, dataSource: DataSource): WebhookMetrics {
  const registers = [registry];
  const oldest = new Gauge({
    name: 'webhook_oldest_pending_seconds',
    help: 'Age of the oldest webhook message that waits to be delivered; 0 where none does.',
    registers,
    collect: async () => {
      const rows = await prepared<{ seconds: number | null }>(dataSource, OLDEST, []).catch(() => undefined);
      if (rows !== undefined) oldest.set(rows[0]?.seconds ?? 0);
    },
  });
  return {
    attempts: new Counter({
      name: 'webhook_deliveries_total',
      help: 'Attempts to deliver a webhook message, by event and how they ended.',
      labelNames: ['event', 'outcome'],
      registers,
    }),
    seconds: new Histogram({
      name: 'webhook_delivery_seconds',
      help: 'How long receivers of webhooks took to answer.',
      buckets: SECONDS,
      registers,
    }),
  };
}
