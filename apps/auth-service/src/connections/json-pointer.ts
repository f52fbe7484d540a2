/** RFC 6901. Undefined where nothing is there; inherited members are not there. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const escaped of pointer.split('/').slice(1)) {
    const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
