import { isObject, type Schema } from '../schema.js';

const PREFIX = '#/components/schemas/';
const MAX_DEPTH = 32;
const BRANCHES = ['allOf', 'anyOf', 'oneOf', 'not'];

type Schemas = Readonly<Record<string, Schema>>;

/**
 * A schema as a request is held against it: an object whose members are all listed takes no others. Descriptions leave that unsaid,
 * and a misspelt member would pass. Said where a value stands and never within `allOf`, where a part knows not what the others list.
 */
export function strictly(schemas: Schemas): { schemas: Schemas; value(schema: Schema): Schema } {
  const inner = (node: unknown, at: 'value' | 'branch'): unknown => {
    if (!isObject(node)) return node;
    const closed = at === 'value' && kindOf(node, schemas, 0) === 'listed' ? { unevaluatedProperties: false } : {};
    return { ...Object.fromEntries(Object.entries(node).map(([key, child]) => [key, keyword(key, child)])), ...closed };
  };
  const keyword = (key: string, child: unknown): unknown => {
    if (BRANCHES.includes(key)) return Array.isArray(child) ? child.map((part) => inner(part, 'branch')) : inner(child, 'branch');
    if (key === 'properties' || key === 'patternProperties')
      return isObject(child)
        ? Object.fromEntries(Object.entries(child).map(([name, one]) => [name, inner(one, 'value')]))
        : child;
    if (key === 'prefixItems') return Array.isArray(child) ? child.map((one) => inner(one, 'value')) : child;
    return key === 'items' || key === 'additionalProperties' ? inner(child, 'value') : child;
  };
  return {
    schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, inner(schema, 'branch') as Schema])),
    value: (schema) => inner(schema, 'value') as Schema,
  };
}

/** `listed`: an object with its members; `free`: an object that may have any; `other`: no object, or nothing said. */
function kindOf(schema: unknown, schemas: Schemas, depth: number): 'listed' | 'free' | 'other' {
  if (!isObject(schema) || depth > MAX_DEPTH) return 'free';
  const { $ref: ref, additionalProperties, patternProperties } = schema as Record<string, unknown>;
  if (typeof ref === 'string') return kindOf(schemas[ref.slice(PREFIX.length)], schemas, depth + 1);
  if (patternProperties !== undefined || (additionalProperties !== undefined && additionalProperties !== false)) return 'free';
  const parts = (key: string) => (Array.isArray(schema[key]) ? (schema[key] as unknown[]) : []);
  const all = parts('allOf').map((part) => kindOf(part, schemas, depth + 1));
  if (all.includes('free') && !parts('allOf').every((part) => isPlainObject(part, schemas))) return 'free';
  const some = [...parts('anyOf'), ...parts('oneOf')].map((part) => kindOf(part, schemas, depth + 1));
  if (some.includes('free')) return 'free';
  if (isObject(schema['properties']) || all.includes('listed') || some.includes('listed')) return 'listed';
  return isPlainObject(schema, schemas) && parts('anyOf').length + parts('oneOf').length + parts('allOf').length === 0
    ? 'free'
    : 'other';
}

/** `{}` or `{type: object}`: says nothing of its members. */
function isPlainObject(schema: unknown, schemas: Schemas): boolean {
  if (!isObject(schema)) return true;
  const ref = schema['$ref'];
  if (typeof ref === 'string') return isPlainObject(schemas[ref.slice(PREFIX.length)], schemas);
  return schema['type'] === undefined || [schema['type']].flat().includes('object');
}
