/** JSON Schema 2020-12 as it stands in a contract; `$ref` points to `#/components/schemas/…` of the same document. */
export type Schema = { readonly [keyword: string]: unknown };

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
