import { providerPausedSchema, subjects, type ProviderPaused } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Tells the other tool-executors that a provider asked for a pause. Who misses it is told by the provider itself. */
export function broadcastProviderPaused(nc: NatsConnection, message: ProviderPaused): void {
  nc.publish(subjects.controlProviderPaused, JSON.stringify(message));
}

export function onProviderPaused(
  nc: NatsConnection,
  callback: (message: ProviderPaused) => void,
  logger?: LogPort,
): Subscription {
  return nc.subscribe(subjects.controlProviderPaused, {
    callback: (_error, message) => {
      try {
        callback(providerPausedSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a pause could not be applied');
      }
    },
  });
}
