import type { Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import { render } from './request-step.js';
import { scopeOf } from './scope.js';

/** What a dry run shows: the first request as it would leave, without the credential. */
interface Preview {
  dryRun: true;
  request: {
    method: string;
    url: string;
    headers: Readonly<Record<string, string>>;
    /** Bytes in base64. */
    body?: string | { base64: string };
    /** Of a tool of an MCP server. */
    mcp?: { tool: string; arguments: Readonly<Record<string, unknown>> };
  };
  /** Steps after the first: they are made of its answer. */
  furtherSteps?: string[];
}

/** @throws KeywardError as the call itself would, up to its first request */
export async function preview(call: Call, tool: Tool, connection: UsableConnection): Promise<Preview> {
  const [first, ...others] = tool.steps;
  if (first === undefined) throw new KeywardError('internal', 'A tool without a step was called.');
  const whole = scopeOf(call, connection);
  // Of a step that is sent once per item the first one is shown.
  const scope = (await first.each?.(whole))?.[0] ?? whole;
  const wanted = tool.pagination?.wantedOf(scope.args);
  const page = wanted === undefined ? undefined : { wanted: wanted.limit, position: wanted.position };
  const { method, url, headers, body, mcp } = await render(first, scope, page);
  return {
    dryRun: true,
    request: {
      ...{ method, url, headers },
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? { base64: body.toString('base64') } : body }),
      ...(mcp === undefined ? {} : { mcp }),
    },
    ...(others.length === 0 ? {} : { furtherSteps: others.map(({ id }) => id) }),
  };
}
