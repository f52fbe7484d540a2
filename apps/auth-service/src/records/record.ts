import { buildAuditEvent, type AuditEventFields } from '@keyward/audit';
import { newId, subjects, type ConnectionEvent, type ConnectionEventName } from '@keyward/contracts';
import { enqueue, type OutgoingMessage } from '@keyward/postgres';
import { currentTraceId } from '@keyward/service-host';
import type { EntityManager } from 'typeorm';

export type Actor = AuditEventFields['actor'];
export const SERVICE: Actor = { kind: 'service', id: 'auth-service' };

/** Of a workspace connection there is no user and no agent. */
type Owner = { [member in 'user' | 'agent']?: string | null | undefined };

type AuditFields = Omit<AuditEventFields, 'traceId' | keyof Owner> & Owner;

/** An audit event, in the transaction that makes it true: neither happens without the other. */
export async function recordAudit(em: EntityManager, fields: AuditFields): Promise<void> {
  await enqueue(em, auditMessage(fields));
}

export function auditMessage({ user, agent, ...fields }: AuditFields): OutgoingMessage {
  const owner = { user: user ?? undefined, agent: agent ?? undefined };
  const event = buildAuditEvent({ ...fields, ...owner, traceId: currentTraceId() });
  return { id: event.id, subject: subjects.audit(event.org), payload: event };
}

export interface ConnectionRef {
  org: string;
  connection: string;
  user: string | null;
  provider: string;
  agent: string | null;
}

interface ConnectionEventDetails {
  generation: number;
  reason?: string;
}

/** A connection event, likewise. */
export async function recordConnectionEvent(
  em: EntityManager,
  name: ConnectionEventName,
  ref: ConnectionRef,
  details: ConnectionEventDetails,
): Promise<void> {
  await enqueue(em, connectionEventMessage(name, ref, details));
}

export function connectionEventMessage(
  name: ConnectionEventName,
  { org, connection, user, provider, agent }: ConnectionRef,
  details: ConnectionEventDetails,
): OutgoingMessage {
  const id = newId('msg');
  const at = new Date().toISOString();
  const event: ConnectionEvent = { id, event: name, at, org, connection, user, provider, agent, ...details };
  return { id, subject: subjects.connectionEvent(name, org), payload: event };
}
