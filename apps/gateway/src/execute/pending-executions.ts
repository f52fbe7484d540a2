import type { AgentAddress } from '@keyward/contracts';
import { LRUCache } from 'lru-cache';

const REMEMBERED = 50_000;
/** An execution may end a little after its deadline; after that, no outcome is no longer "not yet". */
const AFTER_DEADLINE_MS = 60_000;

/**
 * Calls that this process has handed over and given a receipt for, so that "still running" can be told from "never heard of". Other
 * replicas don't know: there the answer is `not_found` until the outcome is kept.
 */
export class PendingExecutions {
  readonly #owners = new LRUCache<string, string>({ max: REMEMBERED, ttl: AFTER_DEADLINE_MS });

  add(id: string, { org, agent }: AgentAddress, timeoutMs: number): void {
    this.#owners.set(id, `${org}.${agent}`, { ttl: timeoutMs + AFTER_DEADLINE_MS });
  }

  has(id: string, { org, agent }: AgentAddress): boolean {
    return this.#owners.get(id) === `${org}.${agent}`;
  }
}
