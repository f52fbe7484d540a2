import { isObject, type Schema } from '@keyward/vendor-emulation';

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
  const kept = Object.entries({ ...node, ...boundsOf2020(node), ...choiceOf(node) }).filter(([keyword, value]) =>
    says(keyword, value),
  );
  const schema = Object.fromEntries(kept.map(([keyword, value]) => [keyword, keywordOf(keyword, value, dialect)]));
  return node['nullable'] === true ? nullable(schema) : schema;
}

function says(keyword: string, value: unknown): boolean {
  if (!KEPT.has(keyword) || value === undefined) return false;
  // Discovery's `any`, Swagger's `file`; `required: true` beside a parameter's or member's type.
  if (keyword === 'type') return value !== 'any' && value !== 'file';
  if (keyword === 'required' || keyword === 'enum') return Array.isArray(value) && value.length > 0;
  return true;
}

function keywordOf(keyword: string, value: unknown, dialect: Dialect): unknown {
  const inner = (child: unknown) => to2020(child, dialect);
  switch (keyword) {
    case 'required':
      // OData's control information (`@odata.type`) is there to be told; a request needs it for derived types alone.
      return Array.isArray(value) ? value.filter((name) => !String(name).startsWith('@odata.')) : [];
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

/** OpenAPI 3.0 has `exclusiveMinimum: true` beside `minimum`; Google writes bounds as texts. */
function boundsOf2020(node: Record<string, unknown>): Record<string, unknown> {
  const bounds: Record<string, unknown> = {};
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (typeof node[bound] === 'string') bounds[bound] = Number(node[bound]);
    if (typeof node[exclusive] !== 'boolean') continue;
    bounds[exclusive] = node[exclusive] ? node[bound] : undefined;
    if (node[exclusive]) bounds[bound] = undefined;
  }
  return bounds;
}

/** Slack writes alternatives as a list under `items` of what is no array. */
function choiceOf({ type, items }: Record<string, unknown>): Record<string, unknown> {
  return Array.isArray(items) && type !== 'array' ? { items: undefined, anyOf: items } : {};
}

function nullable(schema: Record<string, unknown>): Schema {
  if (['$ref', 'allOf', 'anyOf', 'oneOf'].some((keyword) => schema[keyword] !== undefined))
    return { anyOf: [schema, { type: 'null' }] };
  if (schema['type'] === undefined) return schema;
  const type = [schema['type'], 'null'].flat();
  return Array.isArray(schema['enum']) && !schema['enum'].includes(null)
    ? { ...schema, type, enum: [...schema['enum'], null] }
    : { ...schema, type };
}
