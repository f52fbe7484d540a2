import { buildAuditEvent, type AuditEventFields } from '@keyward/audit';
import { newId, subjects, type ConnectionEvent, type ConnectionEventName } from '@keyward/contracts';
import { enqueue } from '@keyward/postgres';
import type { Also, RefreshableCredential } from '@keyward/postgres-vault';
import { trace } from '@opentelemetry/api';

const ACTOR = { kind: 'service', id: 'token-refresher' } as const;
const NO_TRACE = '0'.repeat(32);

/** What is told about a connection, written in the transaction that makes it true. */
export const events = {
  refreshed:
    (row: RefreshableCredential, scopes: string[] | undefined, durationMs: number): Also =>
    async (em) => {
      const generation = row.generation + 1;
      await enqueueConnectionEvent(em, row, 'refreshed', generation);
      if (scopes !== undefined) await enqueueConnectionEvent(em, row, 'scopes_changed', generation);
      await enqueueAudit(em, row, { type: 'connection.refreshed', generation, durationMs, ...(scopes && { scopes }) });
    },

  failed:
    (
      row: RefreshableCredential,
      error: { code: AuditEventFields['errorCode']; providerStatus?: number | undefined },
      reason: string,
    ): Also =>
    (em) =>
      enqueueAudit(em, row, {
        type: 'connection.refresh_failed',
        generation: row.generation,
        reason,
        ...(error.code && { errorCode: error.code }),
        ...(error.providerStatus !== undefined && { providerStatus: error.providerStatus }),
      }),

  needsReauthorization:
    (row: RefreshableCredential, reason: string): Also =>
    async (em) => {
      await enqueueConnectionEvent(em, row, 'needs_reauthorization', row.generation, reason);
      await enqueueAudit(em, row, { type: 'connection.needs_reauthorization', generation: row.generation, reason });
    },
};

type EntityManager = Parameters<Also>[0];

async function enqueueConnectionEvent(
  em: EntityManager,
  row: RefreshableCredential,
  event: ConnectionEventName,
  generation: number,
  reason?: string,
): Promise<void> {
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
  await enqueue(em, { id: payload.id, subject: subjects.connectionEvent(event, row.org), payload });
}

async function enqueueAudit(
  em: EntityManager,
  row: RefreshableCredential,
  fields: Omit<AuditEventFields, 'org' | 'actor' | 'traceId'>,
): Promise<void> {
  const payload = buildAuditEvent({
    ...fields,
    org: row.org,
    actor: ACTOR,
    traceId: trace.getActiveSpan()?.spanContext().traceId ?? NO_TRACE,
    ...(row.agent === null ? {} : { agent: row.agent }),
    ...(row.user === null ? {} : { user: row.user }),
    provider: row.provider,
    connection: row.connection,
  });
  await enqueue(em, { id: payload.id, subject: subjects.audit(row.org), payload });
}
