import { isNode, own, ownList, ownNode, type Node } from '../node.js';

/** Finds what a `$ref` names; undefined where that is not in the document. */
export type Resolve = (reference: string) => unknown;

export interface Shallow {
  readonly schema: Node;
  /** References that were followed to get there. */
  readonly references: readonly string[];
  /** References that lead nowhere in the document. */
  readonly missing: readonly string[];
}

/** One after the other: further than any honest description goes. */
const MAX_FOLLOWED = 60;

/** The schema with its own references followed and the parts of `allOf` put together: one object, whose members are as they were. */
export function shallow(schema: unknown, resolve: Resolve): Shallow {
  const references: string[] = [];
  const missing: string[] = [];
  const gather = (node: unknown): Node => {
    if (!isNode(node)) return {};
    const { $ref: reference, allOf, ...rest } = node;
    let merged: Node = rest;
    if (typeof reference === 'string' && !references.includes(reference) && references.length < MAX_FOLLOWED) {
      references.push(reference);
      const target = resolve(reference);
      if (target === undefined) missing.push(reference);
      else merged = mergedOf(rest, gather(target));
    }
    for (const part of Array.isArray(allOf) ? allOf.slice(0, MAX_FOLLOWED) : []) merged = mergedOf(merged, gather(part));
    return merged;
  };
  return { schema: gather(schema), references, missing };
}

/** What both say; where they say different things, the first. */
function mergedOf(first: Node, second: Node): Node {
  const merged: Record<string, unknown> = { ...second, ...first };
  if ('properties' in first && 'properties' in second)
    merged['properties'] = { ...ownNode(second, 'properties'), ...ownNode(first, 'properties') };
  if ('required' in first && 'required' in second)
    merged['required'] = [...ownList(first, 'required'), ...ownList(second, 'required')];
  return merged;
}

/** Names of types, `null` apart (JSON Schema's list, OpenAPI 3.0's `nullable`). */
export function typesOf(schema: Node): { types: readonly string[]; nullable: boolean } {
  const written = own(schema, 'type');
  const all = (Array.isArray(written) ? written : [written]).map((type) => (type === 'file' ? 'string' : type));
  const types = [...new Set(all.filter((type): type is string => typeof type === 'string' && TYPES.has(type)))];
  const nullable = schema['nullable'] === true || schema['x-nullable'] === true || all.includes('null');
  if (types.length > 0) return { types, nullable };
  if (isNode(schema['properties']) || isNode(schema['additionalProperties'])) return { types: ['object'], nullable };
  return { types: 'items' in schema ? ['array'] : [], nullable };
}

const TYPES: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array']);
