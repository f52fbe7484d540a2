import { OAuthError } from '@keyward/oauth';
import { bulkhead, circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen, wrap } from 'cockatiel';

/** Token requests at a time to one authorization server. */
const CONCURRENCY = 32;
const FAILURES_TO_OPEN = 5;
export const BREAKER_HALF_OPEN_MS = 10_000;

/** Each provider's own queue and breaker: one that hangs or fails takes nothing from the others. */
export class ProviderLanes {
  readonly #lanes = new Map<string, ReturnType<typeof createLane>>();

  /** @param onState told about every change of a breaker: 0 closed, 1 half open, 2 open */
  constructor(private readonly onState: (provider: string, state: 0 | 1 | 2) => void) {}

  /** @throws BrokenCircuitError without running the task; whatever the task throws. */
  run<T>(provider: string, task: () => Promise<T>): Promise<T> {
    let lane = this.#lanes.get(provider);
    if (lane === undefined) {
      lane = createLane((state) => this.onState(provider, state));
      this.#lanes.set(provider, lane);
    }
    return lane.execute(task);
  }
}

function createLane(onState: (state: 0 | 1 | 2) => void) {
  const breaker = circuitBreaker(handleWhen(isOutage), {
    halfOpenAfter: BREAKER_HALF_OPEN_MS,
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
  });
  breaker.onStateChange((state) => onState(state === CircuitState.Open ? 2 : state === CircuitState.HalfOpen ? 1 : 0));
  onState(0);
  // Never full: what waits here is bounded by the leases that are taken, and a lease that has run short is not used.
  return wrap(bulkhead(CONCURRENCY, Number.POSITIVE_INFINITY), breaker);
}

/** A refusal is an answer; only a server that gives none, or asks for a pause, is spared. */
function isOutage(error: unknown): boolean {
  return error instanceof OAuthError && error.failure === 'transient';
}
