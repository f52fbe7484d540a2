const MAX_DEPTH = 64;
const MAX_NODES = 200_000;

export interface ShapeProblem {
  place: PropertyKey[];
  detail: string;
}

/**
 * What YAML can say and a connector can't: more than any honest file holds, a key that would reach a prototype, a number that
 * is not the one that was written.
 */
export function shapeProblem(value: unknown): ShapeProblem | undefined {
  let nodes = 0;
  const visit = (node: unknown, place: PropertyKey[]): ShapeProblem | undefined => {
    if (++nodes > MAX_NODES) return { place: [], detail: `the file has more than ${MAX_NODES} values` };
    if (place.length > MAX_DEPTH) return { place, detail: `nested deeper than ${MAX_DEPTH} levels` };
    if (typeof node === 'number' && !isExact(node)) return { place, detail: 'the number can not be represented exactly' };
    if (typeof node === 'string' && !node.isWellFormed()) return { place, detail: 'must be well-formed Unicode' };
    if (typeof node !== 'object' || node === null) return undefined;
    for (const [key, item] of Object.entries(node)) {
      if (key === '__proto__') return { place: [...place, key], detail: 'must not be a name' };
      const found = visit(item, [...place, Array.isArray(node) ? Number(key) : key]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(value, []);
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}
