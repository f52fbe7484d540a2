import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderManifest, RenderedRequest, Tool } from '@keyward/connectors';
import { privateKeyContext } from '@keyward/credentials';
import { EgressError, type ClientCertificate, type EgressResponse, type InjectedCredential } from '@keyward/egress';
import { replaced, unexpired } from '../connection/renew.js';
import { needsReauthorization, scopesMissing } from '../connection/refusals.js';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { backoffMs } from './backoff.js';
import { judge, type Attempt } from './judge.js';

/**
 * Sends the request until there is an answer that counts: retries what is safe to retry, and replaces a token that the provider
 * refuses, once. The request is rendered for each token: with a new one the provider may name another host.
 *
 * @throws KeywardError whatever the call ends with
 */
export async function callProvider(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  render: (provider: ProviderManifest) => RenderedRequest,
): Promise<EgressResponse> {
  const { provider } = tool;
  let current = await unexpired(parts, call, tool, connection);
  let rejected = false;
  for (;;) {
    const verdict = judge(tool, provider.limits, await attempt(parts, call, tool, current, render(current.provider)));
    if (verdict.effect === 'settled') [call.settled, call.uncertain] = [true, false];
    else if (verdict.effect === 'unknown') call.uncertain = call.writes;
    switch (verdict.kind) {
      case 'answer':
        return verdict.response;
      case 'unauthorized':
        // The second time it is not the token's age: a new one was refused as well.
        if (rejected || current.sealedAccess === null)
          throw await needsReauthorization(parts.links, call, tool, current, verdict.error);
        rejected = true;
        current = await replaced(parts, call, tool, current);
        parts.metrics.retry(provider.name, 'unauthorized');
        break;
      case 'insufficient_scope':
        throw await scopesMissing(parts.links, call, tool, current, verdict.missing);
      case 'final':
        throw verdict.error;
      case 'again': {
        const pauseMs = backoffMs(call.attempts, verdict.retryAfterMs, parts.random);
        if (call.attempts >= provider.limits.max_attempts || pauseMs >= call.msLeft) throw verdict.error;
        await pause(call, pauseMs);
        parts.metrics.retry(provider.name, verdict.reason);
      }
    }
  }
}

/** What a request shows of us. */
interface Shown {
  credential?: InjectedCredential;
  tls?: ClientCertificate;
}

/** Credential and key are open for the time of one request, pauses between requests not included. */
function attempt(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  rendered: RenderedRequest,
): Promise<Attempt> {
  const { id, provider, generation, sealedAccess } = connection;
  call.assertWanted();
  if (id === null || sealedAccess === null) return sendOnce(parts, call, tool, provider, rendered, {});
  const { org } = call.request;
  return withCertificate(parts, org, connection, (tls) =>
    parts.credentials.open({ org, connection: id, generation, sealedAccess }, (secret) =>
      sendOnce(parts, call, tool, provider, rendered, { ...tls, credential: { ...provider.credential, secret } }),
    ),
  );
}

function withCertificate<T>(
  { credentials }: ExecutorParts,
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
  { egress, maxOutputBytes }: ExecutorParts,
  call: Call,
  { pathTemplate }: Tool,
  provider: ProviderManifest,
  rendered: RenderedRequest,
  shown: Shown,
): Promise<Attempt> {
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
      maxBytes: Math.min(provider.limits.max_response_bytes, maxOutputBytes),
      propagateTrace: provider.propagate_trace,
    });
    call.providerStatus = response.status;
    return { response };
  } catch (error) {
    if (error instanceof EgressError) return { error };
    throw error;
  } finally {
    call.providerMs += performance.now() - began;
  }
}

/** @throws the signal's reason when the call is aborted meanwhile */
async function pause(call: Call, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: call.signal }).catch(() => call.signal.throwIfAborted());
  call.providerMs += ms;
}
