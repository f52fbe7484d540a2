/** An object of a parsed document. */
export type Node = Readonly<Record<string, unknown>>;

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object's own member; undefined for what is inherited, and of what is no object. */
export function own(value: unknown, name: string): unknown {
  return isNode(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function ownNode(value: unknown, name: string): Node {
  const member = own(value, name);
  return isNode(member) ? member : {};
}

export function ownList(value: unknown, name: string): readonly unknown[] {
  const member = own(value, name);
  return Array.isArray(member) ? member : [];
}

export function ownText(value: unknown, name: string): string | undefined {
  const member = own(value, name);
  return typeof member === 'string' && member !== '' ? member : undefined;
}
