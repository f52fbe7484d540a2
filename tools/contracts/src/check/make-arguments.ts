import type { Tool } from '@keyward/connectors';
import type { Schema } from '../schema.js';
import { generate } from '../vendor/generate.js';
import type { Sample } from '../vendor/samples.js';

export type Arguments = Readonly<Record<string, unknown>>;

/** The arguments to try a tool with: those of its sample, else the required ones of its input schema, and all of them. */
export function argumentsFor(tool: Tool, sample: Sample): readonly Arguments[] {
  if (sample.arguments !== undefined) return [sample.arguments].flat();
  const { $defs = {}, ...schema } = JSON.parse(
    JSON.stringify(tool.inputSchema).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as Record<string, unknown>;
  const made = generate(schema, $defs as Record<string, Schema>) as Record<string, unknown>;
  const required = (schema['required'] ?? []) as string[];
  // What pages are asked for is the runner's.
  const all = tool.pagination === null ? made : without(made, ['limit', 'cursor']);
  const least = Object.fromEntries(Object.entries(all).filter(([name]) => required.includes(name)));
  return Object.keys(least).length === Object.keys(all).length ? [all] : [least, all];
}

const without = (args: Record<string, unknown>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(args).filter(([name]) => !names.includes(name)));
