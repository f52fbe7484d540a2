import { isObject, parsed, type Reply, type SentRequest } from '@keyward/vendor-emulation';

/** As tools.yaml declares it; the schema is the compiler's. */
export interface PaginationFacts {
  readonly style: 'cursor' | 'url' | 'link' | 'page' | 'offset' | 'whole';
  readonly items: string;
  readonly next?: string;
  readonly more?: string;
  readonly into?: { readonly query?: string; readonly body?: string; readonly variable?: string };
  readonly size?: { readonly into: NonNullable<PaginationFacts['into']> };
  readonly path?: string;
  readonly first?: number;
}

const CURSOR = 'cursor-2';
/** Of an address that we gave out ourselves. */
const MARK = 'second_page';
/** Pages that nobody says the size of. */
const ITEMS = 2;
const MAX_ITEMS = 100;

/** A listing of two pages, in the way of its pagination: what was answered is the first, and the second ends it. */
export function asPage(reply: Reply, request: SentRequest, pagination: PaginationFacts): Reply {
  const second = isSecond(request, pagination);
  const body = structuredClone(reply.body);
  const items = at(body, pagination.items);
  const [item] = Array.isArray(items) ? (items as unknown[]) : [];
  const count = second ? lastOf(pagination) : pagination.style === 'whole' ? ITEMS + 1 : sizeOf(request, pagination);
  if (item !== undefined)
    put(
      body,
      pagination.items,
      Array.from({ length: count }, () => item),
    );
  const whole = pagination.items === '' ? Array.from({ length: count }, () => item) : body;
  if (pagination.more !== undefined) put(body, pagination.more, !second);
  if (pagination.style === 'link') return { ...reply, body: whole, headers: linked(reply, request, pagination, second) };
  if (pagination.next !== undefined) put(body, pagination.next, nextOf(body, request, pagination, second));
  return { ...reply, body: whole };
}

/** The request as the vendor would have got it: what only we understand is taken out of its address. */
export function unmarked(request: SentRequest): SentRequest {
  const url = new URL(request.url);
  if (!url.searchParams.has(MARK)) return request;
  url.searchParams.delete(MARK);
  return { ...request, url: url.href };
}

function isSecond(request: SentRequest, { style, into, first = 1, path }: PaginationFacts): boolean {
  if (style === 'url' || style === 'link')
    return path === undefined ? request.url.includes(`${MARK}=`) : request.url.includes(CURSOR);
  const cursor = placed(request, into);
  if (cursor === undefined || cursor === null) return false;
  if (style === 'cursor') return true;
  return String(cursor) !== String(style === 'page' ? first : 0);
}

/** Where nothing else tells the end, an empty page does. */
const lastOf = ({ style, size, more }: PaginationFacts) =>
  (style === 'page' || style === 'offset') && size === undefined && more === undefined ? 0 : 1;

function sizeOf(request: SentRequest, { size }: PaginationFacts): number {
  const asked = Number(placed(request, size?.into) ?? ITEMS);
  return Math.min(MAX_ITEMS, Math.max(1, Number.isFinite(asked) ? asked : ITEMS));
}

function placed(request: SentRequest, into: PaginationFacts['into']): unknown {
  if (into?.query !== undefined) return new URL(request.url).searchParams.get(into.query) ?? undefined;
  const body = parsed(String(request.body ?? ''));
  if (into?.variable !== undefined) return at(body, `/variables/${into.variable}`);
  return into?.body === undefined ? undefined : at(body, into.body);
}

function nextOf(body: unknown, request: SentRequest, pagination: PaginationFacts, second: boolean): unknown {
  if (second) return undefined;
  if (pagination.style === 'url') return nextAddress(request, pagination);
  const given = at(body, pagination.next ?? '');
  return typeof given === 'number' ? given : CURSOR;
}

function nextAddress(request: SentRequest, { path }: PaginationFacts): string {
  const url = new URL(request.url);
  if (path === undefined) url.searchParams.set(MARK, '1');
  else [url.pathname, url.search] = [path.replaceAll('{}', CURSOR), ''];
  return url.href;
}

function linked(reply: Reply, request: SentRequest, pagination: PaginationFacts, second: boolean): Reply['headers'] {
  return second ? reply.headers : { ...reply.headers, link: `<${nextAddress(request, pagination)}>; rel="next"` };
}

const tokens = (pointer: string) =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

function at(value: unknown, pointer: string): unknown {
  return tokens(pointer).reduce<unknown>((found, token) => (found as Record<string, unknown> | undefined | null)?.[token], value);
}

/** Sets a member, with the objects on the way to it; undefined removes it. */
function put(value: unknown, pointer: string, member: unknown): void {
  const path = tokens(pointer);
  const last = path.pop();
  let parent = value;
  for (const token of path) {
    if (!isObject(parent)) return;
    if (!isObject(parent[token])) parent[token] = {};
    parent = parent[token];
  }
  if (!isObject(parent) || last === undefined) return;
  if (member === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = member;
}
