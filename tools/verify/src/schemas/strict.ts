/** A JSON Schema, an OpenAPI schema object, or the schema of a custom resource: they differ in what `strict` takes out. */
export type Schema = { [keyword: string]: unknown };

/** What says nothing about which values are valid. */
const PROSE = new Set(['description', 'title', 'example', 'externalDocs', 'default', 'format', 'nullable']);
/** Where conditions stand that look at some fields of an object and must not forbid its others. */
const CONDITIONS = ['allOf', 'anyOf', 'oneOf'] as const;

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The JSON Schema that refuses what an API server with strict field validation refuses: wrong types, missing and unknown fields. One
 * thing it refuses that a server takes: null for a field that isn't there, which in a rendered template is a mistake.
 * @param schema OpenAPI v2 or v3, as Kubernetes publishes it and as custom resource definitions hold it
 */
export function strict(schema: Schema): Schema {
  return convert(schema, true);
}

function convert(schema: Schema, closed: boolean): Schema {
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') return intOrString(schema);
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (PROSE.has(keyword) || keyword.startsWith('x-kubernetes-')) continue;
    result[keyword] = convertKeyword(keyword, value, closed);
  }
  if (schema['nullable'] === true && typeof schema['type'] === 'string') result['type'] = [schema['type'], 'null'];
  if (closed && isClosed(schema)) result['additionalProperties'] = false;
  return result;
}

function convertKeyword(keyword: string, value: unknown, closed: boolean): unknown {
  if (keyword === 'properties' && isSchema(value))
    return Object.fromEntries(Object.entries(value).map(([name, property]) => [name, convert(property as Schema, closed)]));
  if ((CONDITIONS as readonly string[]).includes(keyword) && Array.isArray(value))
    return value.map((condition: Schema) => convert(condition, false));
  if (keyword === 'not' && isSchema(value)) return convert(value, false);
  if ((keyword === 'items' || keyword === 'additionalProperties') && isSchema(value)) return convert(value, closed);
  return value;
}

function intOrString(schema: Schema): Schema {
  const { pattern } = schema;
  return { anyOf: [{ type: 'integer' }, { type: 'string', ...(typeof pattern === 'string' ? { pattern } : {}) }] };
}

/** An object whose fields are named; `type: object` alone stands for anything. */
function isClosed(schema: Schema): boolean {
  return (
    isSchema(schema['properties']) &&
    schema['additionalProperties'] === undefined &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  );
}
