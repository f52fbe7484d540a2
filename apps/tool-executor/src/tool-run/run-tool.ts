import type { Tool } from '@keyward/connectors';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { deliverOutput } from './deliver-output.js';
import { runPages } from './run-pages.js';
import { runSteps } from './run-steps.js';

/**
 * Carries the tool out: its steps, or the pages of its listing. Resolves to the output, bounded.
 *
 * @throws KeywardError whatever the call ends with
 */
export async function runTool(parts: ExecutorParts, call: Call, tool: Tool, connection: UsableConnection): Promise<unknown> {
  if (tool.pagination !== null) return runPages(parts, call, tool, tool.pagination, connection);
  const { last, scope } = await runSteps(parts, call, tool, connection).catch((error: unknown) => {
    throw call.completedSteps.length === 0 ? error : halfDone(call, asKeywardError(error));
  });
  // Also of steps that may be sent twice: the same idempotency key is answered with this result from now on.
  [call.settled, call.uncertain] = [true, false];
  try {
    return await deliverOutput(parts, call, await tool.outputOf(last.answer, scope), last);
  } catch (error) {
    throw call.writes ? withoutOutput(asKeywardError(error)) : error;
  }
}

/** Nobody must take it for undone because something of ours was away, or because the answer is not what was expected. */
function withoutOutput(cause: KeywardError): KeywardError {
  if (cause.code === 'response_too_large') return cause;
  const code = cause.code === 'dependency_unavailable' ? 'response_too_large' : cause.code;
  return new KeywardError(code, `The call was carried out, but without an output: ${cause.message}`, {
    details: cause.details,
    cause,
  });
}

/** Some of it is done, so whatever stopped it is no invitation to begin anew. */
function halfDone({ completedSteps, signal, uncertain }: Call, cause: KeywardError): KeywardError {
  const done = `It was carried out in part (${completedSteps.join(', ')}) and then stopped`;
  return new KeywardError(signal.aborted || uncertain ? cause.code : 'provider_error', `${done}: ${cause.message}`, {
    details: { ...cause.details, completedSteps: [...completedSteps] },
    cause,
  });
}
