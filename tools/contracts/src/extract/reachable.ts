import { createHash } from 'node:crypto';
import { isObject, type Schema } from '@keyward/vendor-emulation';

const PREFIX = '#/components/schemas/';
/** How many references deep a request is described: deeper than tools write. */
const REQUEST_DEPTH = 6;
/** An answer is read near its surface. */
const ANSWER_DEPTH = 3;
const PLAIN_NAME = /^[A-Za-z0-9._-]{1,60}$/;

export const CUT = `References deeper than ${REQUEST_DEPTH} in requests and ${ANSWER_DEPTH} in answers stand as {}.`;

/** The schemas that operations reach, under short names, and the operations with references to those. */
export class Reachable {
  private readonly left = new Map<string, number>();

  constructor(private readonly schema: (name: string) => Schema | undefined) {}

  addRequest(node: unknown): void {
    this.reach(node, REQUEST_DEPTH);
  }

  addAnswer(node: unknown): void {
    this.reach(node, ANSWER_DEPTH);
  }

  schemas(): Record<string, Schema> {
    const names = [...this.left.keys()].sort();
    return Object.fromEntries(
      names.map((name): [string, Schema] => [shortName(name), this.rewritten(this.schema(name) ?? {}) as Schema]).sort(byName),
    );
  }

  /** The same with references under short names, and `{}` for what is cut. */
  rewritten(node: unknown): unknown {
    if (Array.isArray(node)) return node.map((child) => this.rewritten(child));
    if (!isObject(node)) return node;
    const name = referenced(node);
    if (name !== undefined) return this.left.has(name) ? { $ref: PREFIX + shortName(name) } : {};
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, this.rewritten(child)]));
  }

  /** @param depth how many references may follow one another from here */
  private reach(node: unknown, depth: number): void {
    for (const { name, costs } of references(node, false)) {
      const left = depth - costs;
      if (left < 0 || (this.left.get(name) ?? -1) >= left) continue;
      const schema = this.schema(name);
      if (schema === undefined) continue;
      this.left.set(name, left);
      this.reach(schema, left);
    }
  }
}

/** A part of `allOf` is the schema itself, no deeper than it. */
function references(node: unknown, inAllOf: boolean): { name: string; costs: 0 | 1 }[] {
  if (Array.isArray(node)) return node.flatMap((child) => references(child, inAllOf));
  if (!isObject(node)) return [];
  const name = referenced(node);
  if (name !== undefined) return [{ name, costs: inAllOf ? 0 : 1 }];
  return Object.entries(node).flatMap(([key, child]) => references(child, key === 'allOf'));
}

function referenced(node: Record<string, unknown>): string | undefined {
  const ref = node['$ref'];
  return typeof ref === 'string' && ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : undefined;
}

/** Generators' names are longer than what they name. */
function shortName(name: string): string {
  return PLAIN_NAME.test(name) ? name : `S${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

const byName = ([a]: [string, Schema], [b]: [string, Schema]) => (a < b ? -1 : 1);
