import safeRegex from 'safe-regex2';
import type { Fail } from './compile-tool.js';

const MAX_NODES = 5_000;
const MAX_DEPTH = 32;

/**
 * What Ajv would take but a connector may not hold: anything that leads outside the file, a pattern that a caller's text could
 * keep busy for ever, or a schema so big that compiling it is an attack.
 */
export function checkInputSchema(schema: Readonly<Record<string, unknown>>, fail: Fail): void {
  if (schema['type'] !== 'object') fail(['type'], 'must be "object": arguments have names');
  checkSchema(schema, fail);
}

export function checkSchema(schema: Readonly<Record<string, unknown>>, fail: Fail): void {
  let nodes = 0;
  const visit = (node: unknown, path: PropertyKey[]): void => {
    if (++nodes > MAX_NODES) fail(path, `the schema has more than ${MAX_NODES} parts`);
    if (path.length > MAX_DEPTH) fail(path, `the schema is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(node)) return node.forEach((item, index) => visit(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      checkKeyword(key, value, [...path, key], fail);
      visit(value, [...path, key]);
    }
  };
  visit(schema, []);
}

function checkKeyword(key: string, value: unknown, path: PropertyKey[], fail: Fail): void {
  if (key === '__proto__') fail(path, 'must not be a name');
  // Under `properties` any key is a property's name, not a keyword.
  if (path.at(-2) === 'properties') return;
  if (key === '$id' || key === '$schema')
    fail(path, 'leave it out: the dialect is JSON Schema 2020-12 and nothing refers to this schema');
  if ((key === '$ref' || key === '$dynamicRef') && !(typeof value === 'string' && value.startsWith('#'))) {
    fail(path, 'must point into this schema (begin with #): nothing is fetched');
  }
  if (key === 'pattern' && typeof value === 'string') checkPattern(value, path, fail);
  if (key === 'patternProperties' && typeof value === 'object' && value !== null) {
    for (const pattern of Object.keys(value)) checkPattern(pattern, [...path, pattern], fail);
  }
}

function checkPattern(pattern: string, path: PropertyKey[], fail: Fail): void {
  if (pattern.length > 500 || !safeRegex(pattern))
    fail(path, 'the pattern could take very long on some text, or is not a pattern');
}
