/** RFC 6901, own members only. Undefined where there is nothing. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** Whatever stands beside the value of a pointer. */
export function siblingOf(pointer: string, name: string): string {
  return `${pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')))}/${name}`;
}
