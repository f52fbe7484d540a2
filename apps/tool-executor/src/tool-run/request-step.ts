import type { PageRequest, Scope, Step, Tool } from '@keyward/connectors';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import type { Outgoing } from '../provider/attempt.js';
import { callProvider } from '../provider/call-provider.js';
import { mcpResult } from '../provider/mcp/mcp-result.js';
import { receivedFrom, type Received } from '../provider/output.js';

/** Where a run is: what its requests are made of, and the connection as the last one left it. */
export interface Course {
  readonly scope: Scope;
  readonly connection: UsableConnection;
}

/** The request of one step, sent until it is answered. @throws KeywardError whatever the call ends with */
export async function requestStep(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  step: Step,
  { scope, connection }: Course,
  page?: PageRequest,
): Promise<{ received: Received; course: Course }> {
  let readAs: Outgoing['readAs'] = 'json';
  const answered = await callProvider(parts, call, {
    ...{ tool, step, connection, repeatable: step.repeatable, idempotent: tool.idempotent },
    render: async (current) => {
      const outgoing = await render(step, within(scope, connection, current), page);
      readAs = outgoing.readAs;
      return outgoing;
    },
  });
  const course = { scope: within(scope, connection, answered.connection), connection: answered.connection };
  const received = receivedFrom(answered.response, readAs);
  if (step.kind !== 'mcp') return { received, course };
  return { received: { ...received, answer: { ...received.answer, body: mcpResult(received.answer.body) } }, course };
}

export async function render(step: Step, scope: Scope, page?: PageRequest): Promise<Outgoing> {
  const request = await step.render(scope, page);
  if (step.mcp === undefined) return request;
  return { ...request, mcp: { tool: step.mcp.tool, arguments: await step.mcp.arguments(scope) } };
}

/** A new token may come with another host, or other parameters. */
function within(scope: Scope, before: UsableConnection, now: UsableConnection): Scope {
  return now === before ? scope : { ...scope, connection: now.parameters, provider: now.provider };
}
