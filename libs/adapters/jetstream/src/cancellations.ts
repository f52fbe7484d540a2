import { executionAddressSchema, subjects, type ExecutionAddress } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Tells every tool-executor that an execution is to end. Resolves when the server has it; who is not connected misses it. */
export async function broadcastCancelled(nc: NatsConnection, address: ExecutionAddress): Promise<void> {
  nc.publish(subjects.controlCancelled, JSON.stringify(address));
  await nc.flush();
}

/** Calls back for every broadcast. What is missed stands in the database. */
export function onCancelled(nc: NatsConnection, callback: (address: ExecutionAddress) => void, logger?: LogPort): Subscription {
  return nc.subscribe(subjects.controlCancelled, {
    callback: (_error, message) => {
      try {
        callback(executionAddressSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a cancellation could not be applied');
      }
    },
  });
}
