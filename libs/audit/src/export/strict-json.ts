/** Text that is JSON, but that two readers could read as two different values. */
export class AmbiguousJson extends Error {}

/** Inside text that is known to be JSON (RFC 8259). */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*|[{}[\],:]|[a-z]+|\s+/gy;

/**
 * JSON.parse, for texts whose meaning is hashed: refuses what RFC 7493 (I-JSON) warns of, because one reader takes the first of two equal
 * names and another the last, and one rounds a number that another keeps.
 * @throws SyntaxError where it is not JSON; AmbiguousJson
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // What is written just as it would be written again names everything once, and every number exactly.
  if (JSON.stringify(value) !== text) assertUnambiguous(text);
  return value;
}

function assertUnambiguous(text: string): void {
  /** Names of each object around the current token; null for an array. */
  const around: (Set<string> | null)[] = [];
  let nameIsNext = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0] ?? '';
    const names = around.at(-1);
    if (first === '{' || first === '[') {
      around.push(first === '{' ? new Set() : null);
      nameIsNext = first === '{';
    } else if (first === '}' || first === ']') around.pop();
    else if (first === ',') nameIsNext = names instanceof Set;
    else if (first === ':') nameIsNext = false;
    else if (first === '"' && nameIsNext && names instanceof Set) add(names, token);
    else if (first === '-' || (first >= '0' && first <= '9')) assertExact(token);
  }
}

function add(names: Set<string>, token: string): void {
  const name = JSON.parse(token) as string;
  if (names.has(name)) throw new AmbiguousJson('a member is named twice in the same object');
  names.add(name);
}

function assertExact(token: string): void {
  const value = Number(token);
  if (Object.is(value, -0)) throw new AmbiguousJson('a number is minus zero');
  if (!Number.isFinite(value) || decimal(token) !== decimal(String(value)))
    throw new AmbiguousJson('a number is larger or finer than a JSON number can be (RFC 7493 section 2.2)');
}

/** One spelling per decimal number: digits without zeros at either end, and the power of ten. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
