/** At most `limit` units in every span of `windowMs`, wherever it begins. */
export interface QuotaTerms {
  readonly limit: number;
  readonly windowMs: number;
}

export interface LeaseRequest {
  /** Fewer are of no use. At least 1, at most the limit. */
  least: number;
  /** More are not wanted. */
  most: number;
  /** How long after asking the units may be used. At most the window. */
  lifeMs: number;
}

export interface Lease {
  /** Names it for `giveBack`; only that store can read it. */
  id: number;
  /** 0: there are not `least` of them. */
  granted: number;
  /** What others may still have. */
  left: number;
  /** With nothing granted: until there may be `least`, at least 1. */
  waitMs: number;
}

/** What the provider itself says is left of a quota, until it starts anew. */
export interface Learned {
  remaining: number;
  resetMs: number;
}

/**
 * What is left of the quotas that all replicas share. Whoever may use a unit leases it first; a unit counts from the end of its lease until a
 * window later, whenever it was used, so that no use of it can fall into a window with more than `limit` others.
 *
 * One contract suite runs on every implementation (`@keyward/limits/contract`).
 */
export interface QuotaStore {
  /**
   * Grants what is asked for, yet no more than a quarter of what is left where that is less: near the limit every replica gets a share.
   * @throws KeywardError `dependency_unavailable`
   */
  lease(key: string, terms: QuotaTerms, request: LeaseRequest): Promise<Lease>;
  /** Units of a lease that were not used and will not be. @throws KeywardError `dependency_unavailable` */
  giveBack(key: string, unused: { id: number; units: number }): Promise<void>;
  /** From now on no more than `remaining` are granted until `resetMs` have passed. @throws KeywardError `dependency_unavailable` */
  learn(key: string, learned: Learned): Promise<void>;
}

/** Of a limit, what one replica leases at a time at most. */
const BATCH_SHARE = 0.05;
/** The windows of quotas are cut into so many steps, and the units whose leases end in one step are counted together. */
const STEPS = 100;

/** How many units are leased at a time at most. 1: too small a quota to lease ahead of, each unit is asked for when it is needed. */
export function batchOf({ limit }: QuotaTerms): number {
  return Math.max(1, Math.floor(limit * BATCH_SHARE));
}

/** How exactly the ends of leases are kept, in ms: to the millisecond where every unit has its own. */
export function stepOf(terms: QuotaTerms): number {
  return batchOf(terms) === 1 ? 1 : Math.max(1, Math.floor(terms.windowMs / STEPS));
}
