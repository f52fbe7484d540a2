import type { Into, Pagination } from '../manifest/pagination.js';
import type { PageRequest, Position } from '../tool/tool.js';
import type { Placement } from '../request/placement.js';
import type { LinkedPage } from './next-address.js';

/** Where a page's number, or an address, counts pages, all of them must be of one size. */
export function isOfOneSize({ style }: Pagination): boolean {
  return style === 'page' || style === 'link' || style === 'url';
}

/** Items to be asked for; undefined where the provider alone says how large a page is. */
export function sizeOf(pagination: Pagination, { wanted, position }: PageRequest): number | undefined {
  const { size } = pagination;
  if (size === undefined) return undefined;
  return isOfOneSize(pagination) && position.size !== undefined
    ? position.size
    : Math.min(wanted + (position.skip ?? 0), size.max);
}

/** What a request for a page has beside what the tool says. */
export function placePage(pagination: Pagination, page: PageRequest): Placement {
  const values: [Into, unknown][] = [];
  const size = sizeOf(pagination, page);
  if (pagination.size !== undefined && size !== undefined) values.push([pagination.size.into, size]);
  const { position } = page;
  if ('into' in pagination) {
    const at = cursorAt(pagination, position);
    if (at !== undefined) values.push([pagination.into, at]);
  }
  const linked = pagination.style === 'link' || pagination.style === 'url' ? (position.at as LinkedPage | undefined) : undefined;
  return {
    query: [
      ...values.flatMap(([into, value]) => ('query' in into ? [[into.query, String(value)] as const] : [])),
      ...(linked?.query ?? []),
    ],
    body: values.flatMap(([into, value]) => ('body' in into ? [[into.body, value] as const] : [])),
    variables: Object.fromEntries(values.flatMap(([into, value]) => ('variable' in into ? [[into.variable, value]] : []))),
    ...(linked?.path === undefined ? {} : { path: linked.path }),
  };
}

/** The first page has no cursor, and no offset; it has a number. */
function cursorAt(pagination: Pagination, { at }: Position): unknown {
  return pagination.style === 'page' ? (at ?? pagination.first) : at;
}
