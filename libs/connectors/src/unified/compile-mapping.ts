import { createHash } from 'node:crypto';
import { toolEffects } from '@keyward/contracts';
import canonicalize from 'canonicalize';
import { checkExpression } from '../expression/check-expression.js';
import { evaluatedHere } from '../expression/compile-expression.js';
import { Declared, REQUEST_VARIABLES } from '../request/declared.js';
import { inside, MappingCompiler } from '../request/mapping.js';
import type { Fail } from '../tool/compile-tool.js';
import type { Arguments, Tool } from '../tool/tool.js';
import { boundTool } from './bind-tool.js';
import { sourcesOf, validateNative } from './native-problems.js';
import type { UnifiedDefinition, UnifiedMapping } from './unified-definition.js';
import { CONNECTOR } from './unified-tool.js';

type Schema = Readonly<Record<string, unknown>>;

/** How a unified tool is called for one connector. */
export interface CompiledMapping {
  readonly toolName: string;
  /** For a model; undefined where there is nothing to say. */
  readonly notes: string | undefined;
  /** @param tool of that name, as whoever calls has it */
  bind(tool: Tool, given: Arguments): Tool;
  /** @throws KeywardError `invalid_arguments`, with pointers into the unified arguments */
  argumentsOf(tool: Tool, given: Arguments): Promise<Arguments>;
}

export interface MappingParts {
  definition: UnifiedDefinition;
  mapping: UnifiedMapping;
  tool: Tool;
  /** Of the unified tool: arguments with `connector`, `limit` and `cursor`, and output with `native`. */
  inputSchema: Schema;
  outputSchema: Schema;
}

/** What a list passes through where the mapping does not say otherwise. */
const PAGE = { limit: '$.limit', cursor: '$.cursor' };

export function compileMapping(
  { definition, mapping, tool, inputSchema, outputSchema }: MappingParts,
  fail: Fail,
): CompiledMapping {
  if (toolEffects.indexOf(tool.effect) > toolEffects.indexOf(definition.effect))
    fail(
      ['tool'],
      `the effect of "${tool.name}" is ${tool.effect}, and that of "${definition.name}" ${definition.effect} at most`,
    );
  if (definition.list !== isList(tool))
    fail(['tool'], `"${tool.name}" gives ${definition.list ? 'no list' : 'a list'}, unlike "${definition.name}"`);
  const passed = definition.list ? { ...PAGE, ...mapping.arguments } : mapping.arguments;
  checkNames(tool, mapping, passed, fail);
  const declared = new Declared(inputSchema, evaluatedHere);
  const mappings = new MappingCompiler(declared, new Set());
  refuseUnknowable(mapping.arguments, inside('arguments', fail));
  const members = mappings.compileMembers(passed, inside('arguments', fail));
  checkIgnored(declared, mapping, fail);
  const output = declared.expression(
    mapping.output,
    { context: 'answer', steps: new Set(), variables: ['args'] },
    inside('output', fail),
  );
  const sources = sourcesOf(passed);
  const binding = { output, isList: definition.list, version: versionOf(definition, mapping), outputSchema };
  return {
    toolName: tool.name,
    notes: notesOf(mapping),
    bind: (native, given) => boundTool(native, binding, given),
    argumentsOf: async (native, given) => {
      const inputs = await mappings.inputs({ args: given, steps: {}, key: '', connection: {}, provider: native.provider });
      const entries = members.map(([name, value]) => [name, value(inputs)] as const);
      const made = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
      await validateNative(native, made, given, sources);
      return made;
    },
  };
}

/** Whether what it gives are `items`, one portion at a time. */
function isList({ pagination, outputSchema }: Tool): boolean {
  const own = (outputSchema?.['properties'] ?? {}) as Schema;
  return pagination !== null || (Object.hasOwn(own, 'items') && Object.hasOwn(own, 'nextCursor'));
}

function checkNames(tool: Tool, { arguments: mapped }: UnifiedMapping, passed: Schema, fail: Fail): void {
  const {
    properties = {},
    required = [],
    additionalProperties,
  } = tool.inputSchema as {
    properties?: Schema;
    required?: string[];
    additionalProperties?: unknown;
  };
  const extra = Object.keys(passed).find((name) => additionalProperties === false && !Object.hasOwn(properties, name));
  if (extra !== undefined)
    fail(
      Object.hasOwn(mapped, extra) ? ['arguments', extra] : ['arguments'],
      `the tool "${tool.name}" has no argument "${extra}"`,
    );
  const missing = required.find((name) => !Object.hasOwn(passed, name));
  if (missing !== undefined) fail(['arguments'], `the tool "${tool.name}" needs the argument "${missing}"`);
}

/** What is known only of a request that is about to be sent. */
const LATER = ['connection', 'key', 'steps', 'uuid'];

/** Arguments are made before anything else is done. */
function refuseUnknowable(mapped: unknown, fail: Fail): void {
  if (mapped === '$key' || mapped === '$uuid') fail([], `there is no ${mapped} here`);
  if (typeof mapped !== 'object' || mapped === null) return;
  for (const [name, value] of Object.entries(mapped)) {
    const reads = name === '$expr' ? checkExpression(String(value), new Set(REQUEST_VARIABLES)) : undefined;
    const isRead = (variable: string) =>
      reads !== undefined && !('problem' in reads) && (reads.members.has(variable) || reads.wholes.has(variable));
    const unknowable = LATER.find(isRead);
    if (unknowable !== undefined) fail([name], `there is no $${unknowable} here`);
    if (reads === undefined) refuseUnknowable(value, inside(name, fail));
  }
}

/** Every argument is used, or said to be of no use. */
function checkIgnored(declared: Declared, { ignored }: UnifiedMapping, fail: Fail): void {
  const before = new Set(declared.unused());
  for (const [index, name] of ignored.entries()) {
    if (!declared.names.has(name)) fail(['ignored', index], `there is no argument "${name}"`);
    if (!before.has(name)) fail(['ignored', index], `the argument "${name}" is used`);
  }
  const forgotten = [...before].find((name) => name !== CONNECTOR && !ignored.includes(name));
  if (forgotten !== undefined)
    fail(['arguments'], `nothing is made of the argument "${forgotten}": use it, or list it under ignored`);
}

function notesOf({ notes, ignored }: UnifiedMapping): string | undefined {
  const without = ignored.length === 0 ? [] : [`Without effect: ${ignored.join(', ')}.`];
  const all = [...(notes === undefined ? [] : [notes]), ...without];
  return all.length === 0 ? undefined : all.join(' ');
}

/** Another wherever other arguments might be made, or something else of the output. */
function versionOf(definition: UnifiedDefinition, mapping: UnifiedMapping): string {
  return createHash('sha256')
    .update(canonicalize({ definition, mapping }) ?? '')
    .digest('hex');
}
