import type { Method, Operation, Parameter, Schema } from '@keyward/vendor-emulation';
import type { SourceFile } from '../../sources/vendor-source.js';
import type { Description, Listed } from '../description.js';

interface NodeParameter {
  name: string;
  required?: boolean;
  type: string;
}
interface Api {
  method: string;
  endpoint?: string;
  return: string;
  params: NodeParameter[];
}
interface GraphNode {
  apis: Api[];
  fields: { name: string; type: string }[];
}
interface Document {
  specs: Record<string, GraphNode>;
  enum_types: { name: string; values: unknown[] }[];
}

const PAGING = ['limit', 'after', 'before'];
const SCALARS: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int: { type: 'integer' },
  'unsigned int': { type: 'integer', minimum: 0 },
  float: { type: 'number' },
  datetime: { type: ['string', 'integer'] },
  map: { type: 'object' },
  Object: {},
};

/**
 * Meta's nodes and edges: `GET /{node-id}` and `POST /{node-id}/{edge}`. Which node an id is of, the address does not tell; the name
 * of a tool's placeholder does.
 */
export function readGraphNodes(document: unknown, source: SourceFile): Description {
  const reader = new GraphNodes(document as Document, source);
  return { operations: reader.operations(), schema: (name) => reader.schema(name) };
}

class GraphNodes {
  private readonly enums: ReadonlyMap<string, unknown[]>;

  constructor(
    private readonly document: Document,
    private readonly source: SourceFile,
  ) {
    this.enums = new Map(document.enum_types.map(({ name, values }) => [name, values]));
  }

  operations(): Listed[] {
    return Object.entries(this.source.nodes).flatMap(([name, placeholders]) =>
      (this.document.specs[name]?.apis ?? []).map((api) => this.listed(name, new RegExp(placeholders), api)),
    );
  }

  schema(name: string): Schema | undefined {
    const node = this.document.specs[name];
    if (node === undefined) return undefined;
    const properties = Object.fromEntries(node.fields.map((field) => [field.name, this.type(field.type)]));
    return { type: 'object', properties };
  }

  private listed(name: string, placeholders: RegExp, api: Api): Listed {
    const edge = api.endpoint === undefined || api.endpoint === '/' ? '' : `/${api.endpoint}`;
    const server = this.source.server ?? '';
    const path = `/{${name}}${edge}`;
    return {
      ...{ method: api.method.toLowerCase() as Method, server, path, address: server + path },
      fits: (tools) => placeholders.test(tools.slice(server.length).split('/')[1] ?? ''),
      facts: () => this.facts(name, edge !== '', api),
    };
  }

  private facts(name: string, isEdge: boolean, api: Api): Operation {
    const id: Parameter = { name, in: 'path', required: true, schema: { type: 'string' } };
    const fields = this.document.specs[isEdge ? this.nameOf(api.return) : name]?.fields ?? [];
    if (api.method !== 'GET') {
      const properties = Object.fromEntries(api.params.map((param) => [param.name, this.type(param.type)]));
      const required = api.params.filter((param) => param.required === true).map((param) => param.name);
      const schema = { type: 'object', properties, ...(required.length > 0 ? { required } : {}), additionalProperties: false };
      const lists = api.params.filter(({ type }) => type.startsWith('list<')).map((param) => param.name);
      const encoding = Object.fromEntries(lists.map((list) => [list, { explode: false as const }]));
      const content = {
        'application/x-www-form-urlencoded': { schema, ...(lists.length > 0 ? { encoding } : {}) },
        'application/json': { schema },
      };
      return { parameters: [id], requestBody: { content }, responses: answer(written(api)) };
    }
    const parameters = [id, ...api.params.map((param) => this.parameter(param)), fieldsOf(fields)];
    if (isEdge) parameters.push(...PAGING.map((paging): Parameter => ({ name: paging, in: 'query', schema: {} })));
    return { parameters, responses: answer(isEdge ? edgeOf(this.type(api.return)) : this.type(name)) };
  }

  private parameter({ name, required, type }: NodeParameter): Parameter {
    const schema = this.type(type);
    return {
      ...{ name, in: 'query' as const, ...(required === true ? { required: true as const } : {}), schema },
      ...(schema['type'] === 'array' ? { explode: false } : {}),
    };
  }

  private type(name: string): Schema {
    const list = /^list<(.+)>$/.exec(name)?.[1];
    if (list !== undefined) return { type: 'array', items: this.type(list) };
    if (name.startsWith('map<')) return { type: 'object' };
    const values = this.enums.get(name);
    if (values !== undefined) return { enum: values };
    const node = this.nameOf(name);
    return SCALARS[name] ?? (this.document.specs[node] === undefined ? {} : { $ref: `#/components/schemas/${node}` });
  }

  /** Nodes of the flavour without Facebook answer `Media` where they mean the node `IGMediaForIGOnlyAPI`. */
  private nameOf(name: string): string {
    const names = [`IG${name}ForIGOnlyAPI`, name, `IG${name}`, `Instagram${name}`];
    return names.find((each) => this.document.specs[each] !== undefined) ?? name;
  }
}

/** Only fields that the node has; `a{b,c}` asks for a field's own fields. */
function fieldsOf(fields: readonly { name: string }[]): Parameter {
  const names = fields.map(({ name }) => name);
  const schema = names.length === 0 ? { type: 'string' } : { type: 'array', items: { enum: names } };
  return { name: 'fields', in: 'query', schema, ...(names.length === 0 ? {} : { explode: false }) };
}

const edgeOf = (items: Schema): Schema => ({
  type: 'object',
  properties: {
    data: { type: 'array', items },
    paging: {
      type: 'object',
      properties: {
        cursors: { type: 'object', properties: { before: { type: 'string' }, after: { type: 'string' } } },
        next: { type: 'string' },
      },
    },
  },
  required: ['data'],
});

/** A write is answered with the id of what came of it; a change or removal with `success`. */
const written = (api: Api): Schema =>
  api.method === 'POST' && api.endpoint !== undefined
    ? { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
    : { type: 'object', properties: { success: { type: 'boolean' } }, required: ['success'] };

const answer = (schema: Schema): Operation['responses'] => ({
  '200': { description: '', content: { 'application/json': { schema } } },
});
