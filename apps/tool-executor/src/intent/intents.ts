import { setTimeout as delay } from 'node:timers/promises';
import { KeywardError, type ExecutionRequested, type ExecutionResult } from '@keyward/contracts';
import type { Call } from '../execute/call.js';
import { unknownOutcome, type Outcome } from '../execute/outcome.js';
import type { ExecutionRow, ExecutionRows, NewExecution } from './execution-rows.js';
import { requestHash } from './request-hash.js';

/** As execution.purge has it. */
const KEY_KEPT_MS = 24 * 3_600_000;
/** Between looks at a call that runs under the same key: half of what was waited already. */
const SHORTEST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 2_000;
const SHARE = 0.5;
/** Each holds a place of this process, in which it does nothing. */
const MOST_WAITING_PER_AGENT = 32;
const ROOM_AFTER_MS = 1_000;
/** Pauses between attempts to store a result that the provider has already acted on. */
const STORE_AGAIN_MS = [100, 400, 1_500] as const;

/**
 * The record of what writes: stored before the provider hears of it, so that a crash, a redelivery or a repeated idempotency key
 * never turns one call into two. Reads leave no record.
 */
export class Intents {
  /** Of each agent, how many calls wait for another one under their key. */
  readonly #waiting = new Map<string, number>();

  constructor(
    private readonly rows: Pick<ExecutionRows, 'insert' | 'find' | 'findByKey' | 'takeOver' | 'settle' | 'end' | 'resolve'>,
  ) {}

  /**
   * For a message that was delivered before, or takes up what has waited. Undefined: go on, nothing was begun or beginning anew is safe.
   * What the tool is now says nothing of what it was then: an organization may have changed its connector.
   */
  async resume(call: Call): Promise<Outcome | undefined> {
    if (call.request.dryRun || !call.hasHistory) return undefined;
    const row = await this.rows.find(call.request.org, call.request.id);
    call.isSetAside = row?.waits === true;
    const outcome = row === undefined || row.waits ? undefined : await this.takeUp(call, row);
    call.historyUnknown = false;
    return outcome;
  }

  /**
   * Undefined: recorded, go on. Else how the call ended before: it is this very call, or an earlier one under the same key. A call
   * that runs under the key at this moment is waited for.
   *
   * @throws KeywardError `idempotency_conflict` where the key was used for another request, or is no longer kept
   */
  async begin(call: Call, connection: string | null): Promise<Outcome | undefined> {
    if (!call.writes || call.epoch !== undefined) return undefined;
    const { id, org, agent, user, tool } = call.request;
    const hash = requestHash(call.request);
    const idempotencyKey = keyOf(call.request, hash);
    const toolVersion = call.tool?.version;
    if (idempotencyKey !== undefined && outlivedItsKey(call)) throw keyForgotten();
    const row = { id, org, agent, user, tool, connection, idempotencyKey, requestHash: hash, toolVersion };
    if (await this.isRecorded(call, row)) return undefined;
    const own = await this.rows.find(org, id);
    if (own !== undefined) return this.takeUp(call, own);
    return this.amongWaiting(call, () => this.afterFirst(call, row));
  }

  /** False where the record is there already, or another one under the same key. */
  private async isRecorded(call: Call, row: NewExecution): Promise<boolean> {
    if (!(await this.rows.insert(row))) return false;
    call.epoch = 1;
    call.notSentBefore = new Date().toISOString();
    return true;
  }

  /** How the first call under the key has ended; undefined where it ended without having been sent, and this one is recorded now. */
  private async afterFirst(call: Call, row: NewExecution): Promise<Outcome | undefined> {
    const { org, agent, idempotencyKey, requestHash: hash } = row;
    for (const since = performance.now(); ;) {
      const first = idempotencyKey === undefined ? undefined : await this.rows.findByKey(org, agent, idempotencyKey);
      if (first !== undefined && !first.requestHash.equals(hash)) {
        throw new KeywardError('idempotency_conflict', 'This idempotency key was used for another request.');
      }
      if (first?.result !== undefined) return { stored: first.result };
      await this.wait(call, performance.now() - since);
      if (await this.isRecorded(call, row)) return undefined;
    }
  }

  /** @throws KeywardError `rate_limited` where as many of the agent's wait as may */
  private async amongWaiting<T>({ request }: Call, work: () => Promise<T>): Promise<T> {
    const agent = `${request.org} ${request.agent}`;
    const already = this.#waiting.get(agent) ?? 0;
    if (already >= MOST_WAITING_PER_AGENT) throw tooManyWait();
    this.#waiting.set(agent, already + 1);
    try {
      return await work();
    } finally {
      const others = (this.#waiting.get(agent) ?? 1) - 1;
      if (others > 0) this.#waiting.set(agent, others);
      else this.#waiting.delete(agent);
    }
  }

  /**
   * Stores the result of what was recorded; where the call had ended before, that result stays the answer.
   *
   * @throws KeywardError `dependency_unavailable` where it can't be stored: then nobody is told, and the message comes again
   */
  async finish(call: Call, outcome: Outcome, result: ExecutionResult): Promise<ExecutionResult> {
    const { epoch, request } = call;
    if ('stored' in outcome || 'waits' in outcome) return result;
    if (epoch === undefined) {
      if (call.isSetAside) await this.store(() => this.rows.end(request.org, request.id, result));
      return result;
    }
    const releaseKey = !call.settled && !call.uncertain;
    if (await this.store(() => this.rows.settle(request.org, request.id, epoch, result, releaseKey))) return result;
    // Another delivery took the call up while this one was silent: what that one stored is the truth.
    const now = await this.rows.find(request.org, request.id);
    if (now?.result !== undefined) return now.result;
    throw new KeywardError('dependency_unavailable', 'Another delivery of this call is being worked on.');
  }

  /** What a look at the provider has told of an earlier call whose outcome was not known. */
  async resolve(call: Call, result: ExecutionResult): Promise<void> {
    await this.rows.resolve(call.request.org, result.id, result);
  }

  /** Its own row is there already: it ended, or it waited, or a process ended in the middle of it. */
  private async takeUp(call: Call, row: ExecutionRow): Promise<Outcome | undefined> {
    if (row.result !== undefined) return { stored: row.result };
    const { org, id } = call.request;
    const epoch = await this.rows.takeOver(org, id, row.epoch);
    if (epoch === undefined) {
      call.historyUnknown = true;
      throw new KeywardError('dependency_unavailable', 'Another delivery of this call is being worked on.');
    }
    call.epoch = epoch;
    call.notSentBefore = row.takenUpAt;
    // What waits has sent nothing.
    if (row.waits) return undefined;
    [call.uncertain, call.isInterrupted] = [true, true];
    if (isRecognised(call, row) || (call.tool?.probe ?? null) !== null) return undefined;
    return { error: unknownOutcome(call, interrupted()) };
  }

  private async wait(call: Call, waitedMs: number): Promise<void> {
    call.assertWanted();
    const ms = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, SHARE * waitedMs)) * (0.5 + Math.random());
    await delay(Math.min(ms, call.msLeft), undefined, { signal: call.signal }).catch(() => call.signal.throwIfAborted());
  }

  private async store<T>(attempt: () => Promise<T>): Promise<T> {
    for (const pause of STORE_AGAIN_MS) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof KeywardError) || error.code !== 'dependency_unavailable') throw error;
        await delay(pause);
      }
    }
    return attempt();
  }
}

function tooManyWait(): KeywardError {
  const sentence = 'Too many calls of this agent wait for another one under the same idempotency key.';
  return new KeywardError('rate_limited', sentence, { details: { retryAfterMs: ROOM_AFTER_MS } });
}

/** The provider was given the key then, and still knows it. */
function isRecognised({ tool }: Call, { toolVersion, isKeyKnown }: ExecutionRow): boolean {
  return tool?.idempotent === true && tool.version === toolVersion && isKeyKnown;
}

export function interrupted(): KeywardError {
  return new KeywardError('internal', 'It was interrupted while it was being sent and is not sent again.');
}

/** Whatever was done since under its key is no longer known by it. What the gateway's clock says is near enough for a day. */
function outlivedItsKey({ isReplayed, request }: Call): boolean {
  return isReplayed && Date.now() - Date.parse(request.requestedAt) > KEY_KEPT_MS;
}

function keyForgotten(): KeywardError {
  const sentence =
    'The call was put back after its idempotency key was forgotten, so it may have been made since. It is not made.';
  return new KeywardError('idempotency_conflict', sentence);
}

/** A key that was derived is like any other: the same request has the same. */
function keyOf({ idempotencyKey, deduplicate }: ExecutionRequested, hash: Buffer): string | undefined {
  return idempotencyKey ?? (deduplicate === true ? `derived:${hash.toString('base64url')}` : undefined);
}
