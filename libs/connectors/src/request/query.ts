import { KeywardError } from '@keyward/contracts';
import type { Inputs, Mapped } from './mapping.js';

export type Member = readonly [name: string, value: Mapped];

/** Each name with a text, in order. A list gives the name once per item; what the caller left out, or null, gives nothing. */
export function* pairsOf(members: readonly Member[], inputs: Inputs, what: string): Generator<[string, string]> {
  for (const [name, mapped] of members) {
    const value = mapped(inputs);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null) yield [name, textOf(item, `The ${what} ${name}`)];
    }
  }
}

/** `?a=1&b=x&b=y`, or nothing. */
export function encodeQuery(pairs: Iterable<readonly [string, string]>): string {
  let query = '';
  for (const [name, text] of pairs) query += `${query === '' ? '?' : '&'}${encode(name)}=${encode(text)}`;
  return query;
}

/** @throws KeywardError `invalid_arguments` where the value is neither text, number nor boolean */
export function textOf(value: unknown, subject: string): string {
  const text = typeof value === 'string' ? value : typeof value === 'object' ? undefined : String(value);
  if (text !== undefined && text.isWellFormed()) return text;
  throw new KeywardError(
    'invalid_arguments',
    `${subject} can't hold this value: it must be well-formed text, a number or a boolean.`,
  );
}

/** RFC 3986 allows the apostrophe, but the URL parser escapes it in queries; written its way there is nothing to normalise. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27');
}
