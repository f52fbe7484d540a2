import { connectionEventSchema, subjects, type ConnectionEvent } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Calls back for every connection event as it is published. What is missed meanwhile is in the stream, which this does not read. */
export function onConnectionEvent(
  nc: NatsConnection,
  callback: (event: ConnectionEvent) => void,
  logger?: LogPort,
): Subscription {
  return nc.subscribe(subjects.connectionEventAll, {
    callback: (_error, message) => {
      try {
        callback(connectionEventSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a connection event could not be read');
      }
    },
  });
}
