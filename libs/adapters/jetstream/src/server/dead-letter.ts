import { subjects, type DeadLetter, type KeywardError } from '@keyward/contracts';
import type { Publisher } from '../publisher.js';
import type { Delivery } from './delivery.js';

/** Copies a message, whole, to DEAD_LETTERS. Resolves once it is stored there; only then may the original be given up. */
export async function publishDeadLetter(
  publisher: Publisher,
  stream: string,
  durable: string,
  delivery: Delivery,
  error: KeywardError,
): Promise<void> {
  const { headers } = delivery;
  const letter: DeadLetter = {
    stream,
    subject: delivery.subject,
    sequence: delivery.sequence,
    deliveries: delivery.deliveries,
    code: error.code,
    reason: error.message,
    failedAt: new Date().toISOString(),
    headers: Object.fromEntries((headers?.keys() ?? []).map((key) => [key, headers?.values(key) ?? []])),
    data: Buffer.from(delivery.data).toString('base64'),
  };
  await publisher.publish(subjects.deadLetter(stream), letter, { msgId: `${stream}:${durable}:${delivery.sequence}` });
}
