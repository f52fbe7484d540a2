import type { Tool } from '@keyward/connectors';
import { KeywardError, permissionLevels } from '@keyward/contracts';
import type { CallCredential } from '@keyward/credentials';

/**
 * Whether the agent's assignment covers the tool: the connector is assigned, the tool is among those named, and its effect does not
 * go beyond the permission level. All three refusals read the same.
 *
 * @throws KeywardError `tool_not_assigned`
 */
export function authorise(tool: Tool, { permission, tools }: Pick<CallCredential, 'permission' | 'tools'>): void {
  const named = tools === null || tools.includes(tool.name);
  const allowed = permission !== null && permissionLevels.indexOf(tool.effect) <= permissionLevels.indexOf(permission);
  if (named && allowed) return;
  throw new KeywardError('tool_not_assigned', 'This tool is not assigned to the agent, or only with a lower permission.');
}
