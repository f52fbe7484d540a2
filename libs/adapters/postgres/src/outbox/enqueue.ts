import { KeywardError } from '@keyward/contracts';
import { context, propagation } from '@opentelemetry/api';
import type { EntityManager } from 'typeorm';

export interface OutgoingMessage {
  /** Becomes Nats-Msg-Id: the bus stores a repeated id once. */
  id: string;
  subject: string;
  /** Sent as JSON. */
  payload: object;
  headers?: Record<string, string>;
}

/** Below the bus's default limit for one message (1 MiB), headers included; one that is larger could never leave. */
const MAX_PAYLOAD_BYTES = 512 * 1024;
const SUBJECT = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/**
 * Writes a message in the caller's transaction: it leaves if and only if the transaction commits. The trace context of the active
 * span travels along.
 */
export async function enqueue(em: EntityManager, message: OutgoingMessage): Promise<void> {
  const payload = Buffer.from(JSON.stringify(message.payload));
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new KeywardError('request_too_large', `A message may have ${MAX_PAYLOAD_BYTES} bytes at most.`);
  }
  if (!SUBJECT.test(message.subject)) throw new TypeError('not a subject that can be published on');
  const headers = { ...message.headers };
  propagation.inject(context.active(), headers);
  await em.query('INSERT INTO bus.outbox (id, subject, headers, payload) VALUES ($1, $2, $3, $4)', [
    message.id,
    message.subject,
    JSON.stringify(headers),
    payload,
  ]);
}
