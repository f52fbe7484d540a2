import {
  getNamedType,
  isInputObjectType,
  isNonNullType,
  parse,
  print,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLSchema,
} from 'graphql';
import { ArgumentSet, PAGING_NAMES } from '../arguments.js';
import type { Note, ToolDraft } from '../draft.js';
import { Unfit } from '../import-error.js';
import { ENDING, nameWords, wordsOf } from '../names/words.js';
import { isNode, ownNode } from '../node.js';
import { requiredOf, Simplifier, TooBig, type Limits } from '../schema/simplify.js';
import { looksSecret } from '../sensitive.js';
import { plain } from '../text.js';
import { hasDefault, isCurrent } from './current.js';
import { resolveInput, schemaOfInput, withDescription } from './input-types.js';
import { connectionOf, isList, selectionOf, type Connection, type Width } from './selection.js';

type Field = GraphQLField<unknown, unknown>;

const ATTEMPTS: readonly Limits[] = [3, 2, 1, 0].map((depth) => ({ depth, parts: depth === 0 ? 250 : 120, members: 60 }));
/** The most that a document asks for, and less where that is too long for a tool. */
const WIDTHS: readonly Width[] = [
  { leaves: 30, beside: 10, ofBeside: 10 },
  { leaves: 20, beside: 4, ofBeside: 3 },
  { leaves: 20, beside: 0, ofBeside: 0 },
];
/** What the loader takes. */
const MAX_LENGTH = 20_000;
const MAX_TOKENS = 1_900;
const MAX_PAGE = 100;

/** @throws Unfit */
export function makeGraphqlTool(kind: 'query' | 'mutation', field: Field, schema: GraphQLSchema, path: string): ToolDraft {
  for (const limits of ATTEMPTS) {
    try {
      return attempt(kind, field, schema, path, limits);
    } catch (error) {
      if (!(error instanceof TooBig)) throw error;
    }
  }
  throw new Unfit('it has more arguments than a model can fill');
}

function attempt(kind: 'query' | 'mutation', field: Field, schema: GraphQLSchema, path: string, limits: Limits): ToolDraft {
  const notes: Note[] = [];
  const simplifier = new Simplifier(resolveInput(schema), limits, (at, detail) => notes.push({ kind: 'schema', at, detail }));
  const connection = kind === 'query' ? pagedConnection(field) : undefined;
  const args = new ArgumentSet(connection === undefined ? [] : PAGING_NAMES);
  const given = field.args.filter((argument) => isCurrent(argument) && !(connection !== undefined && PAGED.has(argument.name)));
  const variables = Object.fromEntries(given.map((argument) => [argument.name, variableOf(argument, args, simplifier, notes)]));
  const { effect, guess } = effectOf(kind, field.name);
  if (guess !== undefined) notes.push({ kind: 'effect', at: '/effect', detail: guess });
  const asked =
    connection === undefined ? given : [...field.args.filter(({ name }) => name === 'first' || name === 'after'), ...given];
  const query = documentOf(kind, field, asked);
  notes.push({
    kind: 'answer',
    at: '/request/query',
    detail: 'the fields that are asked for were chosen by their kind: add what is missed',
  });
  if (connection !== undefined) notes.push({ kind: 'pagination', at: '/pagination', detail: 'by its arguments first and after' });
  const input = args.schema();
  const secret = Object.entries(ownNode(input, 'properties')).filter(([name, one]) =>
    looksSecret(name, isNode(one) ? one['format'] : undefined),
  );
  const title = plain(capitalised(wordsOf(field.name).join(' ')), 80) ?? field.name;
  const definition = {
    title,
    description: plain(field.description, 600) ?? title,
    effect,
    input,
    request: { kind: 'graphql', path, query, ...(given.length === 0 ? {} : { variables }) },
    ...(connection === undefined ? {} : { pagination: paginationOf(field.name, connection) }),
    ...(connection?.items === 'edges' ? { output: { select: 'node' } } : {}),
    ...(secret.length === 0 ? {} : { sensitive: secret.map(([name]) => `/${name}`) }),
  };
  const words = nameWords(
    field.name,
    kind === 'mutation' ? 'run' : connectionOf(field.type) !== undefined || isList(field.type) ? 'list' : 'get',
  );
  return {
    operation: `${kind} ${field.name}`,
    place: `/${kind}/${field.name}`,
    words,
    group: kind === 'query' ? 'queries' : 'mutations',
    definition,
    notes: [...notes, ...args.notes],
  };
}

const PAGED: ReadonlySet<string> = new Set(['first', 'after', 'last', 'before']);

function pagedConnection({ type, args }: Field): Connection | undefined {
  const names = new Set(args.map(({ name }) => name));
  return names.has('first') && names.has('after') ? connectionOf(type) : undefined;
}

/** https://relay.dev/graphql/connections.htm */
function paginationOf(field: string, { items }: Connection): Record<string, unknown> {
  const at = `/data/${field}`;
  return {
    style: 'cursor',
    items: `${at}/${items}`,
    next: `${at}/pageInfo/endCursor`,
    more: `${at}/pageInfo/hasNextPage`,
    into: { variable: 'after' },
    size: { into: { variable: 'first' }, max: MAX_PAGE, default: 50 },
  };
}

/** An object that has to be there is its members, beside the other arguments. */
function variableOf(
  { name, type, description, ...rest }: GraphQLArgument,
  args: ArgumentSet,
  simplifier: Simplifier,
  notes: Note[],
): unknown {
  const named = getNamedType(type);
  const isRequired = isNonNullType(type) && !hasDefault(rest);
  const inner =
    isRequired && isInputObjectType(named) && isNonNullType(type) && type.ofType === named
      ? simplifier.resolve(`#/inputs/${named.name}`)
      : undefined;
  const names = isNode(inner) ? simplifier.namesOf(inner, '/input') : [];
  if (isNode(inner) && names.length > 0) {
    notes.push({
      kind: 'body',
      at: `/request/variables/${name}`,
      detail: `the members of ${named.name} stand beside the other arguments`,
    });
    const required = requiredOf(inner, names);
    return Object.fromEntries(
      names.map((member) => {
        const argument = args.nameFor('body', member);
        args.set(
          argument,
          simplifier.simplify(ownNode(inner, 'properties')[member], `/input/properties/${argument}`),
          required.includes(member),
        );
        return [member, `$.${argument}`];
      }),
    );
  }
  const argument = args.nameFor('query', name);
  args.set(
    argument,
    simplifier.simplify(withDescription(schemaOfInput(type), description), `/input/properties/${argument}`),
    isRequired,
  );
  return `$.${argument}`;
}

function documentOf(kind: string, field: Field, asked: readonly GraphQLArgument[]): string {
  const [declared, given] = [
    asked.map(({ name, type }) => `$${name}: ${String(type)}`),
    asked.map(({ name }) => `${name}: $${name}`),
  ];
  const around = (parts: readonly string[]) => (parts.length === 0 ? '' : `(${parts.join(', ')})`);
  const name = capitalised(field.name);
  for (const width of WIDTHS) {
    const text = `${kind} ${name}${around(declared)} { ${field.name}${around(given)} ${selectionOf(field.type, width)} }`;
    if (text.length > MAX_LENGTH / 2 || (text.match(/\w+|[^\s\w]/g)?.length ?? 0) > MAX_TOKENS) continue;
    return `${print(parse(text, { noLocation: true }))}\n`;
  }
  throw new Unfit('what it takes is too long for one document');
}

function effectOf(kind: string, name: string): { effect: string; guess?: string } {
  if (kind === 'query') return { effect: 'read' };
  const ending = wordsOf(name).find((word) => ENDING.has(word));
  if (ending !== undefined) return { effect: 'destructive', guess: `a mutation that is called "${ending}"` };
  return { effect: 'write', guess: 'a mutation: it may also end something' };
}

function capitalised(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
