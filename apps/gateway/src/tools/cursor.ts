import { createHash } from 'node:crypto';
import { KeywardError } from '@keyward/contracts';

/**
 * A place in a list, for the caller to hand back: `base64url("1:" + fingerprint of the query + ":" + last key shown)`. It grants
 * nothing, as what a page may show is decided anew each time; the checks make a cursor that was altered, or taken from another
 * query, an error rather than a page that silently starts elsewhere.
 */
const CURSOR = /^1:([0-9a-f]{16}):(.+)$/;
const MAX_LENGTH = 256;

/** @param query everything that selects what is listed, in a fixed order */
export function encodeCursor(query: readonly string[], lastKey: string): string {
  return Buffer.from(`1:${fingerprint(query)}:${lastKey}`, 'utf8').toString('base64url');
}

/** @returns the last key shown. @throws KeywardError `invalid_request` */
export function decodeCursor(query: readonly string[], cursor: string, key: RegExp): string {
  const text = cursor.length > MAX_LENGTH ? '' : Buffer.from(cursor, 'base64url').toString('utf8');
  const [, query16, lastKey] = CURSOR.exec(text) ?? [];
  // base64url has several spellings of one text; only ours is taken.
  if (lastKey === undefined || query16 !== fingerprint(query) || !key.test(lastKey) || encodeCursor(query, lastKey) !== cursor) {
    throw new KeywardError('invalid_request', 'The cursor is not one that this list returned.', {
      details: { errors: [{ pointer: '/cursor', detail: 'is not valid for this query' }] },
    });
  }
  return lastKey;
}

function fingerprint(query: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(query)).digest('hex').slice(0, 16);
}
