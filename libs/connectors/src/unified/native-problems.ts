import { KeywardError } from '@keyward/contracts';
import { checkExpression } from '../expression/check-expression.js';
import { REQUEST_VARIABLES } from '../request/declared.js';
import type { Arguments, Tool } from '../tool/tool.js';

interface Source {
  /** Unified ones, at least one. */
  readonly names: readonly string[];
  /** It stands there as it was given. */
  readonly isSame: boolean;
}

/** Argument of a tool → what it is made of; nothing of one that is always the same. */
export type Sources = ReadonlyMap<string, Source>;

export function sourcesOf(mappings: Readonly<Record<string, unknown>>): Sources {
  const all = Object.entries(mappings).map(([name, mapping]) => [name, sourceOf(mapping)] as const);
  return new Map(all.filter(([, { names }]) => names.length > 0));
}

function sourceOf(mapping: unknown): Source {
  const isSame = typeof mapping === 'string' && /^\$\.[^.]+$/.test(mapping);
  return { names: [...new Set(argumentsIn(mapping))], isSame };
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
export async function validateNative(tool: Tool, native: Arguments, given: Arguments, sources: Sources): Promise<void> {
  try {
    await tool.validateArguments(native);
  } catch (thrown) {
    if (!(thrown instanceof KeywardError) || thrown.code !== 'invalid_arguments') throw thrown;
    throw atGiven(tool, given, sources, thrown);
  }
}

function atGiven(tool: Tool, given: Arguments, sources: Sources, cause: KeywardError): KeywardError {
  const errors = (cause.details.errors ?? []).map(({ pointer, detail }) => {
    const [name = '', ...rest] = pointer.split('/').slice(1);
    const { names, isSame } = sources.get(name) ?? { names: [], isSame: false };
    const [argument, ...others] = names;
    const what = `${tool.name}: ${name === '' ? detail : `its ${name} ${detail}`}`;
    if (argument === undefined) return { pointer: '', detail: `do not fit ${what}` };
    if (others.length > 0) return { pointer: '', detail: `${names.join(', ')} do not fit ${what}` };
    if (!Object.hasOwn(given, argument)) return { pointer: `/${argument}`, detail: `is required for ${tool.provider.name}` };
    if (isSame) return { pointer: [`/${argument}`, ...rest].join('/'), detail };
    return { pointer: `/${argument}`, detail: `does not fit ${what}` };
  });
  const where = errors.map(({ pointer, detail }) => `${pointer === '' ? 'the whole' : pointer}: ${detail}`).join('; ');
  return new KeywardError('invalid_arguments', `The arguments are not valid (${where}).`, { details: { errors }, cause });
}
