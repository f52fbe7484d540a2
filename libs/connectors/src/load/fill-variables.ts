const REFERENCE = /\$\{([^}]*)\}/g;
/** Filled when it is used, see manifest/template.ts. */
const LATE = /^(secret|(connection|app|client|token|key)\..+)$/;

/**
 * Replaces `${name}` in every string of a parsed document. It works on values, not on text, so that what a deployment sets can
 * never add a key.
 * @param missing called for a reference that has no value, with the place it stands at
 */
export function fillVariables(
  value: unknown,
  variables: Readonly<Record<string, string>>,
  missing: (path: PropertyKey[], name: string) => never,
): unknown {
  const fill = (node: unknown, path: PropertyKey[]): unknown => {
    if (typeof node === 'string') {
      return node.replace(REFERENCE, (reference, name: string) => {
        if (LATE.test(name)) return reference;
        return Object.hasOwn(variables, name) ? (variables[name] as string) : missing(path, name);
      });
    }
    if (Array.isArray(node)) return node.map((item, index) => fill(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, fill(item, [...path, key])]));
  };
  return fill(value, []);
}
