import { buildAuditEvent } from '@keyward/audit';
import type { AuditEvent, ExecutionResult } from '@keyward/contracts';
import type { Call } from './call.js';
import type { Outcome } from './outcome.js';

/**
 * Id and time follow from the execution and its result, so that a result which is answered again after a redelivery is recorded as
 * the same event and not as a second one.
 */
export function auditEventOf({ request, tool }: Call, outcome: Outcome, result: ExecutionResult): AuditEvent {
  const at = new Date(Date.parse(request.requestedAt) + result.durationMs);
  const event = buildAuditEvent(
    {
      type: 'execution.completed',
      org: request.org,
      actor: { kind: 'agent', id: request.agent },
      traceId: result.traceId,
      agent: request.agent,
      user: request.user,
      execution: request.id,
      tool: request.tool,
      state: result.state,
      attempts: result.attempts,
      durationMs: result.durationMs,
      ...repetition(request.id, outcome),
      ...(tool === undefined ? {} : { provider: tool.provider.name }),
      ...(result.connection === null ? {} : { connection: result.connection }),
      ...(result.error === undefined ? {} : { errorCode: result.error.code }),
      ...(result.error?.providerStatus === undefined ? {} : { providerStatus: result.error.providerStatus }),
    },
    at,
  );
  return { ...event, id: `evt_${request.id.slice(-32)}` };
}

/** So that nobody counts what happened once as having happened twice. */
function repetition(id: string, outcome: Outcome): { reason?: string } {
  if (!('stored' in outcome) || outcome.stored.id === id) return {};
  return { reason: `nothing was sent: the same idempotency key was used for ${outcome.stored.id}` };
}
