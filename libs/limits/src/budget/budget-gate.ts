import type { BudgetKey, BudgetStore, Share } from './budget-store.js';

/** Of one limit, in one period. */
export interface TakenShare {
  readonly gate: BudgetGate;
  readonly units: number;
  readonly startsAt: string;
}

/** There are not as many left. */
export interface UsedUp {
  readonly resetsAt: string;
}

/** `unlimited`: the limit is gone. */
export type Taking = TakenShare | UsedUp | 'unlimited';

export interface BudgetGateOptions {
  readonly store: BudgetStore;
  readonly key: BudgetKey;
  /** What was told with a share of this replica. */
  onTold(told: Share['told']): void;
}

/** Each share may be twice as large as the one before, as long as all of it is used. */
const GROWTH = 2;
/** Times what one call takes. */
const LARGEST_BATCH = 256;
/** With less than this of a batch left, the next is asked for before somebody has to wait for it. */
const LOW_SHARE = 0.25;
/** So long the store is believed that nothing is left, or no limit there: another replica may give back, a person change it. */
const BELIEVED_MS = 1_000;
/** What nobody has used for so long goes back. */
const IDLE_MS = 2_000;

interface Waiter {
  readonly units: number;
  settle(taking: Taking): void;
  refuse(error: unknown): void;
}

/** One limit as this replica sees it: has shares set aside ahead of need, and gives back what it does not use. */
export class BudgetGate {
  #units = 0;
  #startsAt = '';
  /** On `performance.now()`: then the period ends, and what is left of the share with it. */
  #until = Number.NEGATIVE_INFINITY;
  #batch = 1;
  /** The most that a call took so far. */
  #unit = 1;
  #asking = false;
  #goneUntil = Number.NEGATIVE_INFINITY;
  #waiters: Waiter[] = [];
  #usedUp: { units: number; resetsAt: string; until: number } | undefined;
  #lastUse = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: BudgetGateOptions) {}

  /** At once where the answer is known: with a share at hand nobody is asked. @throws KeywardError of the store */
  take(units: number): Taking | Promise<Taking> {
    const now = performance.now();
    if (units === 0 || now < this.#goneUntil) return 'unlimited';
    this.#unit = Math.max(this.#unit, units);
    if (this.#waiters.length === 0) {
      const taken = this.#fromShare(units, now);
      if (taken !== undefined) return taken;
      const usedUp = this.#knownUsedUp(units, now);
      if (usedUp !== undefined) return usedUp;
    }
    return new Promise((settle, refuse) => {
      this.#waiters.push({ units, settle, refuse });
      void this.#ask();
    });
  }

  /** Taken and not used. Of a period that is over it is nobody's any more. */
  putBack({ units, startsAt }: TakenShare): void {
    if (startsAt !== this.#startsAt || this.#until <= performance.now()) return;
    this.#units += units;
    this.#usedUp = undefined;
    this.#watch();
  }

  /** The limit may be another now: what the store said of it before is not believed any more. */
  forget(): void {
    this.#usedUp = undefined;
    this.#goneUntil = Number.NEGATIVE_INFINITY;
  }

  /** Gives back what nobody has taken. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#giveBack();
  }

  #fromShare(units: number, now: number): TakenShare | undefined {
    if (this.#until <= now) this.#units = 0;
    if (this.#units < units) return undefined;
    this.#units -= units;
    this.#lastUse = now;
    const isLow = this.#batch > units && this.#units <= this.#batch * LOW_SHARE;
    if (isLow && this.#knownUsedUp(units, now) === undefined) void this.#ask();
    return { gate: this, units, startsAt: this.#startsAt };
  }

  #knownUsedUp(units: number, now: number): UsedUp | undefined {
    const known = this.#usedUp;
    return known !== undefined && now < known.until && units >= known.units ? known : undefined;
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const [first] = this.#waiters;
    const now = performance.now();
    const held = this.#until <= now ? 0 : this.#units;
    // Nobody waits: what is not there is no refusal, and nothing to tell.
    const least = first === undefined ? 0 : Math.max(1, first.units - held);
    const wanted = this.#waiters.reduce((sum, { units }) => sum + units, 0);
    // A share that was used up doubles; one of which something went back has shrunk.
    this.#batch = Math.min(Math.max(this.#batch * GROWTH, wanted), LARGEST_BATCH * this.#unit);
    try {
      const share = await this.options.store.lease(this.options.key, { least, most: Math.max(least, this.#batch) });
      this.#asking = false;
      this.#entered(share, least, now);
    } catch (error) {
      this.#asking = false;
      for (const { refuse } of this.#waiters.splice(0)) refuse(error);
      return;
    }
    if (this.#waiters.length > 0) void this.#ask();
  }

  #entered(share: Share | undefined, least: number, askedAt: number): void {
    if (share === undefined) {
      this.#goneUntil = performance.now() + BELIEVED_MS;
      for (const { settle } of this.#waiters.splice(0)) settle('unlimited');
      return;
    }
    if (share.told.length > 0) this.options.onTold(share.told);
    // Counted from before the question, the period ends here no later than there.
    const until = askedAt + share.endsInMs;
    if (share.startsAt !== this.#startsAt) this.#units = 0;
    [this.#startsAt, this.#until] = [share.startsAt, until];
    this.#units += share.granted;
    if (share.granted === 0) this.#batch = 1;
    if (share.granted === 0 && least > 0) this.#refuse(least, share.resetsAt);
    this.#serve();
    this.#watch();
  }

  #refuse(least: number, resetsAt: string): void {
    const units = least + this.#units;
    this.#usedUp = { units, resetsAt, until: Math.min(performance.now() + BELIEVED_MS, this.#until) };
    const refused = this.#waiters.filter((waiter) => waiter.units >= units);
    this.#waiters = this.#waiters.filter((waiter) => waiter.units < units);
    for (const { settle } of refused) settle({ resetsAt });
  }

  #serve(): void {
    const now = performance.now();
    for (let [first] = this.#waiters; first !== undefined; [first] = this.#waiters) {
      const taken = this.#fromShare(first.units, now);
      if (taken === undefined) return;
      this.#waiters.shift();
      first.settle(taken);
    }
  }

  /** One timer at most, and none while there is nothing to give back. */
  #watch(): void {
    if (this.#timer !== undefined || this.#units === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (performance.now() - this.#lastUse < IDLE_MS) return this.#watch();
      void this.#giveBack();
    }, IDLE_MS);
    this.#timer.unref();
  }

  /** What can not be given back counts as used. */
  async #giveBack(): Promise<void> {
    const [units, startsAt] = [this.#units, this.#startsAt];
    this.#units = 0;
    this.#batch = 1;
    if (units === 0 || this.#until <= performance.now()) return;
    await this.options.store.giveBack(this.options.key, { startsAt, units }).catch(() => undefined);
  }
}
