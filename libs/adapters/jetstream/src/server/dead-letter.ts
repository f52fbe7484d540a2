import { subjects, type DeadLetter, type KeywardError } from '@keyward/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { Publisher } from '../publisher.js';

export interface GivenUp {
  stream: string;
  durable: string;
  subject: string;
  headers: MsgHdrs | undefined;
  data: Uint8Array;
  sequence: number;
  deliveries: number;
}

/** Copies a message, whole, to DEAD_LETTERS. Resolves once it is stored there; only then may the original go. */
export async function publishDeadLetter(publisher: Publisher, message: GivenUp, error: KeywardError): Promise<void> {
  const { stream, durable, subject, headers, data, sequence, deliveries } = message;
  const letter: DeadLetter = {
    ...{ stream, subject, sequence, deliveries },
    code: error.code,
    reason: error.message,
    failedAt: new Date().toISOString(),
    headers: Object.fromEntries((headers?.keys() ?? []).map((key) => [key, headers?.values(key) ?? []])),
    data: Buffer.from(data).toString('base64'),
  };
  await publisher.publish(subjects.deadLetter(stream), letter, { msgId: `${stream}:${durable}:${sequence}` });
}
