import { KeywardError, valueAt } from '@keyward/contracts';
import { answerBindings, unfitAnswer } from '../answer/bindings.js';
import type { Expression } from '../expression/expression.js';
import type { Pagination } from '../manifest/pagination.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { fixedParts } from '../request/fixed-parts.js';
import type { Answer, Page, PageRequest, Paging, Scope, Step } from '../tool/tool.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { isLinkedPage, linkedPage, nextLink } from './next-address.js';
import { isOfOneSize, sizeOf } from './placer.js';

export const DEFAULT_LIMIT = 50;

interface Parts {
  tool: string;
  provider: ProviderManifest;
  pagination: Pagination;
  /** Of one item. */
  select: Expression | undefined;
  step: Step;
  /** Name of the base of the step's request. */
  base: string | undefined;
}

/** A listing that is followed page by page. */
export function compilePaging(parts: Parts): Paging {
  const { tool, provider, pagination } = parts;
  const isPlace = placesOf(pagination, provider);
  return {
    wantedOf: (args) => ({
      limit: typeof args['limit'] === 'number' ? args['limit'] : (pagination.size?.default ?? DEFAULT_LIMIT),
      position: args['cursor'] === undefined ? {} : decodeCursor(tool, args, args['cursor'], isPlace),
    }),
    page: (answer, scope, request) => pageOf(parts, answer, scope, request),
    cursorOf: (next, args) => encodeCursor(tool, args, next),
  };
}

async function pageOf(parts: Parts, answer: Answer, scope: Scope, request: PageRequest): Promise<Page> {
  const { pagination, select } = parts;
  const all = listIn(answer, pagination.items);
  const { position, wanted } = request;
  const skip = position.skip ?? 0;
  const items = all.slice(skip, skip + wanted);
  const selected = select === undefined ? items : await select.evaluate(items, answerBindings(answer, scope)).catch(unfitAnswer);
  const size = isOfOneSize(pagination) ? sizeOf(pagination, request) : undefined;
  const sized = size === undefined ? {} : { size };
  const page = { items: selected.map((item) => item ?? null) };
  if (all.length > skip + items.length) return { ...page, next: { ...position, ...sized, skip: skip + items.length } };
  const at = await placeAfter(parts, answer, scope, request, all.length);
  // A provider that names the same place again would be asked for ever.
  const isEnd = at === undefined || JSON.stringify(at) === JSON.stringify(position.at);
  return { ...page, next: isEnd ? undefined : { ...sized, at } };
}

/** Providers leave an empty list out. */
function listIn({ body }: Answer, pointer: string): unknown[] {
  const list = valueAt(body, pointer) ?? [];
  if (!Array.isArray(list))
    throw new KeywardError('provider_error', 'The provider’s answer holds no list where this tool expects one.');
  return list;
}

/** Where the page after this one begins, undefined where there is none. */
async function placeAfter(parts: Parts, answer: Answer, scope: Scope, request: PageRequest, count: number): Promise<unknown> {
  const { pagination } = parts;
  if (pagination.more !== undefined && valueAt(answer.body, pagination.more) !== true) return undefined;
  switch (pagination.style) {
    case 'cursor':
      return cursorIn(answer, pagination.next);
    case 'page':
    case 'offset': {
      const asked = sizeOf(pagination, request);
      if (count === 0 || (pagination.more === undefined && asked !== undefined && count < asked)) return undefined;
      const before = request.position.at as number | undefined;
      return pagination.style === 'page' ? (before ?? pagination.first) + 1 : (before ?? 0) + count;
    }
    case 'url':
    case 'link': {
      const address = pagination.style === 'link' ? nextLink(answer.headers['link']) : valueAt(answer.body, pagination.next);
      if (typeof address !== 'string' || address === '') return undefined;
      const { url } = await parts.step.render(scope, { ...request, position: {} });
      const { base } = fixedParts(scope.provider, parts.base);
      return linkedPage(address, { url, base, provider: scope.provider, path: pagination.path });
    }
    case 'whole':
      return undefined;
  }
}

function cursorIn({ body }: Answer, pointer: string): string | number | undefined {
  const cursor = valueAt(body, pointer);
  return typeof cursor === 'number' || (typeof cursor === 'string' && cursor !== '') ? cursor : undefined;
}

function placesOf(pagination: Pagination, provider: ProviderManifest): (at: unknown) => boolean {
  switch (pagination.style) {
    case 'cursor':
      return (at) => typeof at === 'string' || typeof at === 'number';
    case 'page':
    case 'offset':
      return (at) => Number.isSafeInteger(at) && (at as number) >= 0;
    case 'url':
    case 'link':
      return (at) => isLinkedPage(at, provider, pagination.path);
    case 'whole':
      return () => false;
  }
}
