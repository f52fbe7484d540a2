import type { Arguments } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { EgressError, type EgressResponse } from '@keyward/egress';
import { Client, ProtocolError, SdkError, SdkErrorCode, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Attempt } from '../judge.js';
import { McpExchange, type McpRequest } from './mcp-exchange.js';
import type { McpServers } from './mcp-servers.js';

/** A call of a tool at an upstream MCP server (streamable HTTP, revisions 2024-11-05 to 2026-07-28). */
export interface McpToolCall {
  readonly url: string;
  /** Lower-case names. What the protocol itself says in headers is not taken from here. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tool: string;
  readonly arguments: Arguments;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const CLIENT = { name: 'keyward', version: '0.1.0' };
/** Streams end with their answer; nothing is picked up again. */
const NO_RECONNECTION = { maxRetries: 0, initialReconnectionDelay: 0, maxReconnectionDelay: 0, reconnectionDelayGrowFactor: 1 };
/** For saying goodbye to a server that keeps a session; a call with little time left does without. */
const GOODBYE_MS = 500;

/**
 * What the server answered, as an HTTP answer to be judged like any other: where it refused by status, that; else status 200 with the
 * result of the tool, or with `{error: {code, message}}` (JSON-RPC 2.0 section 5.1), as JSON.
 *
 * @param send one HTTP request
 */
export async function callMcpTool(
  servers: McpServers,
  { url, headers, tool, arguments: args, timeoutMs, signal }: McpToolCall,
  send: (request: McpRequest) => Promise<EgressResponse>,
): Promise<Attempt> {
  const exchange = new McpExchange(url, send);
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: exchange.fetch,
    requestInit: { headers: withoutProtocol(headers) },
    reconnectionOptions: NO_RECONNECTION,
  });
  const client = new Client(CLIENT, { versionNegotiation: { mode: 'auto' } });
  const prior = servers.priorOf(url);
  const endsAt = performance.now() + timeoutMs;
  let isCalled = false;
  try {
    await client.connect(transport, { timeout: timeoutMs, signal, ...(prior === undefined ? {} : { prior }) });
    isCalled = true;
    const result = await client.callTool({ name: tool, arguments: args }, { timeout: timeoutMs, signal });
    servers.learn(url, client);
    return answered(exchange, result);
  } catch (error) {
    // Perhaps because it speaks another revision by now.
    servers.forget(url);
    const ended = endedBy(error, signal, isCalled);
    if (ended !== undefined) return { error: ended };
    return isCalled ? failedCall(exchange, error) : failedHandshake(exchange, error);
  } finally {
    const isHeard = exchange.failure === undefined && !signal.aborted && endsAt - performance.now() > 2 * GOODBYE_MS;
    if (isHeard) await goodbye(transport);
    await client.close();
  }
}

/** The client says these itself, as the revision wants them. */
function withoutProtocol(headers: McpToolCall['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('mcp-') && name !== 'content-type'));
}

function answered({ response }: McpExchange, content: unknown): Attempt {
  const headers = { ...response?.headers, 'content-type': 'application/json' };
  return { response: { status: 200, headers, body: Buffer.from(JSON.stringify(content)) } };
}

/** Where the client itself gave up, before its request did or after it. */
function endedBy(error: unknown, { aborted, reason }: AbortSignal, isCalled: boolean): EgressError | undefined {
  if (aborted && reason instanceof KeywardError) return new EgressError(reason.code, reason.message, isCalled, { cause: reason });
  const isLate = error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout;
  return isLate
    ? new EgressError('deadline_exceeded', 'The provider did not answer in time.', isCalled, { cause: error })
    : undefined;
}

function failedCall(exchange: McpExchange, error: unknown): Attempt {
  const { failure, response } = exchange;
  if (failure !== undefined) return { error: failure };
  if (response !== undefined && response.status >= 300) return { response };
  if (error instanceof ProtocolError) return answered(exchange, { error: { code: error.code, message: error.message } });
  return { error: unusable(true, error) };
}

/** Nothing was asked of a tool yet, so however this failed, nothing was carried out. */
function failedHandshake(exchange: McpExchange, error: unknown): Attempt {
  const { failure, response } = exchange;
  if (failure !== undefined) return { error: notCarriedOut(failure) };
  if (response === undefined || response.status < 300) return { error: unusable(false, error) };
  if (response.status < 500 && response.status !== 408) return { response };
  const refusal = `The MCP server answered with status ${response.status} before its tool could be called.`;
  return { error: new EgressError('provider_unavailable', refusal, false, { cause: error }) };
}

function notCarriedOut(failure: EgressError): EgressError {
  const { code, message, denial, requestMayHaveBeenProcessed } = failure;
  if (!requestMayHaveBeenProcessed) return failure;
  return new EgressError(code, message, false, { cause: failure, ...(denial === undefined ? {} : { denial }) });
}

function unusable(isCalled: boolean, cause: unknown): EgressError {
  return new EgressError('provider_error', 'The MCP server’s answer is not one of the protocol.', isCalled, { cause });
}

/** Earlier revisions keep a session per client until it says that it leaves. */
async function goodbye(transport: StreamableHTTPClientTransport): Promise<void> {
  if (transport.sessionId === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)));
  // Nobody waits for what a server makes of it.
  await Promise.race([transport.terminateSession().catch(() => undefined), late]);
  clearTimeout(timer);
}
