import type { Tool } from '@keyward/connectors';
import { fromProblem, KeywardError, passingRefreshFailures, type Problem, type RefreshRequest } from '@keyward/contracts';
import { validMs } from '@keyward/credentials';
import { authorise } from '../execute/authorise.js';
import type { Call } from '../execute/call.js';
import { callQuery } from '../execute/call-query.js';
import type { ExecutorParts } from '../execute/parts.js';
import { needsReauthorization } from './refusals.js';
import { requireConnection, type UsableConnection } from './require-connection.js';

/** A token that has less than this left could expire on its way. token-refresher renews long before; this is for when it could not. */
const EXPIRY_MARGIN_MS = 5_000;
/** While the token still holds, its call does not wait longer than this for a better one, nor so long that it would end. */
const PATIENCE_MS = 2_000;
/** An answer may get lost; what it would have told is in the row. */
const LOOK_AFTER_MS = 2_000;

/**
 * A token with enough left is used as it is, without asking anybody. One that is about to end is renewed first, but its call does not wait
 * long: it still holds. One that has ended is waited for, as long as the call may last.
 *
 * @throws KeywardError `needs_reauthorization`, or why no newer token can be had where the old one is no longer valid
 */
export async function unexpired(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
): Promise<UsableConnection> {
  const leftMs = validMs(connection);
  if (leftMs > EXPIRY_MARGIN_MS) return connection;
  if (!connection.refreshable) {
    if (leftMs > 0) return connection;
    throw await needsReauthorization(parts.links, call, tool, connection);
  }
  try {
    return await renewed(parts, call, tool, connection, 'expiring', leftMs > 0 ? Math.min(PATIENCE_MS, leftMs / 2) : Infinity);
  } catch (error) {
    const isPassing = error instanceof KeywardError && passingRefreshFailures.has(error.code);
    if (isPassing && validMs(connection) > 0) return connection;
    throw error;
  }
}

/**
 * For a token that the provider has refused: one of a later generation, or the reason why there is none. It may be there already: of calls
 * that are refused one after the other, the first has seen to it. Where a new one was refused a moment ago, another would be too.
 */
export async function replaced(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
): Promise<UsableConnection> {
  if (!connection.refreshable) throw await needsReauthorization(parts.links, call, tool, connection);
  call.assertWanted();
  const current = await readAgain(parts, call, tool, connection);
  if (current.generation > connection.generation) return current;
  if (current.id !== null && parts.refused.has(current.id)) throw await needsReauthorization(parts.links, call, tool, current);
  return renewed(parts, call, tool, connection, 'rejected_by_provider', Infinity);
}

async function renewed(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  reason: RefreshRequest['reason'],
  patienceMs: number,
): Promise<UsableConnection> {
  if (connection.id === null) throw new KeywardError('internal', 'A call without a credential can not renew one.');
  const newerThan = connection.generation;
  const question = { org: call.request.org, connection: connection.id, newerThan, reason };
  const until = performance.now() + patienceMs;
  for (;;) {
    call.assertWanted();
    const waitMs = Math.min(LOOK_AFTER_MS, until - performance.now(), call.msLeft);
    const reply = await parts.refreshes.renew(tool.provider.name, question, { waitMs, signal: call.signal });
    if (reply?.outcome === 'failed') throw await failure(parts, call, tool, connection, reply.error as Problem);
    call.assertWanted();
    const next = await readAgain(parts, call, tool, connection);
    if (next.generation > newerThan) return next;
    if (reply !== undefined)
      throw new KeywardError('dependency_unavailable', 'A renewed credential was announced but is not there yet.');
    if (performance.now() >= until) throw new KeywardError('deadline_exceeded', 'The credential was not renewed in time.');
  }
}

async function failure(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
  problem: Problem,
): Promise<KeywardError> {
  const error = fromProblem(problem);
  return error.code === 'needs_reauthorization' ? needsReauthorization(parts.links, call, tool, connection, error) : error;
}

/** Everything is asked again, not only the token: the connection or the assignment may have gone meanwhile. */
async function readAgain(parts: ExecutorParts, call: Call, tool: Tool, { id }: UsableConnection): Promise<UsableConnection> {
  const grant = await parts.calls.openForCall(callQuery(call.request, tool, id ?? undefined));
  authorise(tool, grant);
  return requireConnection(parts, call, tool, grant);
}
