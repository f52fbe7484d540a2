import { readFileSync } from 'node:fs';
import {
  buildSchema,
  execute,
  getNamedType,
  getNullableType,
  isEnumType,
  isLeafType,
  isListType,
  isUnionType,
  isInterfaceType,
  parse,
  validate,
  type DocumentNode,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import type { SentRequest } from '../contract/judge-request.js';
import { isObject } from '../schema.js';
import { refusal, undescribed, type Heard, type Knowledge, type Vendor } from './vendor.js';

const SCALARS: Readonly<Record<string, unknown>> = {
  ID: '00000000-0000-4000-8000-000000000001',
  Int: 1,
  Float: 1,
  Boolean: true,
  String: 'text',
  DateTime: '2026-01-02T03:04:05.000Z',
  TimelessDate: '2026-01-02',
};

/** The vendor of a `contract.graphql`: each document is validated and executed against the schema, with values made up by type. */
export class GraphqlVendor implements Vendor {
  constructor(private readonly schema: GraphQLSchema) {}

  static read(file: string): GraphqlVendor {
    return new GraphqlVendor(buildSchema(readFileSync(file, 'utf8')));
  }

  async hear(request: SentRequest, _anywhere: boolean, knowledge?: Knowledge): Promise<Heard> {
    const { document, variables, problems } = read(request);
    if (document === undefined) return { ...(await undescribed.hear(request, true)), problems };
    const invalid = validate(this.schema, document).map(({ message }) => `document: ${message}`);
    if (invalid.length > 0) return { ...(await undescribed.hear(request, true)), described: 'fully', problems: invalid };
    const result = await execute({
      schema: this.schema,
      document,
      variableValues: variables,
      fieldResolver: knowledge === undefined ? resolve : remembering(knowledge),
      typeResolver,
    });
    const errors = (result.errors ?? [])
      .filter(({ originalError }) => !(originalError instanceof Refusal))
      .map(({ message }) => `variables: ${message}`);
    // graphql-js makes objects without a prototype.
    const body: unknown = JSON.parse(JSON.stringify(result));
    return { described: 'fully', problems: errors, reply: { status: 200, headers: {}, body } };
  }

  problemsOfReply(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
}

interface Sent {
  document?: DocumentNode;
  variables: Record<string, unknown>;
  problems: string[];
}

/** GraphQL over HTTP: POST, JSON, `query` and `variables`. */
function read({ method, body }: SentRequest): Sent {
  if (method !== 'POST') return { variables: {}, problems: ['a GraphQL request is a POST'] };
  try {
    const sent: unknown = JSON.parse(String(body ?? ''));
    if (!isObject(sent) || typeof sent['query'] !== 'string') return { variables: {}, problems: ['body: has no query'] };
    const variables = isObject(sent['variables']) ? sent['variables'] : {};
    return { document: parse(sent['query']), variables, problems: [] };
  } catch (error) {
    return { variables: {}, problems: [`body: ${error instanceof Error ? error.message : 'not readable'}`] };
  }
}

/** Values that a sample brought stay; others follow from their type. */
const resolve: GraphQLFieldResolver<unknown, unknown> = (source, _args, _context, info) => {
  const given = isObject(source) ? source[info.fieldName] : undefined;
  return given !== undefined && typeof given !== 'function' ? given : made(info.returnType);
};

/** A root field that does not answer: an error of the answer, and none of the request. */
class Refusal extends Error {}

/** What is asked of the root may be known; all below follows from that, or from its type. */
function remembering(knowledge: Knowledge): GraphQLFieldResolver<unknown, unknown> {
  return async (source, args, context, info) => {
    if (info.path.prev !== undefined) return resolve(source, args, context, info);
    const given = JSON.parse(JSON.stringify(args)) as Record<string, unknown>;
    const known = await knowledge.of(`${info.parentType.name}.${info.fieldName}`, given);
    if (known === undefined) return made(info.returnType);
    if ('refused' in known) throw new Refusal(refusal(known.refused).message);
    return known.found;
  };
}

const typeResolver = (_value: unknown, _context: unknown, _info: unknown, type: { name: string }): string => type.name;

function made(type: GraphQLOutputType): unknown {
  const plain = getNullableType(type);
  if (isListType(plain)) return [made(plain.ofType as GraphQLOutputType)];
  if (isEnumType(plain)) return plain.getValues()[0]?.value;
  if (isLeafType(plain)) return SCALARS[plain.name] ?? 'text';
  return isUnionType(plain) || isInterfaceType(plain) ? { of: getNamedType(plain).name } : {};
}
