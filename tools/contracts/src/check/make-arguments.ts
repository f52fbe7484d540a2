import type { Tool } from '@keyward/connectors';
import type { Schema } from '../schema.js';
import { generate } from '../vendor/generate.js';
import type { Sample } from '../vendor/samples.js';

export type Arguments = Readonly<Record<string, unknown>>;

/** The arguments to try a tool with: those of its sample, else the required ones of its input schema, and as many as go together. */
export function argumentsFor(tool: Tool, sample: Sample): readonly Arguments[] {
  if (sample.arguments !== undefined) return [sample.arguments].flat();
  const { $defs = {}, ...schema } = JSON.parse(
    JSON.stringify(tool.inputSchema).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as Record<string, unknown>;
  const made = generate(schema, $defs as Record<string, Schema>) as Record<string, unknown>;
  // What pages are asked for is the runner's.
  const all = tool.pagination === null ? made : without(made, ['limit', 'cursor']);
  const required = (schema['required'] ?? []) as string[];
  const least = leastOf(tool, all, required);
  const most = Object.entries(all).reduce<Arguments>((args, [name, value]) => {
    const more = { ...args, [name]: value };
    return isValid(tool, more) ? more : args;
  }, least);
  return Object.keys(least).length === Object.keys(most).length ? [least] : [least, most];
}

/** The required ones, and where that is not enough one more that makes it so. */
function leastOf(tool: Tool, all: Arguments, required: readonly string[]): Arguments {
  const least = Object.fromEntries(Object.entries(all).filter(([name]) => required.includes(name)));
  const candidates = [least, ...Object.entries(all).map(([name, value]) => ({ ...least, [name]: value }))];
  return candidates.find((args) => isValid(tool, args)) ?? least;
}

function isValid(tool: Tool, args: Arguments): boolean {
  try {
    tool.validateArguments(args);
    return true;
  } catch {
    return false;
  }
}

const without = (args: Record<string, unknown>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(args).filter(([name]) => !names.includes(name)));
