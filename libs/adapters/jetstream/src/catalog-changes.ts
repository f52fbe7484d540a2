import { controlCatalogChangedSchema, subjects, type ControlCatalogChanged } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Tells every process that an organization's own connectors have changed. Who is not connected misses it. */
export async function broadcastCatalogChanged(nc: NatsConnection, message: ControlCatalogChanged): Promise<void> {
  nc.publish(subjects.controlCatalogChanged, JSON.stringify(message));
  await nc.flush();
}

/** Calls back for every broadcast. Catalogs must still be bounded in time: a broadcast is not kept for who was away. */
export function onCatalogChanged(
  nc: NatsConnection,
  callback: (message: ControlCatalogChanged) => void,
  logger?: LogPort,
): Subscription {
  return nc.subscribe(subjects.controlCatalogChanged, {
    callback: (_error, message) => {
      try {
        callback(controlCatalogChangedSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a change of connectors could not be applied');
      }
    },
  });
}
