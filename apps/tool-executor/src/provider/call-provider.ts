import type { Step, Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';
import { replaced, unexpired } from '../connection/renew.js';
import { needsReauthorization, scopesMissing } from '../connection/refusals.js';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { pause } from '../execute/pause.js';
import type { RequestEnd } from '../limits/executor-limits.js';
import { notRetried } from '../limits/refusals.js';
import { attempt, type Outgoing } from './attempt.js';
import { backoffMs } from './backoff.js';
import { judge, type Repetition, type Verdict } from './judge.js';

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
  const sentBefore = call.attempts;
  if (connection.id !== null && connection.refreshable) parts.uses.note(call.request.org, connection.id);
  let current = connection;
  let rejected = false;
  for (;;) {
    const sent = await sendWithValidToken(parts, call, request, current, call.attempts > sentBefore);
    const { verdict } = sent;
    current = sent.connection;
    if (verdict.effect === 'settled' && !repeatable) [call.settled, call.uncertain] = [true, isRestUncertain(call, tool)];
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
        parts.metrics.retry(tool.provider.name, 'unauthorized');
        break;
      case 'insufficient_scope':
        throw await scopesMissing(parts.links, call, tool, current, verdict.missing);
      case 'final':
        throw verdict.error;
      case 'again':
        await untilNextTry(parts, call, tool, verdict, { attempts: call.attempts - sentBefore, url: sent.url });
        parts.metrics.retry(tool.provider.name, verdict.reason);
    }
  }
}

/** Of several requests, an earlier process may have sent those too that come after this one. */
function isRestUncertain({ isInterrupted }: Call, { steps }: Tool): boolean {
  return isInterrupted && (steps.length > 1 || steps[0]?.each !== undefined);
}

/** @throws KeywardError that of the last request, where it is not sent again */
async function untilNextTry(
  { limits, random }: ExecutorParts,
  call: Call,
  tool: Tool,
  { reason, retryAfterMs, error }: Extract<Verdict, { kind: 'again' }>,
  { attempts, url }: { attempts: number; url: string },
): Promise<void> {
  const { provider } = tool;
  const pauseMs = backoffMs(attempts, retryAfterMs, random);
  if (attempts >= provider.limits.max_attempts || pauseMs >= call.msLeft) throw error;
  // A pause that the provider asked for is everybody's: the limits see to it, and the provider will not be sick of it.
  if (reason === 'rate_limited' && retryAfterMs !== undefined && retryAfterMs >= 1) return;
  if (!limits.tryRetry(tool, url)) throw notRetried(provider, error);
  await pause(call, pauseMs);
}

interface Sent {
  verdict: Verdict;
  /** With the token that it was sent with. */
  connection: UsableConnection;
  url: string;
}

/** The call may have waited since the token was read, and the request may have waited for its connection: each time it is asked anew. */
async function sendWithValidToken(
  parts: ExecutorParts,
  call: Call,
  request: ProviderRequest,
  connection: UsableConnection,
  again: boolean,
): Promise<Sent> {
  const { tool, render } = request;
  let current = connection;
  for (let tokens = 1; tokens <= MOST_TOKENS; tokens++) {
    current = await unexpired(parts, call, tool, current);
    const [sender, outgoing] = [current, await render(current)];
    const limited = { call, tool, connection: sender, url: outgoing.url, again };
    const verdict = await parts.limits.run(limited, () => judged(parts, call, request, sender, outgoing), endOf);
    if (verdict !== 'outlived') return { verdict, connection: sender, url: outgoing.url };
  }
  throw new KeywardError('provider_error', 'The provider’s tokens expire before they can be used.');
}

/** One request, and what it came to. The other replicas are told what it says of the provider's limits. */
async function judged(
  parts: ExecutorParts,
  call: Call,
  request: ProviderRequest,
  connection: UsableConnection,
  outgoing: Outgoing,
): Promise<Verdict | 'outlived'> {
  const { tool, step } = request;
  const began = performance.now();
  const attempted = await attempt(parts, call, step, connection, outgoing);
  if (attempted === 'outlived') return attempted;
  const verdict = judge(request, tool, attempted, performance.now() - began);
  const account = { call, tool, connection };
  if ('error' in attempted) return verdict;
  if (verdict.kind === 'again' && verdict.reason === 'rate_limited')
    parts.limits.refused(account, attempted.response, verdict.retryAfterMs);
  else parts.limits.learn(account, attempted.response);
  return verdict;
}

/** What was not answered and has no effect has not left: its part of the quota is not used. */
function endOf(verdict: Verdict | 'outlived'): RequestEnd {
  if (verdict === 'outlived') return { health: 'unused', sent: false };
  return { health: verdict.health, sent: verdict.effect !== 'none' || verdict.health === 'answered' };
}
