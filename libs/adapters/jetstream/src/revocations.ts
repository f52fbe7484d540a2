import { controlRevokedSchema, subjects, type ControlRevoked } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Tells every process at once to forget what it has cached. Resolves when the server has it; who is not connected misses it. */
export async function broadcastRevoked(nc: NatsConnection, message: ControlRevoked): Promise<void> {
  nc.publish(subjects.controlRevoked, JSON.stringify(message));
  await nc.flush();
}

/** Calls back for every broadcast. Caches must still be bounded in time: a broadcast is not kept for who was away. */
export function onRevoked(nc: NatsConnection, callback: (message: ControlRevoked) => void, logger?: LogPort): Subscription {
  return nc.subscribe(subjects.controlRevoked, {
    callback: (_error, message) => {
      try {
        callback(controlRevokedSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a revocation could not be applied');
      }
    },
  });
}
