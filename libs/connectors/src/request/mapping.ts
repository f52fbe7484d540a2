import type { Arguments } from '../tool/tool.js';

/** Gives a value of the request from the arguments; undefined where the caller gave none: the member is then left out. */
export type Mapped = (args: Arguments) => unknown;

type Fail = (path: readonly PropertyKey[], detail: string) => never;

/** What is known of the arguments while compiling. */
export interface Declared {
  names: ReadonlySet<string>;
  /** Whether arguments that are not declared may come. */
  open: boolean;
  /** Filled with every argument that some part of the request uses. */
  used: Set<string>;
}

/** Compiles one value of `request`, see tool-definition.ts for what the text `$…` means. */
export function compileMapping(value: unknown, declared: Declared, fail: Fail): Mapped {
  if (typeof value === 'string') return compileText(value, declared, fail);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileMapping(item, declared, (path, detail) => fail([index, ...path], detail)));
    return (args) => items.map((item) => item(args)).filter((item) => item !== undefined);
  }
  if (typeof value === 'object' && value !== null) return compileObject(value, declared, fail);
  return () => value;
}

function compileObject(value: object, declared: Declared, fail: Fail): Mapped {
  const members = Object.entries(value).map(
    ([key, item]) => [key, compileMapping(item, declared, (path, detail) => fail([key, ...path], detail))] as const,
  );
  return (args) => {
    const result: Record<string, unknown> = {};
    for (const [key, member] of members) {
      const mapped = member(args);
      if (mapped !== undefined) result[key] = mapped;
    }
    return result;
  };
}

function compileText(text: string, declared: Declared, fail: Fail): Mapped {
  if (!text.startsWith('$')) return () => text;
  if (text.startsWith('$$')) return () => text.slice(1);
  if (text === '$') {
    for (const name of declared.names) declared.used.add(name);
    return (args) => args;
  }
  const names = text.slice(2).split('.');
  const [first] = names;
  if (text[1] !== '.' || first === undefined || names.includes('')) return fail([], `"${text}" is neither $.argument nor $$text`);
  if (!declared.open && !declared.names.has(first)) return fail([], `there is no argument "${first}"`);
  declared.used.add(first);
  return names.length === 1 ? (args) => own(args, first) : (args) => names.reduce<unknown>(own, args);
}

/** Only what the caller sent: never something inherited, such as `constructor`. */
function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Arguments)[name] : undefined;
}
