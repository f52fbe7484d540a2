import type { Catalog } from '@keyward/connectors';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import type { AuthHost } from '../auth-service.js';
import { DeliverMessages } from './deliver-messages.js';
import { hearEvents } from './hear-events.js';
import { listDeliveries } from './list-deliveries.js';
import { createWebhookMetrics } from './metrics.js';
import { purgeDeliveriesHourly } from './purge-deliveries.js';
import { SendMessage } from './send-message.js';
import { TestEndpoint } from './test-endpoint.js';
import { WebhookEndpoints } from './webhook-endpoints.js';

export interface NotificationsOptions {
  dataSource: DataSource;
  credentials: Credentials;
  egress: Egress;
  catalogOf: (org: string) => Promise<Catalog>;
}

export type Notifications = ReturnType<typeof createNotifications>;

/** Webhooks, each part made once. `start` begins the work of its own. */
export function createNotifications(host: AuthHost, options: NotificationsOptions) {
  const { config, logger, metrics: registry } = host;
  const { dataSource, credentials, egress, catalogOf } = options;
  const { privateOrigins } = config.egress;
  const sending = new SendMessage({ egress, credentials, privateOrigins });
  const metrics = createWebhookMetrics(registry, dataSource);
  const delivering = new DeliverMessages({
    ...{ dataSource, sending, metrics, logger, catalogOf },
    publicUrl: config.public.url,
  });
  return {
    endpoints: new WebhookEndpoints({ dataSource, credentials, privateOrigins }),
    tests: new TestEndpoint(dataSource, sending),
    deliveries: (org: string, endpoint: string, before: string | undefined) => listDeliveries(dataSource, org, endpoint, before),
    /** @returns what stops it: first who takes work, then who does it */
    start: (nats: NatsConnection): (() => Promise<void>) => {
      const stopPurging = purgeDeliveriesHourly(dataSource, logger);
      const stopHearing = hearEvents({
        ...{ nats, topology: config.streams, dataSource, logger },
        onAdded: () => delivering.notify(),
      });
      delivering.start();
      return async () => {
        stopPurging();
        await stopHearing();
        await delivering.stop();
      };
    },
  };
}
