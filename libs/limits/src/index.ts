export { BudgetGate, type TakenShare, type Taking } from './budget/budget-gate.js';
export { type BudgetKey, type BudgetStore, type Share } from './budget/budget-store.js';
export { MemoryBudgetStore } from './budget/memory-budget-store.js';
export { Breaker, type BreakerOptions, type BreakerState, type Verdict } from './health/breaker.js';
export { Pauses } from './health/pauses.js';
export { RetryBudget } from './health/retry-budget.js';
export { Bulkhead, type Place } from './line/bulkhead.js';
export { type Who } from './line/fair-line.js';
export { TooLate, type Turn } from './line/waiting-line.js';
export { WaitingRoom, type FullOf, type RoomBounds } from './line/waiting-room.js';
export { createMemoryQuotaStore } from './quota/memory-quota-store.js';
export { type QuotaGate, type TakenUnits } from './quota/quota-gate.js';
export { QuotaGates } from './quota/quota-gates.js';
export {
  batchOf,
  stepOf,
  type Learned,
  type Lease,
  type LeaseRequest,
  type QuotaStore,
  type QuotaTerms,
} from './quota/quota-store.js';
