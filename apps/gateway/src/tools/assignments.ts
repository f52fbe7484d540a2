import { KeywardError, type Assignment, type ControlRevoked, type ToolEffect } from '@keyward/contracts';
import type { Tool } from '@keyward/connectors';
import { LRUCache } from 'lru-cache';

/** Assignments of one agent by connector; empty for an agent that does not exist. */
export type AgentAssignments = ReadonlyMap<string, Assignment>;
export type LoadAssignments = (org: string, agent: string) => Promise<AgentAssignments>;

/** Short, because a change is not broadcast; tool-executor decides on the row itself, so nothing is granted by a stale entry. */
const CACHED_MS = 5_000;
const CACHED_AGENTS = 20_000;

const RANK: Record<ToolEffect, number> = { read: 0, write: 1, destructive: 2 };

export class Assignments {
  readonly #load: LoadAssignments;
  readonly #cache: LRUCache<string, Promise<AgentAssignments>>;

  constructor(load: LoadAssignments, cachedMs = CACHED_MS) {
    this.#load = load;
    this.#cache = new LRUCache({ max: CACHED_AGENTS, ttl: cachedMs });
  }

  /** @throws KeywardError `dependency_unavailable` */
  of(org: string, agent: string): Promise<AgentAssignments> {
    const key = `${org}.${agent}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    // The promise is what is cached, so that a crowd of first calls asks once; a failure is not kept.
    const loading = this.#load(org, agent);
    this.#cache.set(key, loading);
    loading.catch(() => {
      if (this.#cache.peek(key) === loading) this.#cache.delete(key);
    });
    return loading;
  }

  forget(revoked: ControlRevoked): void {
    if (revoked.kind === 'agent') this.#cache.delete(`${revoked.org}.${revoked.agent}`);
    if (revoked.kind === 'organization') this.forgetAll();
  }

  forgetAll(): void {
    this.#cache.clear();
  }
}

export function isAssigned(tool: Tool, assignments: AgentAssignments): boolean {
  const assignment = assignments.get(tool.provider.name);
  if (assignment === undefined || RANK[tool.effect] > RANK[assignment.permission]) return false;
  return assignment.tools === null || assignment.tools.includes(tool.name);
}

/** @throws KeywardError `tool_not_assigned` */
export function requireAssigned(tool: Tool, assignments: AgentAssignments): void {
  if (!isAssigned(tool, assignments)) throw notAssigned();
}

export function notAssigned(): KeywardError {
  return new KeywardError('tool_not_assigned', 'This tool is not assigned to the agent, or only with a lower permission.');
}
