import { ExpressionError } from './expression.js';

const MAX_DEPTH = 64;
const MAX_VALUES = 500_000;
const MAX_CHARACTERS = 16 * 1_048_576;

/**
 * What an expression gave, as plain JSON: JSONata's lists carry marks of their own, and functions are values there.
 * @throws ExpressionError for more than an honest expression gives
 */
export function plain(value: unknown): unknown {
  let values = 0;
  let characters = 0;
  const visit = (node: unknown, depth: number): unknown => {
    if (++values > MAX_VALUES) throw new ExpressionError(`gives more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw new ExpressionError(`gives a value nested deeper than ${MAX_DEPTH} levels`);
    if (typeof node === 'string' && (characters += node.length) > MAX_CHARACTERS)
      throw new ExpressionError(`gives more than ${MAX_CHARACTERS} characters`);
    if (typeof node === 'number' && !Number.isFinite(node)) throw new ExpressionError('gives a number that is none');
    if (Array.isArray(node)) return node.map((item) => visit(item, depth + 1)).filter((item) => item !== undefined);
    if (typeof node === 'object' && node !== null) return isFunction(node) ? undefined : members(node, depth);
    return isScalar(node) ? node : undefined;
  };
  const members = (node: object, depth: number): unknown => {
    const copy: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(node)) {
      characters += key.length;
      const kept = key === '__proto__' ? undefined : visit(item, depth + 1);
      if (kept !== undefined) copy[key] = kept;
    }
    return copy;
  };
  return visit(value, 0);
}

function isScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isFunction(value: object): boolean {
  return '_jsonata_function' in value || '_jsonata_lambda' in value;
}
