import type { Arguments, RenderedRequest, Step } from '@keyward/connectors';
import { privateKeyContext, validMs } from '@keyward/credentials';
import { EgressError, type ClientCertificate, type EgressRequest, type InjectedCredential } from '@keyward/egress';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import type { Attempt } from './judge.js';
import type { McpRequest } from './mcp/mcp-exchange.js';

type Parts = Pick<ExecutorParts, 'artifacts' | 'credentials' | 'egress' | 'mcpServers' | 'metrics' | 'maxOutputBytes'>;

/** A request as it goes out. */
export interface Outgoing extends RenderedRequest {
  /** The tool of an upstream MCP server that is called at the address. */
  readonly mcp?: { readonly tool: string; readonly arguments: Arguments };
}

/** What a request shows of us, and what it keeps to itself. */
type Shown = Pick<EgressRequest, 'credential' | 'withheld' | 'tls' | 'mayLeave'>;

/**
 * One request. Credential and key are open for the time of it, pauses between requests not included.
 *
 * @returns `outlived`: the token had expired when the request could have left, so it was not sent. Opening the credential and connecting
 * may take seconds, and a call may have waited before.
 */
export function attempt(
  parts: Parts,
  call: Call,
  step: Step,
  connection: UsableConnection,
  outgoing: Outgoing,
): Promise<Attempt | 'outlived'> {
  const { id, provider, generation, sealedAccess } = connection;
  call.assertWanted();
  if (id === null || sealedAccess === null) return sendOnce(parts, call, step, connection, outgoing, {});
  const { org } = call.request;
  const open = (use: (credential: InjectedCredential) => Promise<Attempt | 'outlived'>) =>
    parts.credentials.open({ org, connection: id, generation, sealedAccess }, (secret) =>
      use({ ...provider.credential, secret }),
    );
  // An address that an answer told gets neither: what it sends back may hold the credential all the same.
  if (!outgoing.credential) return open((withheld) => sendOnce(parts, call, step, connection, outgoing, { withheld }));
  return withCertificate(parts, org, connection, (tls) =>
    open((credential) => sendOnce(parts, call, step, connection, outgoing, { ...tls, credential })),
  );
}

function withCertificate<T>(
  { credentials }: Parts,
  org: string,
  { clientCertificate: sealed }: UsableConnection,
  use: (shown: { tls?: ClientCertificate }) => Promise<T>,
): Promise<T> {
  if (sealed === null) return use({});
  const { app: id, generation, certificate, sealedKey } = sealed;
  return credentials.openSecret(privateKeyContext({ org, id, generation }), sealedKey, (privateKey) =>
    use({ tls: { certificate, privateKey } }),
  );
}

async function sendOnce(
  parts: Parts,
  call: Call,
  step: Step,
  connection: UsableConnection,
  outgoing: Outgoing,
  shown: Shown,
): Promise<Attempt | 'outlived'> {
  const departure = new Departure(connection);
  const began = performance.now();
  call.attempts += 1;
  try {
    const sent = await transmit(parts, call, step, connection, outgoing, { ...shown, mayLeave: departure.mayLeave });
    const hasLeft = 'response' in sent || sent.error.requestMayHaveBeenProcessed;
    if (hasLeft) call.hasSent = true;
    if (hasLeft && departure.wasLate) parts.metrics.expiredInUse(connection.provider.name);
    if ('response' in sent) call.providerStatus = sent.response.status;
    if (hasLeft || !departure.isRefused) return sent;
    call.attempts -= 1;
    return 'outlived';
  } finally {
    call.providerMs += performance.now() - began;
  }
}

async function transmit(
  { artifacts, egress, mcpServers, maxOutputBytes }: Parts,
  call: Call,
  { pathTemplate }: Step,
  { provider }: UsableConnection,
  { method, url, headers, body, mcp, credential }: Outgoing,
  shown: Shown,
): Promise<Attempt> {
  const send = (request: McpRequest) =>
    egress.send({
      provider: provider.name,
      // Where an answer told the address, the manifest has been asked whether it may lead there.
      origins: credential ? provider.origins : [new URL(url).origin],
      ...request,
      urlTemplate: pathTemplate,
      ...shown,
      timeoutMs: call.msLeft,
      signal: call.signal,
      maxBytes: Math.min(provider.limits.max_response_bytes, artifacts === null ? maxOutputBytes : Infinity),
      propagateTrace: provider.propagate_trace,
    });
  if (mcp !== undefined) {
    // The client of the protocol is large, and few deployments call such servers.
    const { callMcpTool } = await import('./mcp/call-mcp-tool.js');
    return callMcpTool(mcpServers, { url, headers, ...mcp, timeoutMs: call.msLeft, signal: call.signal }, send);
  }
  try {
    return { response: await send({ method, url, headers, body }) };
  } catch (error) {
    if (error instanceof EgressError) return { error };
    throw error;
  }
}

/** Lets no request leave whose token has expired; and of one that left, knows whether it had. */
class Departure {
  #at: number | undefined;
  #isRefused = false;

  constructor(private readonly connection: UsableConnection) {}

  readonly mayLeave = (): boolean => {
    const now = performance.now();
    this.#isRefused = validMs(this.connection, now) <= 0;
    if (!this.#isRefused) this.#at = now;
    return !this.#isRefused;
  };

  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Of a request that has left. One that was let go by nobody left at the latest now. */
  get wasLate(): boolean {
    return validMs(this.connection, this.#at) <= 0;
  }
}
