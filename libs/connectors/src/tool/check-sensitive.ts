import type { Fail } from './compile-tool.js';

/** A pointer to nothing would hide nothing. */
export function checkSensitive(pointers: readonly string[], input: Readonly<Record<string, unknown>>, fail: Fail): void {
  for (const [index, pointer] of pointers.entries()) {
    let schema: unknown = input;
    for (const token of pointer.split('/').slice(1)) {
      const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
      const properties = memberOf(schema, 'properties');
      schema = memberOf(properties, name);
      if (schema === undefined) fail([index], `there is no argument at ${pointer}`);
    }
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
