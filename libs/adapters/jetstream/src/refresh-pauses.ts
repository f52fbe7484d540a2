import { refreshPausedSchema, subjects, type RefreshPaused } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Tells the other token-refreshers that an authorization server asked for a pause. Who misses it is told by the server itself. */
export function broadcastRefreshPaused(nc: NatsConnection, message: RefreshPaused): void {
  nc.publish(subjects.controlRefreshPaused, JSON.stringify(message));
}

export function onRefreshPaused(nc: NatsConnection, callback: (message: RefreshPaused) => void, logger?: LogPort): Subscription {
  return nc.subscribe(subjects.controlRefreshPaused, {
    callback: (_error, message) => {
      try {
        callback(refreshPausedSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a pause could not be applied');
      }
    },
  });
}
