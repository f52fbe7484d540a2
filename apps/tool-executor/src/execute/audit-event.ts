import { createHash } from 'node:crypto';
import { buildAuditEvent, recordedArguments } from '@keyward/audit';
import { microsOf, type AuditEvent, type ExecutionRequested, type ExecutionResult } from '@keyward/contracts';
import type { Call } from './call.js';
import type { Outcome } from './outcome.js';

/**
 * Id and time follow from the execution and its result, so that a result which is answered again after a redelivery is recorded as
 * the same event and not as a second one.
 *
 * @param options.arguments whether it shows the arguments, redacted: those that were found valid, as in others anything may stand anywhere
 */
export function auditEventOf(
  call: Call,
  outcome: Outcome,
  result: ExecutionResult,
  options: { arguments: boolean } = { arguments: false },
): AuditEvent {
  const { request, tool } = call;
  const at = new Date(Date.parse(request.requestedAt) + result.durationMs);
  const isWaiting = result.waitingFor !== undefined;
  const event = buildAuditEvent(
    {
      type: isWaiting ? 'execution.waiting' : 'execution.completed',
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
      ...(result.waitingFor === undefined ? {} : { reason: `${result.waitingFor.reason}, until ${result.waitingFor.expiresAt}` }),
      ...(result.toolVersion === undefined ? {} : { toolVersion: result.toolVersion }),
      ...(tool === undefined ? {} : { provider: tool.provider.name }),
      ...(result.nativeTool === undefined ? {} : { nativeTool: result.nativeTool }),
      ...(result.connection === null ? {} : { connection: result.connection }),
      ...(options.arguments ? argumentsOf(call) : {}),
      ...(result.cost === undefined ? {} : { costMicros: microsOf(result.cost.amount) }),
      ...(result.error === undefined ? {} : { errorCode: result.error.code }),
      ...(result.error?.providerStatus === undefined ? {} : { providerStatus: result.error.providerStatus }),
    },
    at,
  );
  return { ...event, id: isWaiting ? waitingId(request) : `evt_${request.id.slice(-32)}` };
}

/** Each time that it begins to wait is an event of its own. */
function waitingId({ id, resumed }: ExecutionRequested): string {
  return `evt_${createHash('sha256')
    .update(`${id} waits ${resumed?.epoch ?? 1}`)
    .digest('hex')
    .slice(0, 32)}`;
}

/** So that nobody counts what happened once as having happened twice. */
function repetition(id: string, outcome: Outcome): { reason?: string } {
  if (!('stored' in outcome) || outcome.stored.id === id) return {};
  return { reason: `nothing was sent: the same idempotency key was used for ${outcome.stored.id}` };
}

/** Of a unified tool those of the tool behind it, which knows what of them is sensitive. */
function argumentsOf({ tool, areArgumentsValid, arguments: args }: Call): Pick<AuditEvent, 'arguments'> {
  if (tool === undefined || !areArgumentsValid) return {};
  return { arguments: recordedArguments(args, { sensitive: tool.sensitive, schema: tool.inputSchema }) };
}
