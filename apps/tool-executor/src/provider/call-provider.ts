import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderManifest, RenderedRequest, Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';
import { replaced, unexpired } from '../connection/renew.js';
import { needsReauthorization, scopesMissing } from '../connection/refusals.js';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { attempt } from './attempt.js';
import { backoffMs } from './backoff.js';
import { judge, type Attempt } from './judge.js';

/** Where so many in a row expired before their request could leave, it would be no different with the next one. */
const MOST_TOKENS = 3;

/**
 * Sends the request until there is an answer that counts: retries what is safe to retry, replaces a token that the provider refuses,
 * once, and one that expires before it is sent. The request is rendered for each token: with a new one the provider may name another host.
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
  if (connection.id !== null && connection.refreshable) parts.uses.note(call.request.org, connection.id);
  let current = connection;
  let rejected = false;
  for (;;) {
    const sent = await sendWithValidToken(parts, call, tool, current, render);
    current = sent.connection;
    const verdict = judge(tool, provider.limits, sent.attempt);
    if (verdict.effect === 'settled') [call.settled, call.uncertain] = [true, false];
    else if (verdict.effect === 'unknown') call.uncertain = call.writes;
    switch (verdict.kind) {
      case 'answer':
        return verdict.response;
      case 'unauthorized':
        // The second time it is not the token's age: a new one was refused as well.
        if (rejected && current.id !== null) parts.refused.remember(current.id);
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

/** The call may have waited since the token was read, and the request may have waited for its connection: each time it is asked anew. */
async function sendWithValidToken(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  render: (provider: ProviderManifest) => RenderedRequest,
): Promise<{ connection: UsableConnection; attempt: Attempt }> {
  let current = connection;
  for (let tokens = 1; tokens <= MOST_TOKENS; tokens++) {
    current = await unexpired(parts, call, tool, current);
    const attempted = await attempt(parts, call, tool, current, render(current.provider));
    if (attempted !== 'outlived') return { connection: current, attempt: attempted };
  }
  throw new KeywardError('provider_error', 'The provider’s tokens expire before they can be used.');
}

/** @throws the signal's reason when the call is aborted meanwhile */
async function pause(call: Call, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: call.signal }).catch(() => call.signal.throwIfAborted());
  call.providerMs += ms;
}
