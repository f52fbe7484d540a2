import { isNode, ownList, ownNode, type Node } from '../node.js';
import { shallow, typesOf, type Resolve } from './shallow.js';

export interface Chosen {
  /** The schema, with what its variants have in common or can be said in one. */
  readonly schema: Node;
  /** What is left to choose from. */
  readonly anyOf: readonly unknown[];
  readonly nullable: boolean;
  readonly references: readonly string[];
}

const MAX_VARIANTS = 5;
const MAX_READ = 200;

/** `oneOf` and `anyOf` in a form that a model can fill: where they can be one schema, that. */
export function variantsOf(schema: Node, resolve: Resolve, report: (detail: string) => void): Chosen {
  const { oneOf, anyOf, ...rest } = schema;
  const written = Array.isArray(oneOf) ? oneOf : Array.isArray(anyOf) ? anyOf : [];
  const found = written
    .filter(isNode)
    .slice(0, MAX_READ)
    .map((one) => shallow(one, resolve));
  const references = found.flatMap((one) => one.references);
  const isNull = (one: Node) => one['type'] === 'null' || (ownList(one, 'enum').length === 1 && ownList(one, 'enum')[0] === null);
  const variants = found.map((one) => one.schema).filter((one) => !isNull(one));
  const nullable = variants.length < found.length || variants.some((one) => typesOf(one).nullable);
  const as = (merged: Node, left: readonly unknown[] = []): Chosen => ({ schema: merged, anyOf: left, nullable, references });
  const [only] = variants;
  if (only === undefined) return as(rest);
  if (variants.length === 1) return as(withProperties({ ...only, ...rest }, [only, rest]));
  if (variants.every((one) => isSameValues(one))) return as({ ...rest, ...valuesOf(variants) });
  const kinds = [rest, ...variants].map((one) => typesOf(one).types);
  const isObjects =
    kinds.slice(1).every((types) => types.length === 0 || types.join() === 'object') && kinds.flat().includes('object');
  if (isObjects) {
    report(`its ${variants.length} forms were put together: what one of them requires is not required`);
    return as(withProperties({ ...rest, type: 'object', required: requiredByAll(rest, variants) }, [rest, ...variants]));
  }
  const scalars = kinds.slice(1);
  if (scalars.every((types) => types.length > 0 && types.every((type) => type !== 'object' && type !== 'array'))) {
    report(`its ${variants.length} forms were put together: only their types count`);
    return as({ ...rest, type: [...new Set(scalars.flat())] });
  }
  if (variants.length > MAX_VARIANTS) {
    report(`its ${variants.length} forms are too many: anything is taken`);
    return as(rest);
  }
  return as(
    rest,
    written.filter(isNode).filter((_one, index) => !isNull(found[index]?.schema ?? {})),
  );
}

/** One of some texts, or numbers. */
function isSameValues(schema: Node): boolean {
  return 'const' in schema || Array.isArray(schema['enum']);
}

function valuesOf(variants: readonly Node[]): Node {
  const types = [...new Set(variants.flatMap((one) => typesOf(one).types))];
  const values = variants.flatMap((one) => ('const' in one ? [one['const']] : ownList(one, 'enum')));
  return { enum: [...new Set(values)], ...(types.length === 1 ? { type: types[0] } : {}) };
}

function withProperties(schema: Node, parts: readonly Node[]): Node {
  const properties = Object.fromEntries(parts.toReversed().flatMap((part) => Object.entries(ownNode(part, 'properties'))));
  return Object.keys(properties).length === 0 ? schema : { ...schema, properties };
}

function requiredByAll(whole: Node, variants: readonly Node[]): unknown[] {
  const [first, ...others] = variants.map((one) => ownList(one, 'required'));
  const common = (first ?? []).filter((name) => others.every((names) => names.includes(name)));
  return [...new Set([...ownList(whole, 'required'), ...common])];
}
