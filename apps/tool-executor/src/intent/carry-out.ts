import type { Tool } from '@keyward/connectors';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { Outcome } from '../execute/outcome.js';
import type { ExecutorParts } from '../execute/parts.js';
import { pause } from '../execute/pause.js';
import { deliverOutput } from '../tool-run/deliver-output.js';
import { requestStep } from '../tool-run/request-step.js';
import { runTool } from '../tool-run/run-tool.js';
import { scopeOf } from '../tool-run/scope.js';
import { interrupted } from './intents.js';

/** Pauses before each look: what was sent a moment ago may show a moment later. */
const LOOKS_AFTER_MS = [0, 300, 1_000] as const;
/** A call whose time is over is still worth a look, as long as whoever waits for it does. */
const LOOKING_MS = 1_500;

/**
 * Carries the tool out, once. Where it is not known whether it was, now or by a process that ended, the provider is asked, if the tool says
 * how; what is found is the answer. What is not found stays unknown: it may yet come.
 *
 * @throws KeywardError whatever the call ends with
 */
export async function carryOut(parts: ExecutorParts, call: Call, tool: Tool, connection: UsableConnection): Promise<unknown> {
  try {
    if (call.uncertain && !tool.idempotent) throw interrupted();
    return await runTool(parts, call, tool, connection);
  } catch (error) {
    const found = call.uncertain ? await lookFor(parts, call, tool, connection, call.key) : undefined;
    if (found === undefined) throw error;
    [call.uncertain, call.settled] = [false, true];
    return found.output;
  }
}

/** An earlier call under the same idempotency key is the answer. Where its outcome was not known, the provider may know by now. */
export async function earlierOutcome(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  earlier: Outcome,
): Promise<Outcome> {
  call.isFree = !call.isInterrupted;
  if (!('stored' in earlier) || earlier.stored.state !== 'unknown') return earlier;
  const found = await lookFor(parts, call, tool, connection, earlier.stored.id);
  if (found === undefined) return earlier;
  const { error: _unknown, ...rest } = earlier.stored;
  const stored = { ...rest, state: 'succeeded' as const, output: found.output };
  await parts.intents.resolve(call, stored);
  return { stored };
}

/** @param key of the write that is looked for @returns undefined: it is not there, or nobody can tell */
async function lookFor(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  key: string,
): Promise<{ output: unknown } | undefined> {
  const { probe } = tool;
  if (probe === null || call.signal.aborted) return undefined;
  call.lastAtLeast(LOOKING_MS);
  const scope = { ...scopeOf(call, connection), key };
  for (const afterMs of LOOKS_AFTER_MS) {
    if (afterMs >= call.msLeft) return undefined;
    try {
      await pause(call, afterMs);
      const { received, course } = await requestStep(parts, call, tool, probe.step, { scope, connection });
      const output = await probe.found(received.answer, course.scope);
      if (output !== undefined) return { output: await deliverOutput(parts, call, output, received) };
    } catch {
      // That the provider does not answer this either says nothing of the write.
    }
  }
  return undefined;
}
