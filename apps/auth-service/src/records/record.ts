import { buildAuditEvent, type AuditEventFields } from '@keyward/audit';
import { newId, subjects, type ConnectionEvent, type ConnectionEventName } from '@keyward/contracts';
import { enqueue } from '@keyward/postgres';
import type { EntityManager } from 'typeorm';
import { currentTraceId } from './trace-id.js';

export type Actor = AuditEventFields['actor'];
export const SERVICE: Actor = { kind: 'service', id: 'auth-service' };

/** An audit event, in the transaction that makes it true: neither happens without the other. */
export async function recordAudit(em: EntityManager, fields: Omit<AuditEventFields, 'traceId'>): Promise<void> {
  const event = buildAuditEvent({ ...fields, traceId: currentTraceId() });
  await enqueue(em, { id: event.id, subject: subjects.audit(event.org), payload: event });
}

export interface ConnectionRef {
  org: string;
  connection: string;
  user: string;
  provider: string;
  agent: string;
}

/** A connection event, likewise. */
export async function recordConnectionEvent(
  em: EntityManager,
  name: ConnectionEventName,
  ref: ConnectionRef,
  details: { generation: number; reason?: string },
): Promise<void> {
  const { org, connection, user, provider, agent } = ref;
  const event: ConnectionEvent = {
    id: newId('msg'),
    event: name,
    at: new Date().toISOString(),
    org,
    connection,
    user,
    provider,
    agent,
    ...details,
  };
  await enqueue(em, { id: event.id, subject: subjects.connectionEvent(name, org), payload: event });
}
