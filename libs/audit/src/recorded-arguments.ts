import type { AuditEvent } from '@keyward/contracts';
import { escapeUnsafe, isSafeText, truncate } from './safe-text.js';

type Recorded = NonNullable<AuditEvent['arguments']>;
type Json = Recorded[string];
type Schema = Readonly<Record<string, unknown>>;

export interface ArgumentRules {
  /** JSON Pointers to arguments that are not shown. */
  readonly sensitive: readonly string[];
  /** JSON Schema of the arguments: what it declares to be encoded content is not shown either. */
  readonly schema: Schema;
}

export const ARGUMENT_BOUNDS = { string: 200, bytes: 4_096, depth: 12 } as const;
const REDACTED = '[redacted]';
/** What looks like encoded bytes, or like a long secret. */
const ENCODED = /^[A-Za-z0-9+/_-]{64,}={0,2}$/;

/**
 * What the record shows of a call's arguments: not what the tool calls sensitive, no long text and no content of files, nothing that could
 * harm a reader's terminal, and 4 KB of JSON at most.
 */
export function recordedArguments(args: Readonly<Record<string, unknown>>, rules: ArgumentRules): Recorded {
  const recorded = recordedObject(args, '', { ...rules, sensitive: new Set(rules.sensitive) }, rules.schema, 0);
  const bytes = bytesOf(recorded);
  return bytes > ARGUMENT_BOUNDS.bytes ? { omitted: `${bytes} bytes` } : recorded;
}

/** Whether `recordedArguments` could have made it, as far as that can be told without the call. */
export function isRecorded(recorded: Recorded): boolean {
  return bytesOf(recorded) <= ARGUMENT_BOUNDS.bytes && isSafe(recorded);
}

function isSafe(value: Json): boolean {
  if (typeof value === 'string') return isSafeText(value);
  if (Array.isArray(value)) return value.every(isSafe);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, member]) => isSafeText(name) && isSafe(member));
}

function bytesOf(recorded: Recorded): number {
  return Buffer.byteLength(JSON.stringify(recorded));
}

type Rules = Omit<ArgumentRules, 'sensitive'> & { sensitive: ReadonlySet<string> };

function recordedObject(value: object, at: string, rules: Rules, schema: Schema | undefined, depth: number): Recorded {
  const properties = schema?.['properties'] as Record<string, Schema> | undefined;
  const members = Object.entries(value)
    .filter(([name]) => name !== '__proto__')
    .map(([name, member]): [string, Json] => {
      const place = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const declared = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [truncate(escapeUnsafe(name), ARGUMENT_BOUNDS.string), recordedValue(member, place, rules, declared, depth)];
    });
  return Object.fromEntries(members);
}

function recordedValue(value: unknown, at: string, rules: Rules, schema: Schema | undefined, depth: number): Json {
  if (rules.sensitive.has(at)) return REDACTED;
  switch (typeof value) {
    case 'string':
      return recordedText(value, schema);
    case 'number':
      return value + 0; // JSON has no -0
    case 'boolean':
      return value;
    case 'object': {
      if (value === null) return null;
      if (depth >= ARGUMENT_BOUNDS.depth) return '[nested]';
      const items = schema?.['items'] as Schema | undefined;
      if (Array.isArray(value)) return value.map((item, index) => recordedValue(item, `${at}/${index}`, rules, items, depth + 1));
      return recordedObject(value, at, rules, schema, depth + 1);
    }
    default:
      return REDACTED;
  }
}

function recordedText(text: string, schema: Schema | undefined): string {
  const isContent = schema?.['contentEncoding'] !== undefined || schema?.['contentMediaType'] !== undefined;
  if (isContent || text.length > ARGUMENT_BOUNDS.string || ENCODED.test(text)) return `[${text.length} characters]`;
  return escapeUnsafe(text);
}
