import type { ProviderManifest } from '@keyward/connectors';
import { Breaker, Bulkhead, RetryBudget, type BreakerState } from '@keyward/limits';

/** Servers that users host themselves have a lane each; those that are idle longest make way. */
const MAX_LANES = 2_000;

/** One origin of a provider, for all who call it: how it does, who is there, what may be repeated. */
export interface Lane {
  readonly provider: string;
  readonly breaker: Breaker;
  readonly places: Bulkhead;
  readonly retries: RetryBudget;
}

/** One that hangs or fails takes nothing from the others. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /** @param url absolute */
  of({ name, limits }: ProviderManifest, url: string): Lane {
    // What the manifest says of its pace is part of it: one that an organization posted slows nobody else's.
    const key = `${name} ${originOf(url)} ${limits.max_concurrency}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = {
      provider: name,
      breaker: new Breaker(),
      places: new Bulkhead(limits.max_concurrency),
      retries: new RetryBudget(),
    };
    this.#lanes.set(key, lane);
    if (this.#lanes.size > MAX_LANES) this.#forgetOne();
    return lane;
  }

  /** The worst among the origins of each provider. */
  breakers(): Map<string, BreakerState> {
    const worst = new Map<string, BreakerState>();
    for (const { provider, breaker } of this.#lanes.values()) {
      worst.set(provider, Math.max(worst.get(provider) ?? 0, breaker.state) as BreakerState);
    }
    return worst;
  }

  #forgetOne(): void {
    for (const [key, { breaker, places, retries }] of this.#lanes) {
      if (!places.idle || !retries.idle || breaker.state !== 0) continue;
      this.#lanes.delete(key);
      return;
    }
  }
}

/** Of a URL that was built from a manifest: what stands before the path. */
function originOf(url: string): string {
  const path = url.indexOf('/', url.indexOf('//') + 2);
  return path === -1 ? url : url.slice(0, path);
}
