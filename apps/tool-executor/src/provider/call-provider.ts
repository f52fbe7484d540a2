import type { Step, Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';
import { replaced, unexpired } from '../connection/renew.js';
import { needsReauthorization, scopesMissing } from '../connection/refusals.js';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { pause } from '../execute/pause.js';
import { attempt, type Outgoing } from './attempt.js';
import { backoffMs } from './backoff.js';
import { judge, type Attempt, type Repetition } from './judge.js';

/** Where so many in a row expired before their request could leave, it would be no different with the next one. */
const MOST_TOKENS = 3;

/** One request of a tool, as often as it takes. */
export interface ProviderRequest extends Repetition {
  readonly tool: Tool;
  readonly step: Step;
  readonly connection: UsableConnection;
  /** For each token anew: with another one the provider may have named another host. */
  readonly render: (connection: UsableConnection) => Promise<Outgoing>;
}

/** The answer, and the connection with the token that it was given to. */
export interface Answered {
  response: EgressResponse;
  connection: UsableConnection;
}

/**
 * Sends the request until there is an answer that counts: retries what is safe to retry, replaces a token that the provider refuses,
 * once, and one that expires before it is sent.
 *
 * @throws KeywardError whatever the call ends with
 */
export async function callProvider(parts: ExecutorParts, call: Call, request: ProviderRequest): Promise<Answered> {
  const { tool, connection, repeatable } = request;
  const { provider } = tool;
  const sentBefore = call.attempts;
  if (connection.id !== null && connection.refreshable) parts.uses.note(call.request.org, connection.id);
  let current = connection;
  let rejected = false;
  for (;;) {
    const sent = await sendWithValidToken(parts, call, request, current);
    current = sent.connection;
    const verdict = judge(request, provider.limits, sent.attempt);
    if (verdict.effect === 'settled' && !repeatable) [call.settled, call.uncertain] = [true, false];
    else if (verdict.effect === 'unknown' && !repeatable) call.uncertain = call.writes;
    switch (verdict.kind) {
      case 'answer':
        return { response: verdict.response, connection: current };
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
        const attempts = call.attempts - sentBefore;
        const pauseMs = backoffMs(attempts, verdict.retryAfterMs, parts.random);
        if (attempts >= provider.limits.max_attempts || pauseMs >= call.msLeft) throw verdict.error;
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
  { tool, step, render }: ProviderRequest,
  connection: UsableConnection,
): Promise<{ connection: UsableConnection; attempt: Attempt }> {
  let current = connection;
  for (let tokens = 1; tokens <= MOST_TOKENS; tokens++) {
    current = await unexpired(parts, call, tool, current);
    const attempted = await attempt(parts, call, step, current, await render(current));
    if (attempted !== 'outlived') return { connection: current, attempt: attempted };
  }
  throw new KeywardError('provider_error', 'The provider’s tokens expire before they can be used.');
}
