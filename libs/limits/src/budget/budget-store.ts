/** One limit of one budget. */
export interface BudgetKey {
  readonly org: string;
  readonly budget: string;
  /** `calls` counts calls, `cost` millionths of the currency. */
  readonly measure: 'calls' | 'cost';
}

/** What of a limit one replica may use until its period ends. */
export interface Share {
  /** 0: there are not as many left as were asked for at least. */
  readonly granted: number;
  /** What others may still have. */
  readonly left: number;
  /** RFC 3339: when the period began; names it for `giveBack`. */
  readonly startsAt: string;
  /** RFC 3339: when the next one begins. */
  readonly resetsAt: string;
  /** Until then, by the store's clock. */
  readonly endsInMs: number;
  /** What was told of the limit with this share, for the first time in this period. */
  readonly told: readonly ('warned' | 'exceeded')[];
}

/**
 * What of the limits of budgets is set aside, over all replicas. Whoever may use a unit has it set aside before; what is not given back
 * counts as used.
 *
 * One contract suite runs on every implementation (`@keyward/limits/budget-contract`).
 */
export interface BudgetStore {
  /**
   * Between `least` and `most` units where they are left; near the limit a quarter of what is left at a time. Of a limit that only warns,
   * always. With a `least` of 0, ahead of need, nothing is refused, and so nothing told.
   * @returns undefined: there is no such limit
   * @throws KeywardError `dependency_unavailable`
   */
  lease(key: BudgetKey, request: { least: number; most: number }): Promise<Share | undefined>;
  /** Units that were not used and will not be. @throws KeywardError `dependency_unavailable` */
  giveBack(key: BudgetKey, unused: { startsAt: string; units: number }): Promise<void>;
}
