import type { ToolDefinition } from '../manifest/tool-definition.js';
import type { Fail } from './compile-tool.js';
import type { Tool } from './tool.js';

/** What takes a call back must be a tool of the same connector, and be given what it needs. */
export function checkCompensation(
  { compensate }: Pick<ToolDefinition, 'compensate'>,
  own: ReadonlyMap<string, Tool>,
  fail: Fail,
): void {
  if (compensate === undefined) return;
  const tool = own.get(compensate.tool);
  if (tool === undefined) return fail(['compensate', 'tool'], `this connector has no tool "${compensate.tool}"`);
  if (tool.effect === 'read') fail(['compensate', 'tool'], 'is a read, which takes nothing back');
  const { properties, required } = tool.inputSchema;
  const given = Object.keys(compensate.arguments);
  const extra = given.find((name) => !Object.hasOwn((properties ?? {}) as object, name));
  if (extra !== undefined) fail(['compensate', 'arguments', extra], `the tool "${tool.name}" has no such argument`);
  const missing = (Array.isArray(required) ? (required as string[]) : []).find((name) => !given.includes(name));
  if (missing !== undefined) fail(['compensate', 'arguments'], `the tool "${tool.name}" needs the argument "${missing}"`);
}
