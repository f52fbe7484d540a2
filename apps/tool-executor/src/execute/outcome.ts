import { amountOf, asKeywardError, KeywardError, toProblem, type ExecutionResult, type ExecutionState } from '@keyward/contracts';
import type { Call } from './call.js';

/** How a call ended. `stored`: it had ended before, and that is what it is answered with. `waits`: it has not ended. */
export type Outcome = { output: unknown } | { error: KeywardError } | { stored: ExecutionResult } | { waits: ExecutionResult };

/** Pauses before the 2nd, 3rd … delivery of a message; the last one repeats. */
export const REDELIVERY_MS = [100, 250, 1000, 2000, 5000] as const;
const LARGEST_JITTER = 1.5;

/**
 * What `work` came to. An error is an outcome like any other, with one exception: when something of ours was away and nothing has
 * happened yet, the message is left to come again while its deadline allows. Of a write that was sent and not answered, no error says
 * more than that its outcome is unknown.
 */
export async function outcomeOf(call: Call, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (thrown) {
    const error = asKeywardError(thrown);
    if (mayComeAgain(call, error)) throw error;
    return { error: call.uncertain ? unknownOutcome(call, error) : error };
  }
}

function mayComeAgain(call: Call, { code }: KeywardError): boolean {
  if (code !== 'dependency_unavailable') return false;
  if (mayHaveWritten(call) && call.historyUnknown) return true;
  if (call.writes && call.epoch !== undefined) return false;
  const pause = REDELIVERY_MS[Math.min(call.deliveries, REDELIVERY_MS.length) - 1] ?? REDELIVERY_MS[0];
  return pause * LARGEST_JITTER < call.msLeft;
}

/** Of a tool that could not be looked up nobody knows that it only reads. */
function mayHaveWritten({ tool, writes, request }: Call): boolean {
  return writes || (tool === undefined && !request.dryRun);
}

/** Nobody can say whether the provider carried the call out, and sending it again could do it twice. What is known is said. */
export function unknownOutcome({ notSentBefore, completedSteps }: Call, cause: KeywardError): KeywardError {
  const details = {
    ...cause.details,
    ...(notSentBefore === undefined ? {} : { sentAt: notSentBefore }),
    ...(completedSteps.length === 0 ? {} : { completedSteps: [...completedSteps] }),
  };
  return new KeywardError('outcome_unknown', `The provider may have carried out this call. ${cause.message}`, { details, cause });
}

function stateOf(call: Call, error: KeywardError): ExecutionState {
  if (error.code === 'outcome_unknown') return 'unknown';
  if (error.code === 'cancelled') return 'cancelled';
  if (error.code === 'deadline_exceeded' && call.attempts === call.attemptsBefore) return 'expired';
  // What is not allowed, as opposed to what went wrong.
  return error.httpStatus === 403 ? 'denied' : 'failed';
}

/** @param currency of what tools declare to cost */
export function resultOf(call: Call, outcome: Outcome, currency: string): ExecutionResult {
  const { request, traceId, connection, attempts } = call;
  const common = {
    id: request.id,
    tool: request.tool,
    connection: connection?.id ?? null,
    attempts,
    durationMs: Math.round(call.durationMs),
    traceId,
    ...(call.tool === undefined ? {} : { toolVersion: call.tool.version }),
    ...call.behind,
    ...(call.rateLimit === undefined ? {} : { rateLimit: call.rateLimit }),
    ...costOf(call, currency),
  };
  if ('stored' in outcome) {
    // A repetition under the same idempotency key gets the first result, as the answer to its own id.
    if (outcome.stored.id === request.id) return outcome.stored;
    const { cost: _paid, ...first } = outcome.stored;
    return { ...first, id: request.id, traceId };
  }
  if ('waits' in outcome) return outcome.waits;
  if ('output' in outcome) return { ...common, state: 'succeeded', output: outcome.output };
  const { error } = outcome;
  return { ...common, state: stateOf(call, error), error: toProblem(error, traceId) };
}

/** Once for an execution, however often it was sent; and what nothing was sent of costs nothing. */
function costOf({ tool, hasSent, isInterrupted, isFree }: Call, currency: string): Pick<ExecutionResult, 'cost'> {
  const micros = tool?.costMicros ?? null;
  if (micros === null || isFree || !(hasSent || isInterrupted)) return {};
  return { cost: { amount: amountOf(micros), currency } };
}
