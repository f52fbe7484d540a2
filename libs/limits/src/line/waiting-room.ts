import type { Who } from './fair-line.js';

/** How many may wait at a time in this process. */
export interface RoomBounds {
  readonly perAgent: number;
  readonly perOrganization: number;
  readonly total: number;
}

/** Whose bound is reached. */
export type FullOf = 'agent' | 'organization' | 'all';

/** Counts who waits, whatever for: what waits holds a place of this process that others could use. */
export class WaitingRoom {
  readonly #agents = new Map<string, number>();
  readonly #orgs = new Map<string, number>();
  #total = 0;

  constructor(private readonly bounds: RoomBounds) {}

  get size(): number {
    return this.#total;
  }

  /** Undefined where it is let in; it must leave then. */
  enter({ org, agent }: Who): FullOf | undefined {
    const [ofAgent, ofOrg] = [this.#agents.get(agent) ?? 0, this.#orgs.get(org) ?? 0];
    if (ofAgent >= this.bounds.perAgent) return 'agent';
    if (ofOrg >= this.bounds.perOrganization) return 'organization';
    if (this.#total >= this.bounds.total) return 'all';
    this.#agents.set(agent, ofAgent + 1);
    this.#orgs.set(org, ofOrg + 1);
    this.#total++;
    return undefined;
  }

  leave({ org, agent }: Who): void {
    countDown(this.#agents, agent);
    countDown(this.#orgs, org);
    this.#total--;
  }
}

function countDown(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count > 1) counts.set(key, count - 1);
  else counts.delete(key);
}
