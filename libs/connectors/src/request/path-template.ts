import { KeywardError } from '@keyward/contracts';

type Fail = (detail: string) => never;

export interface PathTemplate {
  /** Names of the values that stand in the path. */
  readonly names: readonly string[];
  /** The path with every value encoded: as exactly one segment or part of one, or, of `{+name}`, as several. */
  readonly expand: (values: (name: string) => unknown) => string;
}

const PART = /\{([^{}]*)\}/;
/** Characters that a path may hold as they are (RFC 3986 section 3.3), without `%`: nothing is decoded twice. */
const LITERAL = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;
/**
 * A dot segment in any spelling that some server might still resolve after decoding once, twice or more: `..`, `a/../b`, `%2e%2e`,
 * `..%252f`, `..\`. Encoded as one segment it is harmless to us, but we don't know how often the other side decodes.
 */
const DOT_SEGMENT = /(?:^|[/\\]|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){1,2}(?:$|[/\\?#;]|%(?:25)*(?:2f|5c|3f|23|3b|00))/i;

export function compilePathTemplate(template: string, fail: Fail): PathTemplate {
  const parts = template.split(new RegExp(PART, 'g'));
  const literals = parts.filter((_part, index) => index % 2 === 0);
  const references = parts
    .filter((_part, index) => index % 2 === 1)
    .map((text) => ({ name: text.replace(/^\+/, ''), several: text[0] === '+' }));
  for (const literal of literals) {
    if (!LITERAL.test(literal)) fail('a path holds only characters of RFC 3986 section 3.3, and {argument}');
  }
  if (references.some(({ name }) => !/^[A-Za-z0-9_-]{1,64}$/.test(name))) fail('{} must hold the name of an argument');
  if (/\/\/|\/\.{1,2}(\/|$)/.test(literals.join('x'))) fail('a path has no empty and no dot segments');
  if (references.some(({ several }, index) => several && !literals[index]?.endsWith('/')))
    fail('{+…} begins with a segment: a / stands before it');
  const expand = (values: (name: string) => unknown) => {
    let path = literals[0] as string;
    for (const [index, { name, several }] of references.entries()) {
      const value = values(name);
      path += (several ? encodeSegments(name, value) : encodeSegment(name, value)) + (literals[index + 1] as string);
    }
    return path;
  };
  return { names: [...new Set(references.map(({ name }) => name))], expand };
}

function encodeSegments(name: string, value: unknown): string {
  if (typeof value !== 'string') throw refused(name, 'must be a text: it stands in the path');
  // None of them is empty: that is no segment either.
  return value
    .split('/')
    .map((segment) => encodeSegment(name, segment))
    .join('/');
}

function encodeSegment(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  if (text === '') throw refused(name, 'must be a text that is not empty, a number or a boolean: it stands in the path');
  if (DOT_SEGMENT.test(text)) throw refused(name, 'must not hold "." or ".." as a path segment');
  if (!text.isWellFormed()) throw refused(name, 'must be well-formed Unicode');
  return encodeURIComponent(text);
}

function refused(name: string, detail: string): KeywardError {
  const pointer = `/${name}`;
  return new KeywardError('invalid_arguments', `The arguments are not valid (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}
