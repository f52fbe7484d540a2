import { buildAuditEvent, type AuditEventFields } from '@keyward/audit';
import {
  newId,
  subjects,
  type ConnectionEvent,
  type ConnectionEventName,
  type ProviderAppEvent,
  type ProviderAppEventName,
} from '@keyward/contracts';
import type { OutgoingMessage } from '@keyward/postgres';
import type { RefreshableCredential, StoredProviderApp } from '@keyward/postgres-vault';
import { trace } from '@opentelemetry/api';

const ACTOR = { kind: 'service', id: 'token-refresher' } as const;
const NO_TRACE = '0'.repeat(32);

/** What is told about a connection or a registration, to be written in the transaction that makes it true. */
export const events = {
  refreshed(row: RefreshableCredential, scopes: string[] | undefined, durationMs: number): OutgoingMessage[] {
    const generation = row.generation + 1;
    return [
      connectionEvent(row, 'refreshed', generation),
      ...(scopes === undefined ? [] : [connectionEvent(row, 'scopes_changed', generation)]),
      audit(row, { type: 'connection.refreshed', generation, durationMs, ...(scopes && { scopes }) }),
      ...(scopes === undefined ? [] : [audit(row, { type: 'connection.scopes_changed', generation, scopes })]),
    ];
  },

  failed(
    row: RefreshableCredential,
    error: { code: AuditEventFields['errorCode']; providerStatus?: number | undefined },
    reason: string,
  ): OutgoingMessage[] {
    return [
      audit(row, {
        type: 'connection.refresh_failed',
        generation: row.generation,
        reason,
        ...(error.code && { errorCode: error.code }),
        ...(error.providerStatus !== undefined && { providerStatus: error.providerStatus }),
      }),
    ];
  },

  needsReauthorization(row: RefreshableCredential, reason: string): OutgoingMessage[] {
    return [
      connectionEvent(row, 'needs_reauthorization', row.generation, reason),
      audit(row, { type: 'connection.needs_reauthorization', generation: row.generation, reason }),
    ];
  },

  app(row: RefreshableCredential, app: StoredProviderApp, event: ProviderAppEventName, reason?: string): OutgoingMessage[] {
    const payload: ProviderAppEvent = {
      id: newId('msg'),
      event,
      at: new Date().toISOString(),
      org: row.org,
      providerApp: app.id,
      provider: row.provider,
      ...(reason === undefined ? {} : { reason }),
    };
    const fields = { type: `provider_app.${event}`, org: row.org, provider: row.provider } as const;
    return [
      { id: payload.id, subject: subjects.providerAppEvent(event, row.org), payload },
      auditMessage({ ...fields, ...(reason === undefined ? {} : { reason }) }),
    ];
  },
};

function connectionEvent(
  row: RefreshableCredential,
  event: ConnectionEventName,
  generation: number,
  reason?: string,
): OutgoingMessage {
  const payload: ConnectionEvent = {
    id: newId('msg'),
    event,
    at: new Date().toISOString(),
    org: row.org,
    connection: row.connection,
    user: row.user,
    provider: row.provider,
    agent: row.agent,
    generation,
    ...(reason === undefined ? {} : { reason }),
  };
  return { id: payload.id, subject: subjects.connectionEvent(event, row.org), payload };
}

function audit(row: RefreshableCredential, fields: Omit<AuditEventFields, 'org' | 'actor' | 'traceId'>): OutgoingMessage {
  return auditMessage({
    ...fields,
    org: row.org,
    ...(row.agent === null ? {} : { agent: row.agent }),
    ...(row.user === null ? {} : { user: row.user }),
    provider: row.provider,
    connection: row.connection,
  });
}

function auditMessage(fields: Omit<AuditEventFields, 'actor' | 'traceId'>): OutgoingMessage {
  const traceId = trace.getActiveSpan()?.spanContext().traceId ?? NO_TRACE;
  const payload = buildAuditEvent({ ...fields, actor: ACTOR, traceId });
  return { id: payload.id, subject: subjects.audit(fields.org), payload };
}
