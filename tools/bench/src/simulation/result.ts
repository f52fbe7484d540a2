import type { Fleet } from './fleet.js';
import { Histogram } from './histogram.js';
import { PROVIDER_WITH_TROUBLE, type Scenario } from './model.js';

/** Shorter waits are the normal rhythm of looking. */
const LATE_MS = 5_000;
const MINUTE_MS = 60_000;

/** Times in ms. */
export interface Result {
  scenario: string;
  tokens: number;
  refreshed: number;
  failed: number;
  /** Of the whole time. */
  perSecond: number;
  /** Of the busiest minute. */
  peakPerSecond: number;
  /** From due to stored, of those not stored at a provider with trouble. */
  late: { p50: number; p99: number; max: number };
  /** The same at the provider with trouble. */
  lateInTrouble: { p50: number; p99: number; max: number };
  /** From the beginning. */
  storedAt: { p50: number; p99: number; max: number };
  /** Life that the old token had left when its successor was stored, the least; negative: it had ended. */
  leastLeft: number;
  /** Tokens that ended before their successor was stored, those of the provider with trouble apart. */
  expired: number;
  expiredInTrouble: number;
  /** Of all these, tokens that became due only after downtime or outage had ended. */
  expiredLater: number;
  /** When the last token was stored that was late and had become due before downtime or outage ended; 0: there was none. */
  backlogUntil: number;
  backlogUntilInTrouble: number;
  /** Share of the time that a replica, and a core of the database, was busy. */
  replicaBusy: number;
  databaseBusy: number;
}

/** What happened, counted while it happens. */
export class Record {
  readonly #late = [new Histogram(), new Histogram()] as const;
  readonly #storedAt = new Histogram();
  readonly #perMinute = new Map<number, number>();
  readonly #expired = [0, 0] as [number, number];
  readonly #backlogUntil = [0, 0] as [number, number];
  readonly #disturbedUntil: number;
  #expiredLater = 0;
  #leastLeft = Infinity;
  #failed = 0;

  constructor(private readonly scenario: Scenario) {
    this.#disturbedUntil = Math.max(scenario.downtime?.untilMs ?? 0, scenario.outage?.untilMs ?? 0);
  }

  failed(): void {
    this.#failed++;
  }

  stored(now: number, dueAt: number, expiresAt: number, provider: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    this.#perMinute.set(minute, (this.#perMinute.get(minute) ?? 0) + 1);
    this.#storedAt.add(now);
    const of = this.#isTroubled(provider) ? 1 : 0;
    this.#late[of].add(now - dueAt);
    if (now - dueAt > LATE_MS && dueAt <= this.#disturbedUntil) this.#backlogUntil[of] = now;
    if (expiresAt < now) {
      this.#expired[of]++;
      if (dueAt > this.#disturbedUntil) this.#expiredLater++;
    }
    if (of === 0) this.#leastLeft = Math.min(this.#leastLeft, expiresAt - now);
  }

  result(fleet: Fleet, replicaBusyMs: number, databaseBusyMs: number): Result {
    const { name, tokens, untilMs } = this.scenario;
    for (let token = 0; token < tokens; token++) {
      if ((fleet.expiresAt[token] as number) < untilMs)
        this.#expired[this.#isTroubled(fleet.providerOf[token] as number) ? 1 : 0]++;
    }
    const refreshed = this.#late[0].count + this.#late[1].count;
    return {
      ...{ scenario: name, tokens, refreshed, failed: this.#failed },
      perSecond: (refreshed / untilMs) * 1000,
      peakPerSecond: Math.max(0, ...this.#perMinute.values()) / 60,
      late: summary(this.#late[0]),
      lateInTrouble: summary(this.#late[1]),
      storedAt: summary(this.#storedAt),
      leastLeft: this.#leastLeft,
      expired: this.#expired[0],
      expiredInTrouble: this.#expired[1],
      expiredLater: this.#expiredLater,
      backlogUntil: this.#backlogUntil[0],
      backlogUntilInTrouble: this.#backlogUntil[1],
      replicaBusy: replicaBusyMs / untilMs,
      databaseBusy: databaseBusyMs / untilMs,
    };
  }

  #isTroubled(provider: number): boolean {
    const { outage, limitPerSecond } = this.scenario;
    return provider === PROVIDER_WITH_TROUBLE && (outage !== undefined || limitPerSecond !== undefined);
  }
}

function summary(histogram: Histogram): { p50: number; p99: number; max: number } {
  return { p50: histogram.percentile(50), p99: histogram.percentile(99), max: histogram.max };
}
