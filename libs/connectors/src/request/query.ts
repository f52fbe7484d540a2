import { KeywardError } from '@keyward/contracts';
import type { Arguments } from '../tool/tool.js';
import type { Mapped } from './mapping.js';

/** `?a=1&b=x&b=y`, or nothing. A list gives the name once per item; what the caller left out, or null, gives nothing. */
export function encodeQuery(members: readonly (readonly [string, Mapped])[], args: Arguments): string {
  let query = '';
  for (const [name, mapped] of members) {
    const value = mapped(args);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === undefined || item === null) continue;
      query += `${query === '' ? '?' : '&'}${encode(name, name)}=${encode(name, item)}`;
    }
  }
  return query;
}

function encode(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value === 'object' ? undefined : String(value);
  if (text === undefined || !text.isWellFormed()) {
    throw new KeywardError(
      'invalid_arguments',
      `The query parameter ${name} can't hold this value: it must be well-formed text, a number or a boolean.`,
    );
  }
  // RFC 3986 allows the apostrophe, but the URL parser escapes it in queries; written its way there is nothing to normalise.
  return encodeURIComponent(text).replaceAll("'", '%27');
}
