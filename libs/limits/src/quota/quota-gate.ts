import { LONGEST_TIMER_MS, TooLate, WaitingLine, type Turn } from '../line/waiting-line.js';
import type { Who } from '../line/fair-line.js';
import { Pool, type HeldUnits } from './units.js';
import { batchOf, type Learned, type Lease, type QuotaStore, type QuotaTerms } from './quota-store.js';

/** Units that are used by whoever has them, or put back at once. */
export type TakenUnits = readonly HeldUnits[];

/** A lease holds back its units for so much longer than a window, which is what exactness over replicas costs of a quota. */
const LIFE_SHARE = 0.01;
const LIFE_MS = { least: 10, most: 10_000 } as const;
/** Of the last round trip to the store: what takes longer arrives lapsed. */
const LIFE_TRIPS = 2;
/** For so many lives of a lease, and that long at least, the store is believed that it has nothing. */
const BELIEVED = { lives: 5, leastMs: 100 } as const;
/** With less than this of a batch left, the next is asked for before somebody has to wait for it. */
const LOW_SHARE = 0.25;

/** One quota as this replica sees it: leases ahead as much as is used, hands out in turn, gives back what nobody used. */
export class QuotaGate {
  readonly #pool = new Pool();
  readonly #waiting = new WaitingLine<TakenUnits>();
  readonly #largest: number;
  #batch = 1;
  #asking = false;
  /** Units on their way back: who asks before they are there is told less than there is. */
  #returning: Promise<void> | undefined;
  #tripMs = 0;
  /** `performance.now()`: before that the store has nothing, as it said. */
  #nextAt = Number.NEGATIVE_INFINITY;
  /** Until then it is believed: another replica may give back what it does not need. */
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #leftElsewhere: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: QuotaStore,
    private readonly key: string,
    readonly terms: QuotaTerms,
  ) {
    this.#largest = batchOf(terms);
  }

  /** What may still be used now, over all replicas, as far as this one was told. */
  get left(): number | undefined {
    return this.#leftElsewhere === undefined ? undefined : this.#leftElsewhere + this.#pool.units;
  }

  /** Forgetting it would change nothing. */
  get idle(): boolean {
    return this.#pool.units === 0 && this.#waiting.length === 0 && !this.#asking && this.#askAgainAt <= performance.now();
  }

  /** What is at hand, without asking anybody. */
  tryTake(cost: number): TakenUnits | undefined {
    if (this.#waiting.length > 0) return undefined;
    const taken = this.#fromPool(this.#possible(cost));
    if (taken !== undefined && this.#isLow) void this.#ask();
    return taken;
  }

  /** @throws TooLate at once where it can not be had in time; the signal's reason; KeywardError of the store */
  wait(who: Who, turn: Turn): Promise<TakenUnits> {
    const cost = this.#possible(turn.cost);
    const earliest = this.#earliest(cost);
    if (earliest > turn.until) return Promise.reject(new TooLate(earliest - performance.now()));
    const waiting = this.#waiting.wait(who, { ...turn, cost });
    this.#serve();
    return waiting;
  }

  /** Units that were taken and not used. */
  putBack(taken: TakenUnits): void {
    for (const each of taken) this.#pool.put(each);
    this.#serve();
  }

  /** What the provider says of the quota itself. Tells the store where that is less than is known, by more than what is under way. */
  async learn({ remaining, resetMs }: Learned): Promise<void> {
    const known = this.left ?? this.terms.limit;
    if (remaining >= known || (remaining > 0 && remaining + this.#largest > known)) return;
    // What is at hand here is a part of what remains.
    await this.#giveBack(this.#pool.take(this.#pool.units - remaining) ?? []);
    this.#leftElsewhere = Math.max(0, remaining - this.#pool.units);
    await this.store.learn(this.key, { remaining: this.#leftElsewhere, resetMs });
  }

  /** Gives back what nobody will use. Who still waits is refused by his own signal. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#giveBack(this.#pool.lapsed(Number.POSITIVE_INFINITY));
  }

  /** A call that costs more than the whole quota costs the whole quota. */
  #possible(cost: number): number {
    return Math.min(cost, this.terms.limit);
  }

  get #isLow(): boolean {
    return this.#batch > 1 && this.#pool.units <= this.#batch * LOW_SHARE && this.#askAgainAt <= performance.now();
  }

  /** Before then nobody who comes now has his turn, however little the other replicas use. */
  #earliest(cost: number): number {
    const windows = Math.floor((this.#waiting.units + cost - 1) / this.terms.limit);
    const now = performance.now();
    return (this.#askAgainAt > now ? Math.max(this.#nextAt, now) : now) + windows * this.terms.windowMs;
  }

  #fromPool(cost: number): TakenUnits | undefined {
    const now = performance.now();
    if ((this.#pool.lapsesAt ?? Infinity) <= now) this.#lapse(now);
    const taken = this.#pool.take(cost);
    // Used up before it lapsed: the next may be larger.
    if (taken !== undefined && this.#pool.units === 0) this.#batch = Math.min(this.#largest, this.#batch * 2);
    return taken;
  }

  #lapse(now: number): void {
    const unused = this.#pool.lapsed(now);
    if (unused.length === 0) return;
    this.#batch = Math.max(1, this.#batch >> 1);
    void this.#giveBack(unused);
  }

  /** What can not be given back is free again a window later by itself; what is, can be had again at once. */
  #giveBack(unused: readonly HeldUnits[]): Promise<void> {
    if (unused.length === 0) return Promise.resolve();
    const returns = unused.map(({ id, units }) => this.store.giveBack(this.key, { id, units }).catch(() => undefined));
    this.#askAgainAt = Number.NEGATIVE_INFINITY;
    this.#returning = Promise.all(returns).then(() => undefined);
    return this.#returning;
  }

  #serve(): void {
    this.#waiting.serve((cost) => this.#fromPool(cost));
    if (this.#waiting.length > 0) void this.#ask();
    else this.#wakeAt(this.#pool.lapsesAt);
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    if (this.#askAgainAt > performance.now()) return this.#hold();
    this.#asking = true;
    if (this.#returning !== undefined) await this.#returning;
    this.#returning = undefined;
    const now = performance.now();
    const missing = Math.max(1, (this.#waiting.nextCost ?? 1) - this.#pool.units);
    const most = Math.max(missing, Math.min(this.#largest, Math.max(this.#waiting.units, this.#batch)));
    const lifeMs = this.#lifeMs();
    try {
      this.#entered(await this.store.lease(this.key, this.terms, { least: missing, most, lifeMs }), now + lifeMs);
    } catch (error) {
      this.#asking = false;
      this.#waiting.refuseBefore(Number.POSITIVE_INFINITY, () => error);
      return;
    }
    this.#tripMs = performance.now() - now;
    this.#asking = false;
    this.#serve();
  }

  #entered({ id, granted, left, waitMs }: Lease, until: number): void {
    this.#leftElsewhere = left;
    if (granted > 0) return this.#pool.put({ id, units: granted, until });
    const now = performance.now();
    this.#nextAt = now + waitMs;
    this.#askAgainAt = now + Math.min(waitMs, Math.max(BELIEVED.leastMs, BELIEVED.lives * this.#lifeMs()));
  }

  #lifeMs(): number {
    const wanted = Math.max(LIFE_MS.least, LIFE_SHARE * this.terms.windowMs, LIFE_TRIPS * this.#tripMs);
    return Math.ceil(Math.min(wanted, LIFE_MS.most, this.terms.windowMs));
  }

  /** The store has nothing for a while: who can not wait until then is told at once. */
  #hold(): void {
    const waitMs = this.#nextAt - performance.now();
    this.#waiting.refuseBefore(this.#nextAt, () => new TooLate(waitMs));
    this.#wakeAt(this.#waiting.length > 0 ? this.#askAgainAt : this.#pool.lapsesAt);
  }

  #wakeAt(at: number | undefined): void {
    clearTimeout(this.#timer);
    if (at === undefined) return;
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(0, at - performance.now()), LONGEST_TIMER_MS));
    this.#timer.unref();
  }

  #wake(): void {
    this.#lapse(performance.now());
    this.#serve();
  }
}
