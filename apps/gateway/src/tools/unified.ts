import type { Catalog, Tool, UnifiedTool } from '@keyward/connectors';
import { isAssigned, notAssigned, type AgentAssignments } from './assignments.js';

type Arguments = Readonly<Record<string, unknown>>;

/** What of a unified tool an agent may call: connector → the tool behind it, in the order of connectors. */
export function assignedBehind(catalog: Catalog, unified: UnifiedTool, assignments: AgentAssignments): ReadonlyMap<string, Tool> {
  return new Map([...catalog.behind(unified)].filter(([, tool]) => isAssigned(tool, assignments)));
}

/**
 * The arguments of a call, which of a unified tool say for which connector: where the agent has but one, that one.
 *
 * @throws KeywardError `tool_not_assigned` where the agent has none; `invalid_arguments` at /connector where it must choose
 */
export function withConnector<T extends Arguments>(catalog: Catalog, name: string, given: T, assignments: AgentAssignments): T {
  const unified = catalog.unified(name);
  if (unified === undefined || Object.hasOwn(given, 'connector')) return given;
  const choices = [...assignedBehind(catalog, unified, assignments).keys()];
  const [only] = choices;
  if (only === undefined) throw notAssigned();
  if (choices.length > 1) throw unified.mustChoose(choices);
  return { ...given, connector: only };
}
