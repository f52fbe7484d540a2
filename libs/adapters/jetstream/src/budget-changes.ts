import { controlBudgetsChangedSchema, subjects, type ControlBudgetsChanged } from '@keyward/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/** Tells every tool-executor that an organization's budgets have changed. Who is not connected misses it. */
export async function broadcastBudgetsChanged(nc: NatsConnection, message: ControlBudgetsChanged): Promise<void> {
  nc.publish(subjects.controlBudgetsChanged, JSON.stringify(message));
  await nc.flush();
}

/** Calls back for every broadcast. What is known must still be looked up now and then: a broadcast is not kept for who was away. */
export function onBudgetsChanged(
  nc: NatsConnection,
  callback: (message: ControlBudgetsChanged) => void,
  logger?: LogPort,
): Subscription {
  return nc.subscribe(subjects.controlBudgetsChanged, {
    callback: (_error, message) => {
      try {
        callback(controlBudgetsChangedSchema.parse(message.json()));
      } catch (error) {
        logger?.error({ err: error, subject: message.subject }, 'a change of budgets could not be applied');
      }
    },
  });
}
