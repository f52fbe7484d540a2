/** Bounds on calls and cost per period, and what of them is used over all replicas. */
export const BUDGETS = ``;
