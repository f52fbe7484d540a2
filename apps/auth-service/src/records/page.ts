import { idSchema, KeywardError, type IdPrefix } from '@keyward/contracts';

export const PAGE_SIZE = 100;

/** Lists are read newest first; a page's cursor is the id at which it ended. */
export function readCursor(prefix: IdPrefix, cursor: string | undefined): string | undefined {
  if (cursor === undefined || idSchema(prefix).safeParse(cursor).success) return cursor;
  throw new KeywardError('invalid_request', 'The cursor is not one that an earlier page ended with.');
}

export interface Rows<T> {
  rows: T[];
  nextCursor: string | null;
}

/** Cuts what was read with one row more than a page. */
export function pageOf<T extends { id: string }>(read: T[]): Rows<T> {
  const rows = read.slice(0, PAGE_SIZE);
  return { rows, nextCursor: read.length > PAGE_SIZE ? (rows.at(-1)?.id ?? null) : null };
}
