import { isObject, type Schema } from '../schema.js';
import { textOfPattern } from './text-of-pattern.js';

const PREFIX = '#/components/schemas/';
/** Members that may be left out are given so many levels deep. */
const FULL_DEPTH = 6;
const MAX_DEPTH = 12;

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2026-01-02T03:04:05Z',
  'google-datetime': '2026-01-02T03:04:05Z',
  date: '2026-01-02',
  time: '03:04:05Z',
  duration: 'PT1H',
  email: 'ada@example.com',
  uri: 'https://example.com/1',
  url: 'https://example.com/1',
  'uri-reference': 'https://example.com/1',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uuid: '00000000-0000-4000-8000-000000000001',
  byte: 'dGV4dA==',
  int64: '1',
  uint64: '1',
};
/** The same value for the same schema, valid under it wherever that takes no search. */
export function generate(schema: Schema, schemas: Readonly<Record<string, Schema>>, depth = 0): unknown {
  const whole = flat(schema, schemas);
  if (whole['const'] !== undefined) return whole['const'];
  if (Array.isArray(whole['enum'])) return whole['enum'].find((value) => value !== null) ?? null;
  const choice = [...list(whole['oneOf']), ...list(whole['anyOf'])].find((part) => part['type'] !== 'null');
  if (choice !== undefined && !isObject(whole['properties'])) return generate(choice, schemas, depth);
  switch (typeOf(whole)) {
    case 'object':
      return object(whole, schemas, depth, choice);
    case 'array':
      return array(whole, schemas, depth);
    case 'integer':
    case 'number':
      return number(whole);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return text(whole);
  }
}

/** References followed and `allOf` joined. */
function flat(schema: Schema, schemas: Readonly<Record<string, Schema>>, depth = 0): Record<string, unknown> {
  const { $ref: ref, allOf, ...own } = schema;
  const parts = [...list(allOf)];
  if (typeof ref === 'string') parts.unshift(schemas[ref.slice(PREFIX.length)] ?? {});
  if (parts.length === 0 || depth > MAX_DEPTH) return own;
  return [...parts.map((part) => flat(part, schemas, depth + 1)), own].reduce(joined, {});
}

/** What holds of both: members that both have are held to both. */
function joined(one: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...one, ...other };
  if (isObject(one['properties']) && isObject(other['properties'])) {
    const [ours, theirs] = [one['properties'], other['properties']];
    const both = Object.keys(ours).filter((name) => Object.hasOwn(theirs, name));
    whole['properties'] = {
      ...ours,
      ...theirs,
      ...Object.fromEntries(both.map((name) => [name, { allOf: [ours[name], theirs[name]] }])),
    };
  }
  if (Array.isArray(one['enum']) && Array.isArray(other['enum'])) {
    const values: unknown[] = other['enum'];
    whole['enum'] = one['enum'].filter((value) => values.includes(value));
  }
  const required = [...new Set([...((one['required'] ?? []) as string[]), ...((other['required'] ?? []) as string[])])];
  return required.length > 0 ? { ...whole, required } : whole;
}

function typeOf(schema: Record<string, unknown>): unknown {
  const types = [schema['type']].flat().filter((type) => type !== 'null' && type !== undefined);
  if (types.length > 0) return types[0];
  if (isObject(schema['properties']) || schema['additionalProperties'] !== undefined) return 'object';
  if (schema['items'] !== undefined) return 'array';
  return schema['type'] === 'null' ? 'null' : 'string';
}

function object(
  schema: Record<string, unknown>,
  schemas: Readonly<Record<string, Schema>>,
  depth: number,
  choice?: Schema,
): unknown {
  const required = [...((schema['required'] ?? []) as string[]), ...((choice?.['required'] ?? []) as string[])];
  const properties = {
    ...(schema['properties'] as Record<string, Schema> | undefined),
    ...(choice?.['properties'] as object | undefined),
  };
  const wanted = Object.entries(properties).filter(([name]) => depth < FULL_DEPTH || required.includes(name));
  if (depth > MAX_DEPTH) return {};
  if (wanted.length < Number(schema['minProperties'] ?? 0) && isObject(schema['additionalProperties'])) {
    const name = isObject(schema['propertyNames']) ? String(generate(schema['propertyNames'], schemas)) : 'text';
    wanted.push([name, schema['additionalProperties']]);
  }
  return Object.fromEntries(wanted.map(([name, member]) => [name, generate(member as Schema, schemas, depth + 1)]));
}

function array(schema: Record<string, unknown>, schemas: Readonly<Record<string, Schema>>, depth: number): unknown[] {
  const least = Number(schema['minItems'] ?? 0);
  if (depth > FULL_DEPTH && least === 0) return [];
  const prefix = list(schema['prefixItems']);
  if (prefix.length > 0) return prefix.map((item) => generate(item, schemas, depth + 1));
  const items = isObject(schema['items']) ? schema['items'] : {};
  const values = Array.isArray(items['enum']) ? items['enum'] : [];
  return Array.from({ length: Math.max(1, least) }, (_, index) => values[index] ?? generate(items, schemas, depth + 1));
}

function number(schema: Record<string, unknown>): number {
  const least =
    schema['minimum'] ?? (schema['exclusiveMinimum'] === undefined ? undefined : Number(schema['exclusiveMinimum']) + 1);
  const most =
    schema['maximum'] ?? (schema['exclusiveMaximum'] === undefined ? undefined : Number(schema['exclusiveMaximum']) - 1);
  const step = Number(schema['multipleOf'] ?? 1);
  const wanted = Math.max(step, Number(least ?? step));
  return most === undefined ? wanted : Math.min(wanted, Number(most));
}

function text(schema: Record<string, unknown>): string {
  const { format, pattern } = schema;
  const least = Number(schema['minLength'] ?? 0);
  const most = Number(schema['maxLength'] ?? Infinity);
  const formatted = typeof format === 'string' ? FORMATS[format] : undefined;
  if (formatted !== undefined && formatted.length <= most) return formatted;
  const word = (typeof pattern === 'string' ? textOfPattern(pattern) : undefined) ?? 'text';
  return word.padEnd(least, word.at(-1) ?? 'x').slice(0, most);
}

const list = (value: unknown): Schema[] => (Array.isArray(value) ? value.filter(isObject) : []);
