import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { Session, type CommonOptions } from '../session/session.js';

interface Definition<T> {
  command: string;
  describe: string;
  builder: (args: Argv<CommonOptions>) => Argv<T>;
  handler: (session: Session, args: ArgumentsCamelCase<T>) => Promise<void>;
}

/** A command whose handler is given a session; what it throws is told by `fail`. */
export function command<T extends CommonOptions>(definition: Definition<T>): CommandModule<CommonOptions, T> {
  const { command: name, describe, builder, handler } = definition;
  return { command: name, describe, builder, handler: (args) => handler(new Session(args), args) };
}

type Add = (args: Argv<CommonOptions>) => Argv<CommonOptions>;

/** A command that only has others under it. */
export function group(name: string, describe: string, ...commands: readonly Add[]): CommandModule<CommonOptions, CommonOptions> {
  return {
    command: `${name} <command>`,
    describe,
    builder: (args) => commands.reduce((built, add) => add(built), args).demandCommand(1, `Name what to do with ${name}.`),
    handler: () => undefined,
  };
}

/** One of a group's commands. */
export function under<T extends CommonOptions>(definition: Definition<T>): Add {
  return (args) => args.command(command(definition));
}

/** Repeatable options, also with commas: `--scope a --scope b,c`. */
export function list(values: readonly string[] | undefined): string[] | undefined {
  return values?.flatMap((value) => value.split(',')).filter((value) => value !== '');
}

/** `name=value` pairs. */
export function pairs(values: readonly string[] | undefined): Record<string, string> {
  return Object.fromEntries(
    (values ?? []).map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
