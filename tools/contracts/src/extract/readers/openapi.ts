import { type Content, isObject, methods, type Operation, type Parameter, type Schema } from '@keyward/vendor-emulation';
import type { SourceFile } from '../../sources/vendor-source.js';
import type { Description, Listed } from '../description.js';
import { to2020, type Dialect } from '../to-2020.js';

type Node = Record<string, unknown>;

/** OpenAPI 3.x and Swagger 2.0. */
export function readOpenApi(document: unknown, source: SourceFile): Description {
  return new OpenApi(document as Node, source);
}

class OpenApi implements Description {
  readonly operations: readonly Listed[];
  private readonly dialect: Dialect;

  constructor(
    private readonly document: Node,
    private readonly source: SourceFile,
  ) {
    this.dialect = { reference: (ref) => `#/components/schemas/${source.prefix}${ref.split('/').at(-1)}` };
    this.operations = Object.entries(document['paths'] as Node).flatMap(([path, item]) => this.listed(path, item as Node));
  }

  schema(name: string): Schema | undefined {
    const components = (this.document['components'] ?? {}) as Node;
    const schemas = (components['schemas'] ?? this.document['definitions'] ?? {}) as Node;
    const plain = name.slice(this.source.prefix.length);
    if (!name.startsWith(this.source.prefix) || !Object.hasOwn(schemas, plain)) return undefined;
    const own = to2020(schemas[plain], this.dialect);
    const derived = (this.source.derived[plain] ?? []).map((type) => to2020(ownPart(schemas[type]), this.dialect));
    return derived.length === 0 ? own : { allOf: [own, ...derived] };
  }

  private listed(path: string, item: Node): Listed[] {
    const server = this.source.server ?? '';
    const written = this.source.drop === undefined ? path : path.replaceAll(`/${this.source.drop}`, '/');
    return methods
      .filter((method) => isObject(item[method]))
      .map((method) => ({
        ...{ method, server, path: written, address: server + written },
        facts: () => this.facts(item, item[method] as Node),
      }));
  }

  private facts(item: Node, operation: Node): Operation {
    const declared = [...array(item['parameters']), ...array(operation['parameters'])].map((node) => this.resolved(node));
    const parameters = [...declared.flatMap((node) => this.parameter(node)), ...this.credentials()];
    const requestBody = this.requestBody(operation, declared);
    return {
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(requestBody === undefined ? {} : { requestBody }),
      responses: this.responses(operation),
    };
  }

  /** References to parameters, bodies and answers; those to schemas stay. */
  private resolved(node: unknown): Node {
    if (!isObject(node)) return {};
    if (typeof node['$ref'] !== 'string') return node;
    const target = node['$ref']
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), this.document);
    return this.resolved(target);
  }

  private parameter(node: Node): Parameter[] {
    const place = node['in'];
    if (place !== 'path' && place !== 'query' && place !== 'header') return [];
    if (place === 'header' && /^(authorization|accept|content-type)$/i.test(String(node['name']))) return [];
    // OpenAPI 2.0 writes the schema beside the name; an array there is comma-separated unless it says multi.
    const described = to2020(node['schema'] ?? this.schemaOfContent(node['content']) ?? swagger2(node), this.dialect);
    const schema = String(node['name']).startsWith('$') ? withPaths(described) : described;
    const explode = node['schema'] === undefined ? node['collectionFormat'] === 'multi' : node['explode'] !== false;
    return [
      {
        name: String(node['name']),
        in: place,
        ...(node['required'] === true || place === 'path' ? { required: true as const } : {}),
        schema,
        ...(place === 'query' && !explode ? { explode } : {}),
        ...(node['x-multi-segment'] === true ? { 'x-segments': 'many' as const } : {}),
      },
    ];
  }

  /** A credential in the query is a parameter of every request. */
  private credentials(): Parameter[] {
    const components = (this.document['components'] ?? {}) as Node;
    return Object.values((components['securitySchemes'] ?? {}) as Record<string, Node>)
      .filter((scheme) => scheme['type'] === 'apiKey' && scheme['in'] === 'query')
      .map((scheme) => ({ name: String(scheme['name']), in: 'query', schema: { type: 'string' } }));
  }

  private schemaOfContent(content: unknown): unknown {
    return isObject(content) ? (Object.values(content)[0] as Node)['schema'] : undefined;
  }

  private requestBody(operation: Node, declared: readonly Node[]): Operation['requestBody'] {
    const body = operation['requestBody'];
    if (body !== undefined) {
      const resolved = this.resolved(body);
      return {
        ...(resolved['required'] === true ? { required: true as const } : {}),
        content: this.content(resolved['content']),
      };
    }
    const whole = declared.find((node) => node['in'] === 'body');
    if (whole === undefined) return undefined;
    const content = { 'application/json': { schema: to2020(whole['schema'], this.dialect) } };
    return { ...(whole['required'] === true ? { required: true as const } : {}), content };
  }

  private content(content: unknown): Content {
    if (!isObject(content)) return {};
    return Object.fromEntries(
      Object.entries(content).map(([type, media]) => {
        const schema = (media as Node)['schema'];
        return [type, schema === undefined ? {} : { schema: to2020(schema, this.dialect) }];
      }),
    );
  }

  /** The success that the vendor lists first, or nothing but its status. */
  private responses(operation: Node): Operation['responses'] {
    const all = (operation['responses'] ?? {}) as Node;
    const status =
      Object.keys(all)
        .filter((key) => /^2(\d\d|XX)$/.test(key))
        .sort()[0] ?? (all['302'] === undefined ? '200' : '302');
    const node = this.resolved(all[status]);
    const whole =
      node['content'] ?? (node['schema'] === undefined ? undefined : { 'application/json': { schema: node['schema'] } });
    const content = preferred(this.content(whole));
    const plain = status === '2XX' ? '200' : status;
    return { [plain]: { description: '', ...(Object.keys(content).length > 0 ? { content } : {}) } };
  }
}

/** What a derived type adds to its base. */
function ownPart(schema: unknown): unknown {
  const parts = isObject(schema) ? array(schema['allOf']) : [];
  return parts.find((part) => isObject(part) && part['$ref'] === undefined) ?? schema;
}

/** OData's `$orderby`, `$select` and `$expand`: descriptions list members, and the service takes paths to theirs as well. */
function withPaths(schema: Schema): Schema {
  const { items } = schema;
  if (!isObject(items) || !Array.isArray(items['enum'])) return schema;
  const names = items['enum'].map((name) =>
    String(name)
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/ desc$/, ''),
  );
  return { ...schema, items: { type: 'string', pattern: `^(?:${[...new Set(names)].join('|')})(?:/[A-Za-z]+)*(?: desc)?$` } };
}

/** Of several media types of an answer, the one that a caller who asks for nothing gets: JSON. */
export function preferred(content: Content): Content {
  const types = Object.keys(content);
  const type =
    types.find((name) => name.startsWith('application/json')) ?? types.find((name) => name.includes('json')) ?? types[0];
  const media = type === undefined ? undefined : content[type];
  if (type === undefined || media === undefined) return {};
  return { [type.includes('json') ? 'application/json' : type]: media };
}

function swagger2({ name: _name, in: _in, required: _required, ...schema }: Node): Node {
  return schema;
}

const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
