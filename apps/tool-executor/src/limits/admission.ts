import type { Place, TakenUnits, Verdict } from '@keyward/limits';
import type { CallQuota, Claim } from './quotas-of.js';
import type { Lane } from './lanes.js';

/** What a request needs before it may be sent, all at once. */
export interface Admission {
  readonly place: Place;
  readonly units: readonly Units[];
  /** Tells the breaker how it ended. */
  readonly settle: (verdict: Verdict) => void;
}

interface Units {
  readonly quota: CallQuota;
  readonly taken: TakenUnits;
}

/** What stands in the way first. */
export type Obstacle =
  | { readonly of: 'circuit' | 'pause'; readonly waitMs: number }
  | { readonly of: 'concurrency' }
  | { readonly of: 'quota'; readonly quota: CallQuota };

/** What somebody who waited was given, and what else he needs. */
export interface Hand {
  place?: Place | undefined;
  units?: Units | undefined;
}

const NOTHING: Hand = {};

/**
 * Takes a place and the units of every quota, or nothing, and says what is missing. Whatever was in hand is either used or put back: nobody
 * keeps from others what he can not use yet.
 */
export function tryAdmit(
  lane: Lane,
  { quotas }: Claim,
  cost: number,
  pauseMs: number,
  hand: Hand = NOTHING,
): Admission | Obstacle {
  const units: Units[] = hand.units === undefined ? [] : [hand.units];
  const obstacle = (what: Obstacle, place?: Place): Obstacle => {
    place?.leave();
    for (const { quota, taken } of units) quota.gate.putBack(taken);
    return what;
  };
  if (!lane.breaker.mayEnter) return obstacle({ of: 'circuit', waitMs: lane.breaker.openForMs }, hand.place);
  if (pauseMs > 0) return obstacle({ of: 'pause', waitMs: pauseMs }, hand.place);
  const place = hand.place ?? lane.places.tryEnter();
  if (place === undefined) return obstacle({ of: 'concurrency' });
  for (const quota of quotas) {
    if (quota.gate === hand.units?.quota.gate) continue;
    const taken = quota.gate.tryTake(cost);
    if (taken === undefined) return obstacle({ of: 'quota', quota }, place);
    units.push({ quota, taken });
  }
  return { place, units, settle: lane.breaker.enter() };
}
