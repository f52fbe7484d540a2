import type { Tool } from '@keyward/connectors';
import { generate, type Schema } from '@keyward/vendor-emulation';
import type { Sample } from '../vendor/samples.js';

export type Arguments = Readonly<Record<string, unknown>>;

/**
 * The arguments to try a tool with: those of its sample, else the required ones of its input schema; and the last of them with as many more
 * as go together, so that each argument is sent once,
 * and those that exclude others on their own.
 */
export function argumentsFor(tool: Tool, sample: Sample): readonly Arguments[] {
  const { $defs = {}, ...schema } = JSON.parse(
    JSON.stringify(tool.inputSchema).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as Record<string, unknown>;
  const made = generate(schema, $defs as Record<string, Schema>) as Record<string, unknown>;
  // What pages are asked for is the runner's.
  const all = tool.pagination === null ? made : without(made, ['limit', 'cursor']);
  const given = [sample.arguments ?? leastOf(tool, all, (schema['required'] ?? []) as string[])].flat();
  const sent = new Set(given.flatMap((args) => Object.keys(args)));
  const last = given.at(-1) ?? {};
  const most = Object.entries(all)
    .filter(([name]) => !sent.has(name))
    .reduce<Arguments>((args, [name, value]) => {
      const more = { ...args, [name]: value };
      return isValid(tool, more) ? more : args;
    }, last);
  const tries = most === last ? given : [...given, most];
  return [...tries, ...alternatives(tool, all, tries)];
}

/** Arguments that exclude those of the other tries: each with the fewest beside it. */
function alternatives(tool: Tool, all: Arguments, tries: readonly Arguments[]): Arguments[] {
  const sent = new Set(tries.flatMap((args) => Object.keys(args)));
  const fewest = tries[0] ?? {};
  return Object.entries(all)
    .filter(([name]) => !sent.has(name))
    .flatMap(([name, value]) => {
      const without = Object.keys(fewest).map((other) =>
        Object.fromEntries(Object.entries(fewest).filter(([key]) => key !== other)),
      );
      const valid = [fewest, ...without].map((args) => ({ ...args, [name]: value })).find((args) => isValid(tool, args));
      return valid === undefined ? [] : [valid];
    });
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
