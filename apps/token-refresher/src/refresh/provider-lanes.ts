import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import { OAuthError } from '@keyward/oauth';
import { bulkhead, circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen, wrap } from 'cockatiel';

/** Token requests at a time to one authorization server. */
const CONCURRENCY = 32;
const FAILURES_TO_OPEN = 5;
export const BREAKER_HALF_OPEN_MS = 10_000;
/** Servers that users host themselves have a lane each; those used longest ago make way. */
const MAX_LANES = 2_000;

/** 0 closed, 1 half open, 2 open. */
export type BreakerState = 0 | 1 | 2;

interface Lane {
  provider: string;
  state: BreakerState;
  execute<T>(task: () => Promise<T>): Promise<T>;
}

/** Each authorization server's own queue and breaker: one that hangs or fails takes nothing from the others. */
export class ProviderLanes {
  readonly #lanes = new Map<string, Lane>();

  /** @param onState told about every change of a breaker: the worst state among the servers of that provider */
  constructor(private readonly onState: (provider: string, state: BreakerState) => void) {}

  /**
   * @param provider resolved
   * @throws BrokenCircuitError without running the task; whatever the task throws.
   */
  run<T>(provider: ProviderManifest, task: () => Promise<T>): Promise<T> {
    const key = [provider.name, ...authorizationServerOrigins(provider)].join(' ');
    const lane = this.#lanes.get(key) ?? this.#open(provider.name);
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    const [oldest] = this.#lanes.keys();
    if (this.#lanes.size > MAX_LANES && oldest !== undefined) this.#lanes.delete(oldest);
    return lane.execute(task);
  }

  #open(provider: string): Lane {
    const breaker = circuitBreaker(handleWhen(isOutage), {
      halfOpenAfter: BREAKER_HALF_OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    });
    // Never full: what waits here is bounded by the leases that are taken, and a lease that has run short is not used.
    const policy = wrap(bulkhead(CONCURRENCY, Number.POSITIVE_INFINITY), breaker);
    const lane: Lane = { provider, state: 0, execute: (task) => policy.execute(task) };
    breaker.onStateChange((state) => {
      lane.state = state === CircuitState.Open ? 2 : state === CircuitState.HalfOpen ? 1 : 0;
      this.onState(provider, this.#worst(lane));
    });
    this.onState(provider, this.#worst(lane));
    return lane;
  }

  #worst(changed: Lane): BreakerState {
    const states = [...this.#lanes.values()].filter(({ provider }) => provider === changed.provider).map(({ state }) => state);
    return Math.max(changed.state, ...states) as BreakerState;
  }
}

/** A refusal is an answer; only a server that gives none, or asks for a pause, is spared. */
function isOutage(error: unknown): boolean {
  return error instanceof OAuthError && error.failure === 'transient';
}
