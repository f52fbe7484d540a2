/** What pagination adds to a request. */
export interface Placement {
  readonly query: readonly (readonly [string, string])[];
  /** JSON Pointer → value, for a JSON body. */
  readonly body: readonly (readonly [string, unknown])[];
  /** Of a GraphQL document. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Instead of the tool's own, below the base. */
  readonly path?: string;
}

/** A copy of the document with the values set; objects on the way are made where there are none. */
export function withValues(document: unknown, values: Placement['body']): unknown {
  let result = document;
  for (const [pointer, value] of values) {
    const tokens = pointer
      .split('/')
      .slice(1)
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
    result = withValue(result, tokens, value);
  }
  return result;
}

function withValue(node: unknown, [token, ...rest]: readonly string[], value: unknown): unknown {
  if (token === undefined) return value;
  const members: Readonly<Record<string, unknown>> =
    typeof node === 'object' && node !== null && !Array.isArray(node) ? (node as Record<string, unknown>) : {};
  const inner = Object.hasOwn(members, token) ? members[token] : undefined;
  return Object.fromEntries([
    ...Object.entries(members).filter(([name]) => name !== token),
    [token, withValue(inner, rest, value)],
  ]);
}
