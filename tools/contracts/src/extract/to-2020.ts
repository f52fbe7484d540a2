import { isObject, type Schema } from '../schema.js';

/** What a check or a stub can use; everything else of a schema is prose, or of the vendor's generators. */
const KEPT = new Set([
  ...['type', 'enum', 'const', 'format', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'multipleOf'],
  ...['exclusiveMinimum', 'exclusiveMaximum', 'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
  ...['required', 'properties', 'patternProperties', 'additionalProperties', 'items', 'prefixItems', 'propertyNames'],
  ...['allOf', 'anyOf', 'oneOf', 'not', '$ref'],
]);

export interface Dialect {
  /** Where a reference of this description leads in the contract. */
  reference(ref: string): string;
}

/** A schema of OpenAPI 2.0 to 3.1, draft-07 or Google's discovery as JSON Schema 2020-12, without its prose. */
export function to2020(node: unknown, dialect: Dialect): Schema {
  if (!isObject(node)) return node === false ? { not: {} } : {};
  const schema: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(node)) {
    if (KEPT.has(keyword)) schema[keyword] = keywordOf(keyword, value, dialect);
  }
  if (schema['type'] === 'any' || schema['type'] === 'file') delete schema['type'];
  for (const keyword of ['enum', 'pattern', 'required'] as const) {
    if (schema[keyword] === undefined || (Array.isArray(schema[keyword]) && schema[keyword].length === 0)) delete schema[keyword];
  }
  boundsOf2020(node, schema);
  if (typeof schema['required'] === 'boolean') delete schema['required'];
  return node['nullable'] === true ? nullable(schema) : schema;
}

function keywordOf(keyword: string, value: unknown, dialect: Dialect): unknown {
  const inner = (child: unknown) => to2020(child, dialect);
  switch (keyword) {
    case '$ref':
      return dialect.reference(String(value));
    case 'properties':
    case 'patternProperties':
      return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inner(child)])) : {};
    case 'allOf':
    case 'anyOf':
    case 'oneOf':
    case 'prefixItems':
      return Array.isArray(value) ? value.map(inner) : [];
    case 'items':
    case 'not':
    case 'propertyNames':
      return inner(value);
    case 'additionalProperties':
      return typeof value === 'boolean' ? value : inner(value);
    default:
      return value;
  }
}

/** OpenAPI 3.0: `exclusiveMinimum: true` beside `minimum`; Google writes bounds as texts. */
function boundsOf2020(node: Record<string, unknown>, schema: Record<string, unknown>): void {
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (typeof schema[bound] === 'string') schema[bound] = Number(schema[bound]);
    if (typeof node[exclusive] !== 'boolean') continue;
    delete schema[exclusive];
    if (node[exclusive] !== true) continue;
    schema[exclusive] = schema[bound];
    delete schema[bound];
  }
}

function nullable(schema: Record<string, unknown>): Schema {
  if (schema['$ref'] !== undefined || schema['allOf'] !== undefined) return { anyOf: [schema, { type: 'null' }] };
  if (schema['type'] === undefined) return schema;
  const type = [schema['type'], 'null'].flat();
  return Array.isArray(schema['enum']) && !schema['enum'].includes(null)
    ? { ...schema, type, enum: [...schema['enum'], null] }
    : { ...schema, type };
}
