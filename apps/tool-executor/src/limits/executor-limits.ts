import { setTimeout as delay } from 'node:timers/promises';
import type { Tool } from '@keyward/connectors';
import type { ProviderPaused } from '@keyward/contracts';
import {
  Pauses,
  QuotaGates,
  TooLate,
  WaitingRoom,
  type BreakerState,
  type Learned,
  type QuotaStore,
  type RoomBounds,
  type Verdict,
  type Who,
} from '@keyward/limits';
import type { EgressResponse } from '@keyward/egress';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import { timeOfAnswer } from '../provider/retry-after.js';
import { tightest, toldWindows, type ToldLimits } from '../provider/told-limits.js';
import { tryAdmit, type Admission, type Hand, type Obstacle } from './admission.js';
import { Lanes, type Lane } from './lanes.js';
import { claimOf, type Claim } from './quotas-of.js';
import { circuitOpen, providerPaused, quotaUsedUp, roomFull, tooManyAtOnce, type RefusalReason } from './refusals.js';

/** Label of `rate_limit_wait_seconds`. */
export type WaitReason = 'quota' | 'pause' | 'concurrency';

export interface LimitMetrics {
  waited(of: { provider: string; reason: WaitReason }, seconds: number): void;
  refused(of: { provider: string; reason: RefusalReason }): void;
}

export interface ExecutorLimitsOptions {
  store: QuotaStore;
  room: RoomBounds;
  metrics: LimitMetrics;
  /** Tells the other replicas that a provider asked for a pause. */
  onPause: (pause: ProviderPaused) => void;
  /** 0 ≤ x < 1 */
  random: () => number;
}

/** One request, before it is sent. */
export interface LimitedRequest {
  readonly call: Call;
  readonly tool: Tool;
  readonly connection: UsableConnection;
  /** Where it leads. */
  readonly url: string;
  /** It was sent before. */
  readonly again: boolean;
}

/** On whose account an answer counts. */
type Account = Pick<LimitedRequest, 'call' | 'tool' | 'connection'>;

/** How it ended: what that says of the server, and whether it was sent at all. */
export interface RequestEnd {
  readonly health: Verdict;
  readonly sent: boolean;
}

/** So that those who waited for the end of a pause do not come back together. */
const AFTER_PAUSE_MS = 250;
/** From a field of an answer that was no refusal; a refusal may ask for more. */
const LONGEST_FORESEEN_MS = 3_600_000;

/**
 * Between a request and its provider: nothing is sent to one that keeps failing or asked for a pause; of quotas, those of all replicas
 * together; so many at a time. What must wait stands in a line that is fair between organizations and agents, no longer than its deadline,
 * and not at all where it would be in vain.
 */
export class ExecutorLimits {
  readonly #lanes = new Lanes();
  readonly #gates: QuotaGates;
  readonly #pauses = new Pauses();
  readonly #room: WaitingRoom;

  constructor(private readonly options: ExecutorLimitsOptions) {
    this.#gates = new QuotaGates(options.store);
    this.#room = new WaitingRoom(options.room);
  }

  get waiting(): number {
    return this.#room.size;
  }

  breakers(): Map<string, BreakerState> {
    return this.#lanes.breakers();
  }

  /** Whether a request that failed may be sent again, which it then must be: of retries too, a provider that fails gets no more than it can bear. */
  tryRetry({ provider }: Tool, url: string): boolean {
    if (this.#lanes.of(provider, url).retries.tryRetry()) return true;
    this.options.metrics.refused({ provider: provider.name, reason: 'retry_budget' });
    return false;
  }

  /**
   * @returns what `send` does
   * @throws KeywardError `rate_limited` or `provider_unavailable`, both with `retryAfterMs`, without sending; whatever `send` throws
   */
  async run<T>(request: LimitedRequest, send: () => Promise<T>, endOf: (outcome: T) => RequestEnd): Promise<T> {
    const { call, tool, connection, url, again } = request;
    const lane = this.#lanes.of(tool.provider, url);
    const claim = claimOf(this.#gates, call.request.org, tool, connection);
    const first = tryAdmit(lane, claim, tool.limits.cost, this.#pauses.leftMs(claim.key));
    const admission = 'of' in first ? await this.#wait(request, lane, claim, first) : first;
    if (!again) lane.retries.first();
    let end: RequestEnd = { health: 'unused', sent: true };
    try {
      const outcome = await send();
      end = endOf(outcome);
      return outcome;
    } finally {
      admission.settle(end.health);
      admission.place.leave();
      if (!end.sent) for (const { quota, taken } of admission.units) quota.gate.putBack(taken);
    }
  }

  /** What the provider said of its limits with an answer that was no refusal: shown in the result, and heeded by all replicas. */
  learn(account: Account, response: EgressResponse): void {
    const { claim, told } = this.#report(account, response);
    if (told?.remaining === undefined || told.resetMs === undefined || told.resetMs <= 0) return;
    const { remaining, resetMs } = told;
    if (remaining === 0 && resetMs <= LONGEST_FORESEEN_MS) this.#pauseAll(claim, resetMs);
    learnOf(claim, told, { remaining, resetMs });
  }

  /** The provider refused. @param ms for so long; undefined where it does not say */
  refused(account: Account, response: EgressResponse, ms: number | undefined): void {
    const { claim } = this.#report(account, response);
    if (ms === undefined || ms < 1) return;
    this.#pauseAll(claim, ms);
    learnOf(claim, { resetMs: ms }, { remaining: 0, resetMs: ms });
  }

  /** Another replica was told. */
  pause({ key, pauseMs }: ProviderPaused): void {
    this.#pauses.note(key, pauseMs);
  }

  /** Gives back what was leased and not used. */
  close(): Promise<void> {
    return this.#gates.close();
  }

  #report({ call, tool, connection }: Account, response: EgressResponse): { claim: Claim; told: ToldLimits | undefined } {
    const { rate, quotas } = tool.provider.limits;
    const told = tightest(toldWindows(rate, response.headers, () => timeOfAnswer(response)));
    const claim = claimOf(this.#gates, call.request.org, tool, connection);
    if (told !== undefined || quotas.length > 0) report(call, claim, told);
    return { claim, told };
  }

  #pauseAll({ key }: Claim, ms: number): void {
    const pauseMs = Math.ceil(ms);
    if (pauseMs >= 1 && this.#pauses.note(key, pauseMs)) this.options.onPause({ key, pauseMs });
  }

  async #wait(request: LimitedRequest, lane: Lane, claim: Claim, first: Obstacle): Promise<Admission> {
    const { call, tool } = request;
    const { org, agent } = call.request;
    let obstacle = first;
    if (obstacle.of === 'circuit') throw this.#refusal(request, obstacle);
    const full = this.#room.enter({ org, agent });
    if (full !== undefined) {
      const { reason, error } = roomFull(full);
      this.options.metrics.refused({ provider: tool.provider.name, reason });
      throw error;
    }
    const began = performance.now();
    const reason: WaitReason = obstacle.of;
    try {
      for (;;) {
        const hand = await this.#overcome(request, lane, obstacle, { org, agent });
        call.assertWanted();
        const next = tryAdmit(lane, claim, tool.limits.cost, this.#pauses.leftMs(claim.key), hand);
        if (!('of' in next)) return next;
        obstacle = next;
      }
    } finally {
      this.#room.leave({ org, agent });
      const waitedMs = performance.now() - began;
      call.providerMs += waitedMs;
      call.rateLimit = { ...call.rateLimit, waitedMs: (call.rateLimit?.waitedMs ?? 0) + Math.round(waitedMs) };
      this.options.metrics.waited({ provider: tool.provider.name, reason }, waitedMs / 1000);
    }
  }

  /** Waits until the obstacle is gone, in time. @throws KeywardError */
  async #overcome(request: LimitedRequest, lane: Lane, obstacle: Obstacle, who: Who): Promise<Hand> {
    const { call, tool } = request;
    const turn = { until: performance.now() + call.msLeft, signal: call.signal };
    try {
      switch (obstacle.of) {
        case 'concurrency':
          return { place: await lane.places.wait(who, turn) };
        case 'quota': {
          const taken = await obstacle.quota.gate.wait(who, { ...turn, cost: tool.limits.cost });
          return { units: { quota: obstacle.quota, taken } };
        }
        case 'pause':
          if (obstacle.waitMs >= call.msLeft) throw new TooLate(obstacle.waitMs);
          await delay(obstacle.waitMs + this.options.random() * AFTER_PAUSE_MS, undefined, { signal: call.signal });
          return {};
        case 'circuit':
          throw new TooLate(obstacle.waitMs);
      }
    } catch (error) {
      call.signal.throwIfAborted();
      throw error instanceof TooLate ? this.#refusal(request, obstacle, error) : error;
    }
  }

  #refusal({ tool: { provider } }: LimitedRequest, obstacle: Obstacle, { waitMs } = new TooLate(0)): Error {
    this.options.metrics.refused({ provider: provider.name, reason: obstacle.of });
    switch (obstacle.of) {
      case 'quota':
        return quotaUsedUp(provider, obstacle.quota, waitMs);
      case 'pause':
        return providerPaused(provider, obstacle.waitMs);
      case 'concurrency':
        return tooManyAtOnce(provider);
      case 'circuit':
        return circuitOpen(provider, obstacle.waitMs);
    }
  }
}

/** In the result: what the provider tells counts; what it does not, as it is declared. */
function report(call: Call, { quotas }: Claim, told: ToldLimits | undefined): void {
  const [declared] = quotas;
  if (told === undefined && declared === undefined) return;
  const ours = declared === undefined ? {} : { limit: declared.gate.terms.limit, ...remainingOf(declared.gate.left) };
  call.rateLimit = { waitedMs: 0, ...call.rateLimit, ...(told ?? ours) };
}

function remainingOf(left: number | undefined): { remaining?: number } {
  return left === undefined ? {} : { remaining: left };
}

/** What the store can not be told now, the provider tells again. */
function learnOf(claim: Claim, told: ToldLimits, learned: Learned): void {
  quotaOf(claim, told)
    ?.gate.learn(learned)
    .catch(() => undefined);
}

/** Which of the quotas the provider speaks of: that of the same limit, else the shortest that the reset fits into. */
function quotaOf({ quotas }: Claim, { limit, resetMs = 0 }: ToldLimits): Claim['quotas'][number] | undefined {
  if (quotas.length === 0) return undefined;
  const fitting = quotas.filter(({ gate }) => gate.terms.windowMs >= resetMs);
  return (
    quotas.find(({ gate }) => gate.terms.limit === limit) ??
    fitting.sort((a, b) => a.gate.terms.windowMs - b.gate.terms.windowMs)[0]
  );
}
