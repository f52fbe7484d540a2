import { createHash } from 'node:crypto';
import { Client, StreamableHTTPClientTransport, type Tool } from '@modelcontextprotocol/client';
import { ImportError } from '../import-error.js';
import { boundedFetch, isReachable } from '../source/bounded-fetch.js';
import { shapeProblem } from '../source/shape.js';

const CLIENT = { name: 'keyward', version: '0.1.0' };
const TIMEOUT_MS = 60_000;
const MAX_BYTES = 16 * 1_048_576;
const MAX_TOOLS = 5_000;

/** How a server wants to be authenticated to: not at all, by its own authorization server (RFC 9728), or by a token from elsewhere. */
export type McpAuth = 'none' | 'oauth' | 'token';

export interface McpTools {
  readonly tools: readonly Tool[];
  readonly title: string | undefined;
  readonly auth: McpAuth;
  readonly sha256: string;
}

/** Asks an MCP server over streamable HTTP what tools it has. @throws ImportError */
export async function readMcpTools(address: string, token: string | undefined): Promise<McpTools> {
  const url = new URL(address);
  if (!isReachable(url) || url.search !== '' || url.hash !== '')
    throw new ImportError(
      `${address} is no address of an MCP server: it must be https, without query and fragment.`,
      'Name the address alone.',
    );
  const auth = await authOf(address);
  if (auth !== 'none' && token === undefined)
    throw new ImportError(`${address} wants to know who asks.`, 'Put a token into a variable and name it: --token-env NAME');
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(url, {
    fetch: (target, init) => boundedly(url, target, init),
    requestInit: { headers },
    reconnectionOptions: { maxRetries: 0, initialReconnectionDelay: 0, maxReconnectionDelay: 0, reconnectionDelayGrowFactor: 1 },
  });
  const client = new Client(CLIENT, { versionNegotiation: { mode: 'auto' } });
  try {
    await client.connect(transport, { timeout: TIMEOUT_MS });
    const tools = await listAll(client);
    const problem = shapeProblem(tools);
    if (problem !== undefined)
      throw new ImportError(`The tools of ${address} can not be taken: ${problem}.`, 'Look at where they come from.');
    const title = client.getServerVersion();
    const sha256 = createHash('sha256').update(JSON.stringify(tools)).digest('hex');
    return { tools, title: title?.title ?? title?.name, auth, sha256 };
  } catch (cause) {
    if (cause instanceof ImportError) throw cause;
    const why = cause instanceof Error ? cause.message.slice(0, 300) : 'unknown';
    throw new ImportError(
      `${address} does not tell its tools (${why}).`,
      'See that it is an MCP server over streamable HTTP, and that the token is one for it.',
      { cause },
    );
  } finally {
    await client.close().catch(() => undefined);
  }
}

async function listAll(client: Client): Promise<Tool[]> {
  const tools: Tool[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTools(cursor === undefined ? undefined : { cursor }, { timeout: TIMEOUT_MS });
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor !== undefined && tools.length < MAX_TOOLS);
  return tools;
}

/** Whoever asks without a token is told what kind is wanted (RFC 9728 section 5.1). */
async function authOf(address: string): Promise<McpAuth> {
  const answer = await boundedFetch(address, MAX_BYTES, {
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', clientInfo: CLIENT, capabilities: {} },
    }),
  });
  if (answer.status !== 401 && answer.status !== 403) return 'none';
  return /resource_metadata=/i.test(answer.headers.get('www-authenticate') ?? '') ? 'oauth' : 'token';
}

/** The token stays with the server that it is for, and no answer fills the memory. */
async function boundedly(server: URL, target: string | URL, init: RequestInit | undefined): Promise<Response> {
  if (new URL(target).origin !== server.origin)
    throw new ImportError(`${server.origin} sends us on to another server.`, 'Name that address, if it is the right one.');
  const response = await fetch(typeof target === 'string' ? target : target.href, { ...init, redirect: 'manual' });
  if (response.body === null) return response;
  let length = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      length += chunk.length;
      if (length > MAX_BYTES) controller.error(new Error(`an answer is larger than ${MAX_BYTES} bytes`));
      else controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counted), { status: response.status, headers: response.headers });
}
