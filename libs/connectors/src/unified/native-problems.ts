import { KeywardError } from '@keyward/contracts';
import { checkExpression } from '../expression/check-expression.js';
import { REQUEST_VARIABLES } from '../request/declared.js';
import type { Arguments, Tool } from '../tool/tool.js';

/** Argument of a tool → the unified one that it is made of, where it is one. */
export type Sources = ReadonlyMap<
  string,
  { readonly argument: string; /** It stands there as it was given. */ readonly isSame: boolean }
>;

export function sourcesOf(mappings: Readonly<Record<string, unknown>>): Sources {
  return new Map(
    Object.entries(mappings).flatMap(([name, mapping]) => {
      const source = sourceOf(mapping);
      return source === undefined ? [] : [[name, source] as const];
    }),
  );
}

function sourceOf(mapping: unknown): { argument: string; isSame: boolean } | undefined {
  const direct = typeof mapping === 'string' ? /^\$\.([^.]+)$/.exec(mapping)?.[1] : undefined;
  if (direct !== undefined) return { argument: direct, isSame: true };
  const names = new Set(argumentsIn(mapping));
  const [argument] = names;
  return names.size === 1 && argument !== undefined ? { argument, isSame: false } : undefined;
}

/** Unified arguments that a mapping reads, wherever in it. */
function argumentsIn(mapping: unknown): string[] {
  if (typeof mapping === 'string') return /^\$\.([^.]+)/.exec(mapping)?.slice(1) ?? [];
  if (Array.isArray(mapping)) return mapping.flatMap(argumentsIn);
  if (typeof mapping !== 'object' || mapping === null) return [];
  return Object.entries(mapping).flatMap(([key, value]) => {
    const reads = key === '$expr' ? checkExpression(String(value), new Set(REQUEST_VARIABLES)) : undefined;
    if (reads === undefined || 'problem' in reads) return argumentsIn(value);
    return [...reads.names, ...(reads.members.get('args') ?? [])];
  });
}

/** Checks what a mapping gave, and says of what is wrong where the caller can mend it. @throws KeywardError `invalid_arguments` */
export function validateNative(tool: Tool, native: Arguments, given: Arguments, sources: Sources): void {
  try {
    tool.validateArguments(native);
  } catch (thrown) {
    if (!(thrown instanceof KeywardError) || thrown.code !== 'invalid_arguments') throw thrown;
    throw atGiven(tool, given, sources, thrown);
  }
}

function atGiven(tool: Tool, given: Arguments, sources: Sources, cause: KeywardError): KeywardError {
  const errors = (cause.details.errors ?? []).map(({ pointer, detail }) => {
    const [name = '', ...rest] = pointer.split('/').slice(1);
    const source = sources.get(name);
    if (source === undefined)
      return { pointer: '', detail: `do not fit ${tool.name}: ${name === '' ? detail : `${name} ${detail}`}` };
    const at = `/${source.argument}`;
    if (!Object.hasOwn(given, source.argument)) return { pointer: at, detail: `is required for ${tool.provider.name}` };
    if (source.isSame) return { pointer: [at, ...rest].join('/'), detail };
    return { pointer: at, detail: `does not fit ${tool.name}: its ${name} ${detail}` };
  });
  const where = errors.map(({ pointer, detail }) => `${pointer === '' ? 'the whole' : pointer}: ${detail}`).join('; ');
  return new KeywardError('invalid_arguments', `The arguments are not valid (${where}).`, { details: { errors }, cause });
}
