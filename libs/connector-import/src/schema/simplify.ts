import { isNode, own, ownList, ownNode, type Node } from '../node.js';
import { plain } from '../text.js';
import { keywordsOf } from './keywords.js';
import { shallow, typesOf, type Resolve } from './shallow.js';
import { variantsOf } from './variants.js';

/** The parts of a schema are more than a model can fill: another attempt goes less deep. */
export class TooBig extends Error {}

export interface Limits {
  /** Levels below an argument. */
  readonly depth: number;
  /** Schemas in all. */
  readonly parts: number;
  /** Members of one object. */
  readonly members: number;
}

export type Report = (at: string, detail: string) => void;

const MAX_DESCRIPTION = 200;
const MAX_NAME = 128;

/** Makes schemas that a model can fill out of those that describe an API: references inlined, cut where they get deep or recur. */
export class Simplifier {
  #parts = 0;

  /** @param report what was changed, with the place of the schema that was given */
  constructor(
    readonly resolve: Resolve,
    private readonly limits: Limits,
    private readonly report: Report,
  ) {}

  /** @param at JSON Pointer to where the result will stand */
  simplify(schema: unknown, at: string): Record<string, unknown> {
    return this.#visit(schema, at, 0, []);
  }

  #visit(node: unknown, at: string, depth: number, above: readonly string[]): Record<string, unknown> {
    if (++this.#parts > this.limits.parts) throw new TooBig();
    const found = shallow(node, this.resolve);
    for (const reference of found.missing) this.report(at, `${quoted(reference)} is not in this document: anything is taken`);
    const chosen = variantsOf(found.schema, this.resolve, (detail) => this.report(at, detail));
    const { types, nullable } = typesOf(chosen.schema);
    const description = plain(found.schema['description'] ?? found.schema['title'], MAX_DESCRIPTION);
    const isRecursive = found.references.some((reference) => above.includes(reference));
    const inside = [...above, ...found.references, ...chosen.references];
    const values = this.#values(chosen.schema, nullable || chosen.nullable, at);
    // A model reads what may be chosen from as well.
    this.#parts += Array.isArray(values['enum']) ? values['enum'].length / 10 : 0;
    const head = {
      ...typeKeyword(types, nullable || chosen.nullable, chosen.schema),
      ...(description === undefined ? {} : { description }),
      ...values,
    };
    if (!types.includes('object') && !types.includes('array')) {
      if (chosen.anyOf.length === 0 || depth >= this.limits.depth) return head;
      return { ...head, anyOf: chosen.anyOf.map((one, index) => this.#visit(one, `${at}/anyOf/${index}`, depth + 1, inside)) };
    }
    if (isRecursive || depth >= this.limits.depth) {
      this.report(at, isRecursive ? 'cut: it holds itself' : 'cut: what is inside lies too deep');
      return head;
    }
    return { ...head, ...this.#members(chosen.schema, types, at, depth, inside) };
  }

  #values(schema: Node, nullable: boolean, at: string): Record<string, unknown> {
    const keywords = keywordsOf(schema, (detail) => this.report(at, detail));
    const values = keywords['enum'];
    if (nullable && Array.isArray(values) && !values.includes(null)) keywords['enum'] = [...values, null];
    return keywords;
  }

  #members(
    schema: Node,
    types: readonly string[],
    at: string,
    depth: number,
    inside: readonly string[],
  ): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    if (types.includes('array') && isNode(schema['items']))
      members['items'] = this.#visit(schema['items'], `${at}/items`, depth + 1, inside);
    if (!types.includes('object')) return members;
    const properties = this.namesOf(schema, at);
    if (properties.length > 0) {
      members['properties'] = Object.fromEntries(
        properties.map((name) => [
          name,
          this.#visit(ownNode(schema, 'properties')[name], `${at}/properties/${pointed(name)}`, depth + 1, inside),
        ]),
      );
      const required = requiredOf(schema, properties);
      if (required.length > 0) members['required'] = required;
      return members;
    }
    const values = schema['additionalProperties'];
    if (isNode(values) && Object.keys(values).length > 0)
      members['additionalProperties'] = this.#visit(values, `${at}/additionalProperties`, depth + 1, inside);
    return members;
  }

  /** Members that whoever sends a request may set. */
  namesOf(schema: Node, at: string): string[] {
    const all = Object.entries(ownNode(schema, 'properties'));
    const names = all
      .filter(([name, value]) => isName(name) && !(isNode(value) && this.#isReadOnly(value)))
      .map(([name]) => name);
    const strange = all.filter(([name]) => !isName(name)).length;
    if (strange > 0) this.report(at, `${strange} members were left out: their names are none`);
    if (names.length <= this.limits.members) return names;
    const required = new Set(ownList(schema, 'required'));
    const kept = new Set([...names.filter((name) => required.has(name)), ...names].slice(0, this.limits.members));
    this.report(at, `${names.length - kept.size} of ${names.length} members were left out: there are too many`);
    return names.filter((name) => kept.has(name));
  }

  #isReadOnly(schema: Node): boolean {
    return (
      schema['readOnly'] === true ||
      (typeof schema['$ref'] === 'string' && own(this.resolve(schema['$ref']), 'readOnly') === true)
    );
  }
}

export function requiredOf(schema: Node, names: readonly string[]): string[] {
  const required = new Set(ownList(schema, 'required'));
  return names.filter((name) => required.has(name));
}

function typeKeyword(types: readonly string[], nullable: boolean, schema: Node): Record<string, unknown> {
  if (types.length === 0) return {};
  // Of a value that is one of some, the values say it all; a type that contradicts them would refuse every one.
  if (Array.isArray(schema['enum']) && !schema['enum'].every((value) => fits(value, types))) return {};
  const all = nullable ? [...types, 'null'] : types;
  return { type: all.length === 1 ? all[0] : all };
}

function fits(value: unknown, types: readonly string[]): boolean {
  if (value === null) return true;
  if (typeof value === 'number') return types.includes('number') || types.includes('integer');
  return types.includes(typeof value);
}

function isName(name: string): boolean {
  return name !== '' && name !== '__proto__' && name.length <= MAX_NAME && name.isWellFormed() && !/\p{Cc}/u.test(name);
}

export function pointed(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100).toWellFormed());
}
