import { parseBoundedJson, REQUEST_BOUNDS, valueAt } from '@keyward/contracts';
import type { DeclaredError } from '../manifest/declared-error.js';
import type { Failure, Tool } from '../tool/tool.js';

const MAX_MESSAGE = 500;

type Headers = Readonly<Record<string, string>>;

interface Rule {
  readonly statuses: ReadonlySet<number>;
  readonly headers: readonly (readonly [string, readonly string[]])[];
  readonly body: readonly (readonly [string, readonly unknown[]])[];
  readonly as: Failure['as'];
  readonly message: string | undefined;
}

/**
 * @param declared in the order in which they are looked at
 * @param isGraphql whether an answer of GraphQL, which comes with status 200, may be an error
 */
export function compileFailures(declared: readonly DeclaredError[], isGraphql: boolean): Tool['failureOf'] {
  const rules = declared.map(compileRule);
  return (status, headers, body) => {
    const candidates = rules.filter(
      (rule) => rule.statuses.has(status) && rule.headers.every(([name, values]) => hasHeader(headers, name, values)),
    );
    const asks = isGraphql && status >= 200 && status < 300 && body.includes('"errors"');
    if (candidates.length === 0 && !asks) return undefined;
    const document = documentOf(body);
    const rule = candidates.find((each) => each.body.every(([pointer, values]) => values.includes(valueAt(document, pointer))));
    if (rule !== undefined) return { as: rule.as, message: sentenceAt(document, rule.message) };
    return asks && failedAltogether(document)
      ? { as: 'provider_error', message: sentenceAt(document, '/errors/0/message') }
      : undefined;
  };
}

function compileRule({ when, as, message }: DeclaredError): Rule {
  return {
    statuses: new Set(listOf(when.status)),
    headers: Object.entries(when.header).map(([name, value]) => [name, listOf(value)]),
    body: Object.entries(when.body).map(([pointer, value]) => [pointer, listOf(value)]),
    as,
    message,
  };
}

function listOf<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}

function hasHeader(headers: Headers, name: string, values: readonly string[]): boolean {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return value !== undefined && values.includes(value.trim());
}

/** Undefined where it is no JSON, or none that may be handed on. */
function documentOf(body: Buffer | string): unknown {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  try {
    return parseBoundedJson(bytes, { maxBytes: bytes.length, maxDepth: REQUEST_BOUNDS.maxDepth });
  } catch {
    return undefined;
  }
}

/** Errors beside data are a part that is missing; errors alone, or beside fields that are all null, are a failure. */
function failedAltogether(document: unknown): boolean {
  const errors = valueAt(document, '/errors');
  if (!Array.isArray(errors) || errors.length === 0) return false;
  const data = valueAt(document, '/data');
  return typeof data !== 'object' || data === null || Object.values(data).every((value) => value === null);
}

function sentenceAt(document: unknown, pointer: string | undefined): string | null {
  const value = pointer === undefined ? undefined : valueAt(document, pointer);
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_MESSAGE) : null;
}
