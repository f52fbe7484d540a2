import type { RenderedRequest, Tool } from '@keyward/connectors';
import { privateKeyContext, validMs } from '@keyward/credentials';
import { EgressError, type ClientCertificate, type InjectedCredential } from '@keyward/egress';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import type { Attempt } from './judge.js';

type Parts = Pick<ExecutorParts, 'credentials' | 'egress' | 'metrics' | 'maxOutputBytes'>;

/** What a request shows of us. */
interface Shown {
  credential?: InjectedCredential;
  tls?: ClientCertificate;
}

/**
 * One request. Credential and key are open for the time of it, pauses between requests not included.
 *
 * @returns `outlived`: the token had expired when the request could have left, so it was not sent. Opening the credential and connecting
 * may take seconds, and a call may have waited before.
 */
export function attempt(
  parts: Parts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  rendered: RenderedRequest,
): Promise<Attempt | 'outlived'> {
  const { id, provider, generation, sealedAccess } = connection;
  call.assertWanted();
  if (id === null || sealedAccess === null) return sendOnce(parts, call, tool, connection, rendered, {});
  const { org } = call.request;
  return withCertificate(parts, org, connection, (tls) =>
    parts.credentials.open({ org, connection: id, generation, sealedAccess }, (secret) =>
      sendOnce(parts, call, tool, connection, rendered, { ...tls, credential: { ...provider.credential, secret } }),
    ),
  );
}

function withCertificate<T>(
  { credentials }: Parts,
  org: string,
  { clientCertificate: sealed }: UsableConnection,
  use: (shown: Pick<Shown, 'tls'>) => Promise<T>,
): Promise<T> {
  if (sealed === null) return use({});
  const { app: id, generation, certificate, sealedKey } = sealed;
  return credentials.openSecret(privateKeyContext({ org, id, generation }), sealedKey, (privateKey) =>
    use({ tls: { certificate, privateKey } }),
  );
}

async function sendOnce(
  { egress, maxOutputBytes, metrics }: Parts,
  call: Call,
  { pathTemplate }: Tool,
  connection: UsableConnection,
  rendered: RenderedRequest,
  shown: Shown,
): Promise<Attempt | 'outlived'> {
  const { provider } = connection;
  const departure = new Departure(connection);
  const began = performance.now();
  call.attempts += 1;
  try {
    const response = await egress.send({
      provider: provider.name,
      origins: provider.origins,
      method: rendered.method,
      url: rendered.url,
      urlTemplate: pathTemplate,
      headers: rendered.headers,
      body: rendered.body,
      ...shown,
      timeoutMs: call.msLeft,
      signal: call.signal,
      mayLeave: departure.mayLeave,
      maxBytes: Math.min(provider.limits.max_response_bytes, maxOutputBytes),
      propagateTrace: provider.propagate_trace,
    });
    if (departure.wasLate) metrics.expiredInUse(provider.name);
    call.providerStatus = response.status;
    return { response };
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    if (error.requestMayHaveBeenProcessed && departure.wasLate) metrics.expiredInUse(provider.name);
    if (error.requestMayHaveBeenProcessed || !departure.isRefused) return { error };
    call.attempts -= 1;
    return 'outlived';
  } finally {
    call.providerMs += performance.now() - began;
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
