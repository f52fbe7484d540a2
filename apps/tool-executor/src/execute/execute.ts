import type { ToolCall } from '@keyward/connectors';
import { asKeywardError, KeywardError, type ExecutionResult } from '@keyward/contracts';
import { requireConnection } from '../connection/require-connection.js';
import { carryOut, earlierOutcome } from '../intent/carry-out.js';
import { bounded } from '../provider/output.js';
import { preview } from '../tool-run/preview.js';
import { auditEventOf } from './audit-event.js';
import { authorise } from './authorise.js';
import type { Call } from './call.js';
import { callQuery } from './call-query.js';
import { outcomeOf, resultOf } from './outcome.js';
import type { ExecutorParts } from './parts.js';

/**
 * One execution, from the message to its result. The order of these lines is what the security of a call rests on; each of them
 * throws when it must not go on, and what it throws becomes the result.
 *
 * Throws only when no result may leave: the audit trail does not acknowledge, or something of ours is away and nothing has happened
 * yet. The message then comes again.
 */
export async function execute(parts: ExecutorParts, call: Call): Promise<ExecutionResult> {
  const { request } = call;
  const ended = await outcomeOf(call, async () => {
    const asked = await askedOf(parts, call);
    const earlier = await parts.intents.resume(call); //           a write that was interrupted is never begun anew
    if (earlier !== undefined) return earlier;
    if (asked instanceof KeywardError) throw asked;
    const { tool } = asked; //                                      of a unified one: the tool behind it
    call.assertWanted();
    call.accept(await asked.argumentsOf()); //                      valid
    const askedAt = performance.now();
    const grant = await parts.calls.openForCall(callQuery(request, tool)); // assignment and connection, one round trip
    parts.metrics.decide(askedAt, () => authorise(tool, grant));
    const connection = await requireConnection(parts, call, tool, grant); //  the agent may use it, active, with the scopes
    if (request.dryRun) return { output: bounded(await preview(call, tool, connection), parts.maxOutputBytes) };
    const claimed = parts.budgets.claim(call, tool); //             within its budgets, over all replicas
    if (claimed !== undefined) await claimed; //                    shares of theirs are mostly at hand
    const first = await parts.intents.begin(call, connection.id); //  writes: the intent is stored before anything is sent
    if (first !== undefined) return earlierOutcome(parts, call, tool, connection, first); // the same idempotency key, answered before
    return { output: await carryOut(parts, call, tool, connection) }; // steps and pages: credential, egress, retries, refresh
  });
  const outcome = await parts.waiting.insteadOf(call, ended); //     what a person can help with waits, if the caller does
  const result = await parts.intents.finish(call, outcome, resultOf(call, outcome, parts.currency));
  await parts.audit.record(auditEventOf(call, outcome, result, parts.recorded)); // no acknowledgement, no result
  parts.budgets.settle(call); //                                   what was not sent is not used
  return result;
}

/** That there is none (any more) is told only once it is known what an earlier delivery has done. @throws KeywardError `dependency_unavailable` */
async function askedOf({ catalogs }: ExecutorParts, call: Call): Promise<ToolCall | KeywardError> {
  const catalog = await catalogs.of(call.request.org);
  try {
    return call.resolved(catalog.call(call.request.tool, call.request.arguments));
  } catch (thrown) {
    return asKeywardError(thrown);
  }
}
