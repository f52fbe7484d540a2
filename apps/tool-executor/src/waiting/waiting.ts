import {
  asKeywardError,
  KeywardError,
  waitingReasons,
  type ErrorCode,
  type ExecutionAddress,
  type ExecutionResult,
  type WaitingFor,
  type WaitingReason,
} from '@keyward/contracts';
import type { Call } from '../execute/call.js';
import type { Outcome } from '../execute/outcome.js';
import type { Standing, WaitingRows } from './waiting-rows.js';

/** Of the request, as it is kept while it waits: a thousand of an agent's are a bounded matter then. */
const MOST_BYTES = 262_144;

type Rows = Pick<WaitingRows, 'park' | 'find' | 'run' | 'remove'>;

/** Executions that lack an authorization and were asked to wait for it. */
export class Waiting {
  constructor(private readonly rows: Rows) {}

  /**
   * Before a message is worked on. `gone`: another message has the execution, or it has ended and its end is told by whoever ended it. A
   * result: it waits, as an earlier delivery found. The first delivery of what a caller asks for costs nothing here: there is no row yet.
   *
   * @throws KeywardError `dependency_unavailable`
   */
  async takeUp(call: Call): Promise<'go' | 'gone' | ExecutionResult> {
    if (call.request.waitForMs === undefined || !call.hasHistory) return 'go';
    const standing = await this.rows.find(addressOf(call));
    // It has ended: what it did is found by whatever is done next, as with any message that comes again.
    if (standing === undefined) return 'go';
    const epoch = epochOf(call);
    if (standing.epoch !== epoch) return 'gone';
    if (standing.state === 'waiting') return waitingResult(call, waitingFor(standing));
    const isFirst = call.deliveries === 1 && !call.isReplayed;
    const isAnothers = standing.state === 'running' && isFirst && standing.isFresh;
    return !isAnothers && (await this.rows.run(call.request.org, call.request.id, epoch)) ? 'go' : 'gone';
  }

  /**
   * The outcome as it is where the call did not ask to wait, or a person can not help, or some of it is done. Else that it waits; or why it
   * can not: `rate_limited`, too many of the agent's do, or `request_too_large`.
   *
   * @throws KeywardError `dependency_unavailable`, while nothing has begun: the message comes again
   */
  async insteadOf(call: Call, outcome: Outcome): Promise<Outcome> {
    if (!('error' in outcome) || !mayWait(call, outcome.error.code)) return outcome;
    try {
      const waits = await this.park(call, outcome);
      return waits === undefined ? outcome : { waits };
    } catch (thrown) {
      const error = asKeywardError(thrown);
      if (error.code !== 'dependency_unavailable') return { error };
      if (call.epoch === undefined) throw error;
      return outcome;
    }
  }

  private async park(call: Call, outcome: { error: KeywardError }): Promise<ExecutionResult | undefined> {
    const { request, tool } = call;
    const text = JSON.stringify({ ...request, resumed: { epoch: epochOf(call), afterMs: 0, attempts: call.attempts } });
    if (Buffer.byteLength(text) > MOST_BYTES)
      throw refusal('request_too_large', `A call that waits for an authorization may have ${MOST_BYTES} bytes at most.`, outcome);
    const { connectUrl } = outcome.error.details;
    const until = await this.rows.park({
      ...{ id: request.id, org: request.org, agent: request.agent, user: request.user, tool: request.tool },
      ...{ provider: tool?.provider.name ?? '', connection: request.connection ?? null, request: text, traceId: call.traceId },
      ...{
        reason: outcome.error.code as WaitingReason,
        detail: outcome.error.message,
        connectUrl: connectUrl ?? null,
        epoch: epochOf(call),
      },
      ...{ waitMs: request.waitForMs ?? 0, askedMs: call.durationMs, lookedMs: performance.now() - call.startedAt },
      executionEpoch: call.epoch ?? null,
    });
    if (until === 'full') throw refusal('rate_limited', 'As many calls of this agent wait for an authorization as may.', outcome);
    if (until === 'gone') return undefined;
    call.isFree = true;
    return waitingResult(call, {
      reason: outcome.error.code as WaitingReason,
      detail: outcome.error.message,
      ...(connectUrl === undefined ? {} : { connectUrl }),
      expiresAt: until.toISOString(),
    });
  }

  /** After its result was told. */
  async leave({ request }: Call): Promise<void> {
    if (request.resumed !== undefined) await this.rows.remove(request.org, request.id, request.resumed.epoch);
  }
}

/** Of a row that waits. */
export function waitingFor({ reason, detail, connectUrl, expiresAt }: Standing): WaitingFor {
  return { reason, detail, ...(connectUrl === null ? {} : { connectUrl }), expiresAt: expiresAt.toISOString() };
}

/** The message that a caller sent is the first; each taking up sends one more. */
export function epochOf({ request }: Call): number {
  return request.resumed?.epoch ?? 1;
}

/** Of a call of which anything was carried out, or may have been, nothing is done again. */
function mayWait(call: Call, code: ErrorCode): boolean {
  const isUntouched = !call.writes || (!call.settled && !call.uncertain && call.completedSteps.length === 0);
  const isAsked = call.request.waitForMs !== undefined && !call.request.dryRun;
  return isAsked && isUntouched && (waitingReasons as readonly string[]).includes(code);
}

function refusal(code: ErrorCode, sentence: string, { error }: { error: KeywardError }): KeywardError {
  return new KeywardError(code, `${sentence} ${error.message}`, { details: error.details, cause: error });
}

function addressOf({ request }: Call): ExecutionAddress {
  return { org: request.org, agent: request.agent, execution: request.id };
}

function waitingResult(call: Call, waiting: WaitingFor): ExecutionResult {
  const { request, traceId, connection, attempts } = call;
  return {
    ...{ id: request.id, tool: request.tool, state: 'waiting_for_authorization', waitingFor: waiting, traceId, attempts },
    ...{ connection: connection?.id ?? null, durationMs: Math.round(call.durationMs) },
    ...call.behind,
  };
}
