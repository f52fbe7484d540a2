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
  const { id, subject, headers, payload } = toRow(message);
  await em.query('INSERT INTO bus.outbox (id, subject, headers, payload) VALUES ($1, $2, $3, $4)', [
    id,
    subject,
    headers,
    payload,
  ]);
}

/** Many in one round trip; they leave in this order. */
export async function enqueueAll(em: EntityManager, messages: readonly OutgoingMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await em.query(
    `INSERT INTO bus.outbox (id, subject, headers, payload)
     SELECT id, subject, headers::jsonb, payload
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) WITH ORDINALITY AS m (id, subject, headers, payload, place)
     ORDER BY place`,
    outboxColumns(messages),
  );
}

/** Columns of the outbox's rows, in the order of the messages: id, subject, headers, payload. For functions that write them themselves. */
export function outboxColumns(messages: readonly OutgoingMessage[]): [string[], string[], string[], Buffer[]] {
  const rows = messages.map(toRow);
  return [
    rows.map(({ id }) => id),
    rows.map(({ subject }) => subject),
    rows.map(({ headers }) => headers),
    rows.map(({ payload }) => payload),
  ];
}

function toRow(message: OutgoingMessage): { id: string; subject: string; headers: string; payload: Buffer } {
  const payload = Buffer.from(JSON.stringify(message.payload));
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new KeywardError('request_too_large', `A message may have ${MAX_PAYLOAD_BYTES} bytes at most.`);
  }
  if (!SUBJECT.test(message.subject)) throw new TypeError('not a subject that can be published on');
  const headers = { ...message.headers };
  propagation.inject(context.active(), headers);
  return { id: message.id, subject: message.subject, headers: JSON.stringify(headers), payload };
}
