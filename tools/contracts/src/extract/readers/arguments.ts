import { isObject, type Method, type Operation, type Parameter, type Schema } from '@keyward/vendor-emulation';
import type { SourceFile } from '../../sources/vendor-source.js';
import type { Description, Listed } from '../description.js';
import { to2020, type Dialect } from '../to-2020.js';

type Node = Record<string, unknown>;

const ANSWER = { '200': { description: '' } } as const;

/**
 * Slack: each method is a path, its arguments one schema. As a body it is taken as a form or as JSON; those that read also take
 * their arguments in the query.
 */
export function readMethods(document: unknown, source: SourceFile): Description {
  const root = document as { methods: Record<string, Node> };
  const definitions = new Definitions(document as Node, source);
  return {
    operations: Object.entries(root.methods).flatMap(([name, method]): Listed[] => {
      const schema = { $ref: definitions.reference(String(method['schema'])) };
      const media = { schema };
      const content = { 'application/json': media, 'application/x-www-form-urlencoded': media };
      return [
        listed(source, 'post', `/${name}`, () => ({ requestBody: { content }, responses: ANSWER })),
        listed(source, 'get', `/${name}`, () => ({ parameters: definitions.query(schema.$ref), responses: ANSWER })),
      ];
    }),
    schema: (name) => definitions.schema(name),
  };
}

/** Notion: endpoints with a schema each for the query, a JSON body and a form. */
export function readEndpoints(document: unknown, source: SourceFile): Description {
  const root = document as { endpoints: Node[] };
  const definitions = new Definitions(document as Node, source);
  const headers = source.headers.map((name): Parameter => ({ name, in: 'header', required: true, schema: { type: 'string' } }));
  return {
    operations: root.endpoints.map((endpoint) => {
      const { path, method, bodySchema, querySchema, formDataSchema, pathParams } = endpoint as Record<
        string,
        string | undefined
      >;
      const inPath = (pathParams as unknown as string[]).map((name): Parameter => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      }));
      return listed(source, String(method).toLowerCase() as Method, placeholders(String(path)), () => {
        const query = querySchema === undefined ? [] : definitions.query(definitions.reference(querySchema));
        const body = (name: string) => ({ schema: { $ref: definitions.reference(name) } });
        const content = {
          ...(bodySchema === undefined ? {} : { 'application/json': body(bodySchema) }),
          ...(formDataSchema === undefined ? {} : { 'multipart/form-data': body(formDataSchema) }),
        };
        return {
          parameters: [...inPath, ...query, ...headers],
          ...(Object.keys(content).length > 0 ? { requestBody: { content } } : {}),
          responses: ANSWER,
        };
      });
    }),
    schema: (name) => definitions.schema(name),
  };
}

const placeholders = (path: string) => path.replace(/:([a-z_]+)/g, '{$1}');

function listed(source: SourceFile, method: Method, path: string, facts: () => Operation): Listed {
  const server = source.server ?? '';
  return { method, server, path, address: server + path, facts };
}

class Definitions {
  private readonly dialect: Dialect = { reference: (ref) => this.reference(ref) };
  private readonly definitions: Node;

  constructor(
    document: Node,
    private readonly source: SourceFile,
  ) {
    this.definitions = document['definitions'] as Node;
  }

  reference(ref: string): string {
    return `#/components/schemas/${this.source.prefix}${decodeURIComponent(ref.replace(/^#\/definitions\//, ''))}`;
  }

  schema(name: string): Schema | undefined {
    const plain = name.slice(this.source.prefix.length);
    if (!Object.hasOwn(this.definitions, plain)) return undefined;
    const schema = this.definitions[plain];
    return to2020(isObject(schema) ? withoutToken(schema) : schema, this.dialect);
  }

  /** The members of an arguments schema, wherever it has them, as parameters of a query. */
  query(ref: string): Parameter[] {
    const found = new Map<string, { schema: Schema; required: boolean }>();
    this.collect({ $ref: ref }, found, true);
    return [...found].map(([name, { schema, required }]) => ({
      ...{ name, in: 'query' as const, ...(required ? { required: true as const } : {}), schema },
    }));
  }

  private collect(schema: Schema, found: Map<string, { schema: Schema; required: boolean }>, always: boolean): void {
    const ref = schema['$ref'];
    if (typeof ref === 'string') this.collect(this.schema(ref.slice('#/components/schemas/'.length)) ?? {}, found, always);
    const required = (schema['required'] ?? []) as string[];
    for (const [name, member] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
      found.set(name, { schema: member, required: always && required.includes(name) });
    }
    for (const part of (schema['allOf'] ?? []) as Schema[]) this.collect(part, found, always);
    for (const part of [...((schema['anyOf'] ?? []) as Schema[]), ...((schema['oneOf'] ?? []) as Schema[])])
      this.collect(part, found, false);
  }
}

/** The credential is no argument: it is sent as a header. */
function withoutToken(schema: Record<string, unknown>): Record<string, unknown> {
  if (!isObject(schema['properties'])) return schema;
  const { token: _token, ...properties } = schema['properties'];
  return { ...schema, properties };
}
