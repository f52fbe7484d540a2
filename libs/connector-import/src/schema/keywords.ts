import safeRegex from 'safe-regex2';
import type { Node } from '../node.js';
import { knownFormats } from './formats.js';

const MAX_ENUM = 100;
const MAX_TEXT = 500;
const MAX_PATTERN = 500;

type Drop = (detail: string) => void;

/** What a keyword says of values, as far as a tool can hold it. Whatever is of no use is dropped. */
export function keywordsOf(schema: Node, drop: Drop): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  const values = enumOf(schema, drop);
  if (values !== undefined) kept['enum'] = values;
  Object.assign(kept, boundsOf(schema));
  for (const name of ['minLength', 'maxLength', 'minItems', 'maxItems']) if (isCount(schema[name])) kept[name] = schema[name];
  if (schema['uniqueItems'] === true) kept['uniqueItems'] = true;
  const pattern = patternOf(schema['pattern'], drop);
  if (pattern !== undefined) kept['pattern'] = pattern;
  const format = schema['format'];
  if (typeof format === 'string') {
    if (knownFormats.has(format)) kept['format'] = format;
    else drop(`the format ${JSON.stringify(format.slice(0, 40))} is not known`);
  }
  if (isPlain(schema['default']) && schema['default'] !== null) kept['default'] = schema['default'];
  return kept;
}

/** OpenAPI 3.0 says by a boolean that a bound is exclusive. */
function boundsOf(schema: Node): Record<string, number> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const bounds = {
    minimum: exclusiveMinimum === true ? undefined : minimum,
    maximum: exclusiveMaximum === true ? undefined : maximum,
    exclusiveMinimum: exclusiveMinimum === true ? minimum : exclusiveMinimum,
    exclusiveMaximum: exclusiveMaximum === true ? maximum : exclusiveMaximum,
    multipleOf: isExact(multipleOf) && multipleOf > 0 ? multipleOf : undefined,
  };
  return Object.fromEntries(Object.entries(bounds).filter((entry): entry is [string, number] => isExact(entry[1])));
}

function enumOf(schema: Node, drop: Drop): unknown[] | undefined {
  const written = 'const' in schema ? [schema['const']] : schema['enum'];
  if (!Array.isArray(written)) return undefined;
  const values = [...new Set(written.filter(isPlain))];
  if (values.length < new Set(written).size || values.length > MAX_ENUM) {
    drop(`the ${written.length} values that are allowed are not all listed: there are too many, or some are no plain values`);
    return undefined;
  }
  return values.length === 0 ? undefined : values;
}

function patternOf(pattern: unknown, drop: Drop): string | undefined {
  if (typeof pattern !== 'string') return undefined;
  if (isPattern(pattern)) return pattern;
  drop(`the pattern ${JSON.stringify(pattern.slice(0, 60))} could take very long on some text, or is none`);
  return undefined;
}

function isPattern(pattern: string): boolean {
  if (pattern.length > MAX_PATTERN || !pattern.isWellFormed() || !safeRegex(pattern)) return false;
  try {
    // As the arguments' check compiles it.
    return new RegExp(pattern, 'u').source !== '';
  } catch {
    return false;
  }
}

/** A number that is the one that was written. */
function isExact(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function isCount(value: unknown): value is number {
  return isExact(value) && Number.isInteger(value) && value >= 0;
}

export function isPlain(value: unknown): value is string | number | boolean | null {
  if (typeof value === 'string') return value.length <= MAX_TEXT && value.isWellFormed();
  return value === null || typeof value === 'boolean' || isExact(value);
}
