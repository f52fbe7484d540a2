import { buildAuditEvent, type AuditEventFields } from '@keyward/audit';
import { newId, subjects, type ConnectionEvent, type ConnectionEventName } from '@keyward/contracts';
import { enqueue } from '@keyward/postgres';
import type { EntityManager } from 'typeorm';
import { currentTraceId } from './trace-id.js';

export type Actor = AuditEventFields['actor'];
export const SERVICE: Actor = { kind: 'service', id: 'auth-service' };

/** Of a workspace connection there is no user and no agent. */
type Owner = { [member in 'user' | 'agent']?: string | null | undefined };

/** An audit event, in the transaction that makes it true: neither happens without the other. */
export async function recordAudit(
  em: EntityManager,
  { user, agent, ...fields }: Omit<AuditEventFields, 'traceId' | keyof Owner> & Owner,
): Promise<void> {
  const owner = { user: user ?? undefined, agent: agent ?? undefined };
  const event = buildAuditEvent({ ...fields, ...owner, traceId: currentTraceId() });
  await enqueue(em, { id: event.id, subject: subjects.audit(event.org), payload: event });
}

export interface ConnectionRef {
  org: string;
  connection: string;
  user: string | null;
  provider: string;
  agent: string | null;
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
