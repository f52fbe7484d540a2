import { fullFormats } from 'ajv-formats/dist/formats.js';

type Test = (value: unknown, root: object) => boolean;

const TYPES: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']);
/** Into definitions of its own, by a name that needs no escape. */
const REFERENCE = /^#\/\$defs\/([A-Za-z0-9_]+)$/;

const isText: Test = (value) => typeof value === 'string';
const isFlag: Test = (value) => typeof value === 'boolean';
const isNumber: Test = (value) => typeof value === 'number';
const isCount: Test = (value) => Number.isInteger(value) && (value as number) >= 0;
const isAnything: Test = () => true;
const isTypes: Test = (value) =>
  Array.isArray(value) ? value.length > 0 && isDistinct(value) && value.every((type) => TYPES.has(type)) : TYPES.has(value);
const isNames: Test = (value) => Array.isArray(value) && value.every((name) => typeof name === 'string') && isDistinct(value);
const isChoice: Test = (value) => Array.isArray(value) && value.length > 0;
const isSchemas: Test = (value, root) => Array.isArray(value) && value.length > 0 && value.every((each) => isSchema(each, root));
const isMembers: Test = (value, root) => isObject(value) && Object.values(value).every((each) => isSchema(each, root));

const KEYWORDS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ...['title', 'description', '$comment', 'contentEncoding', 'contentMediaType'].map((name) => [name, isText] as const),
  ...['deprecated', 'readOnly', 'writeOnly', 'uniqueItems'].map((name) => [name, isFlag] as const),
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].map((name) => [name, isNumber] as const),
  ...['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'].map((name) => [name, isCount] as const),
  ...['default', 'const'].map((name) => [name, isAnything] as const),
  ...['anyOf', 'oneOf', 'allOf'].map((name) => [name, isSchemas] as const),
  ...['properties', '$defs'].map((name) => [name, isMembers] as const),
  ...['items', 'additionalProperties', 'propertyNames', 'not'].map((name) => [name, isSchema] as const),
  ['examples', (value) => Array.isArray(value)],
  ['type', isTypes],
  ['required', isNames],
  ['dependentRequired', (value) => isObject(value) && Object.values(value).every((names) => isNames(names, value))],
  ['enum', isChoice],
  ['multipleOf', (value) => typeof value === 'number' && value > 0],
  ['format', (value) => typeof value === 'string' && Object.hasOwn(fullFormats, value)],
  ['pattern', (value) => typeof value === 'string' && isPattern(value)],
  ['$ref', isReference],
]);

/**
 * Whether a schema is made of nothing but what most are made of, each part of the right shape: then it is surely valid, and compiles.
 * Of others nothing is known. Many times as fast as looking for all that might be wrong.
 */
export function isPlainSchema(schema: object): boolean {
  return isSchema(schema, schema);
}

function isSchema(value: unknown, root: object): boolean {
  if (typeof value === 'boolean') return true;
  return isObject(value) && Object.entries(value).every(([name, part]) => KEYWORDS.get(name)?.(part, root) === true);
}

function isReference(value: unknown, root: object): boolean {
  const name = typeof value === 'string' ? REFERENCE.exec(value)?.[1] : undefined;
  const definitions = (root as { $defs?: unknown }).$defs;
  return name !== undefined && isObject(definitions) && Object.hasOwn(definitions, name);
}

/** As it is compiled: with the flag for Unicode. */
function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDistinct(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}
