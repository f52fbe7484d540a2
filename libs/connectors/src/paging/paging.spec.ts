import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { acme, answer, BASE, render, scopeOf, stepOf, toolOf } from '../../test/tools.js';
import type { Answer, Arguments, Page, Position, RenderedRequest, Tool } from '../tool/tool.js';
import { nextLink } from './next-address.js';

const refused = expect.objectContaining({
  code: 'invalid_arguments',
  details: { errors: [expect.objectContaining({ pointer: '/cursor' })] },
});

function listing(
  pagination: object,
  request: object = { method: 'GET', path: '/things' },
  more: object = {},
  provider = acme(),
): Tool {
  return toolOf({ effect: 'read', request, pagination, ...more }, {}, { provider });
}

function pagingOf({ pagination }: Tool) {
  if (pagination === null) throw new Error('the tool has no pages');
  return pagination;
}

/** Follows pages as the executor does. */
async function follow(
  tool: Tool,
  args: Arguments,
  provider: (request: RenderedRequest) => Answer,
): Promise<{ items: unknown[]; cursor: string | null; requests: RenderedRequest[] }> {
  const paging = pagingOf(tool);
  tool.validateArguments(args);
  const { limit, position } = paging.wantedOf(args);
  const [items, requests]: [unknown[], RenderedRequest[]] = [[], []];
  let next: Position | undefined = position;
  while (next !== undefined && items.length < limit) {
    const request = { wanted: limit - items.length, position: next };
    const rendered = await render(tool, args, {}, request);
    requests.push(rendered);
    if (requests.length > 100) throw new Error('it never ends');
    const page: Page = await paging.page(provider(rendered), scopeOf(tool, args), request);
    items.push(...page.items);
    next = page.next;
  }
  return { items, cursor: next === undefined ? null : paging.cursorOf(next, args), requests };
}

const ALL = Array.from({ length: 25 }, (_item, index) => index);
const SIZE = { into: { query: 'size' }, max: 10 };

/** Providers of each style over the same list, with pages of what is asked for, or of 7. */
const STYLES: Record<string, { tool: Tool; provider: (request: RenderedRequest) => Answer }> = {
  cursor: {
    tool: listing({ style: 'cursor', items: '/data', next: '/next', into: { query: 'after' }, size: SIZE }),
    provider: ({ url }) => {
      const { from, to } = slice(url, 'after');
      return answer({ data: ALL.slice(from, to), next: to < ALL.length ? String(to) : '' });
    },
  },
  'cursor, of a provider that takes no size': {
    tool: listing({ style: 'cursor', items: '/data', next: '/next', into: { query: 'after' } }),
    provider: ({ url }) => {
      const { from, to } = slice(url, 'after');
      return answer({ data: ALL.slice(from, to), ...(to < ALL.length ? { next: to } : {}) });
    },
  },
  offset: {
    tool: listing({ style: 'offset', items: '', into: { query: 'skip' }, size: SIZE }),
    provider: ({ url }) => {
      const { from, to } = slice(url, 'skip');
      return answer(ALL.slice(from, to));
    },
  },
  whole: {
    tool: listing({ style: 'whole', items: '/data' }),
    provider: () => answer({ data: ALL }),
  },
  'offset, in the body, with a word on whether there is more': {
    tool: listing(
      {
        style: 'offset',
        items: '/data',
        more: '/more',
        into: { body: '/page/skip' },
        size: { into: { body: '/page/size' }, max: 10 },
      },
      { method: 'POST', path: '/search', body: { q: 'x' } },
    ),
    provider: ({ body }) => {
      const { page } = JSON.parse(String(body)) as { page: { skip?: number; size: number } };
      const from = page.skip ?? 0;
      return answer({ data: ALL.slice(from, from + page.size), more: from + page.size < ALL.length });
    },
  },
  page: {
    tool: listing({ style: 'page', items: '/data', into: { query: 'page' }, size: SIZE }),
    provider: ({ url }) => {
      const { page, size } = pageOf(url);
      return answer({ data: ALL.slice((page - 1) * size, page * size) });
    },
  },
  link: {
    tool: listing({ style: 'link', items: '', size: SIZE }),
    provider: ({ url }) => {
      const { page, size } = pageOf(url);
      const next = `<https://api.acme.example/v1/repositories/7/things?size=${size}&page=${page + 1}>; rel="next", <https://api.acme.example/>; rel="first"`;
      return answer(ALL.slice((page - 1) * size, page * size), { headers: page * size < ALL.length ? { link: next } : {} });
    },
  },
  url: {
    tool: listing({ style: 'url', items: '/data', next: '/next', path: '/more/{}', size: SIZE }),
    provider: ({ url }) => {
      const { from, to } = slice(url, 'at', Number(/\/more\/(\d+)/.exec(url)?.[1] ?? 0));
      return answer({ data: ALL.slice(from, to), next: to < ALL.length ? `/v1/more/${to}?size=${to - from}` : null });
    },
  },
  'a variable of GraphQL': {
    tool: listing(
      {
        style: 'cursor',
        items: '/data/things/nodes',
        next: '/data/things/end',
        more: '/data/things/has',
        into: { variable: 'after' },
        size: { into: { variable: 'first' }, max: 10 },
      },
      {
        kind: 'graphql',
        path: '/graphql',
        query: 'query($first: Int!, $after: String) { things(first: $first, after: $after) { nodes } }',
      },
    ),
    provider: ({ body }) => {
      const { variables } = JSON.parse(String(body)) as { variables: { after?: string; first: number } };
      const from = Number(variables.after ?? 0);
      const to = from + variables.first;
      return answer({ data: { things: { nodes: ALL.slice(from, to), end: String(to), has: to < ALL.length } } });
    },
  },
};

function slice(url: string, name: string, usual = 0): { from: number; to: number } {
  const { searchParams } = new URL(url);
  const from = Number(searchParams.get(name) ?? usual);
  return { from, to: Math.min(ALL.length, from + Number(searchParams.get('size') ?? 7)) };
}

function pageOf(url: string): { page: number; size: number } {
  const { searchParams } = new URL(url);
  return { page: Number(searchParams.get('page') ?? 1), size: Number(searchParams.get('size') ?? 7) };
}

describe.each(Object.entries(STYLES))('a listing by %s', (_style, { tool, provider }) => {
  it('gives every item once and in order, however it is cut into calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }), async (limits) => {
        const items: unknown[] = [];
        let cursor: string | null | undefined;
        for (const limit of [...limits, 1_000]) {
          const part = await follow(tool, { limit, ...(cursor === undefined ? {} : { cursor }) }, provider);
          expect(part.items.length).toBeLessThanOrEqual(limit);
          items.push(...part.items);
          cursor = part.cursor;
          if (cursor === null) break;
        }
        expect([items, cursor]).toEqual([ALL, null]);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses a cursor that was changed, and follows none elsewhere', async () => {
    const { cursor } = await follow(tool, { limit: 3 }, provider);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    const whole = JSON.parse(Buffer.from(String(cursor), 'base64url').toString()) as object;
    const hostile = [
      { ...whole, at: { query: [['page', '3']], path: '/admin' } },
      { ...whole, at: 'https://evil.example/' },
      { ...whole, at: -1 },
      { ...whole, skip: 1 },
      { ...whole, extra: 1 },
      { ...whole, sum: '' },
      {},
      [],
      null,
    ].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'));
    for (const text of [...hostile, '', '!', 'x'.repeat(8_000), String(cursor).slice(1), `${cursor}A`])
      expect(() => pagingOf(tool).wantedOf({ limit: 3, cursor: text })).toThrow(refused);
  });
});

describe('a cursor', () => {
  const STYLE = { style: 'cursor', items: '', next: '/n', into: { query: 'c' } };
  const tool = toolOf(
    { effect: 'read', request: { method: 'GET', path: '/x', query: { q: '$.q' } }, pagination: STYLE },
    { q: {} },
  );

  it('counts for the tool and the arguments that it was given out for, `limit` apart', () => {
    const cursor = pagingOf(tool).cursorOf({ at: 'abc' }, { q: 'one', limit: 5 });
    expect(pagingOf(tool).wantedOf({ q: 'one', limit: 9, cursor })).toEqual({ limit: 9, position: { at: 'abc' } });
    expect(() => pagingOf(tool).wantedOf({ q: 'two', cursor })).toThrow(refused);
    const other = toolOf(
      { name: 'acme_other', effect: 'read', request: { method: 'GET', path: '/x', query: { q: '$.q' } }, pagination: STYLE },
      { q: {} },
    );
    expect(() => pagingOf(other).wantedOf({ q: 'one', cursor })).toThrow(refused);
  });

  it('never throws anything else, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.json().map((text) => Buffer.from(text).toString('base64url')),
        ),
        (cursor) => {
          expect(() => pagingOf(tool).wantedOf({ q: 'one', cursor })).toThrow(refused);
        },
      ),
    );
  });

  it('that somebody makes up asks for another page of the same list, and for nothing else', async () => {
    const linked = listing({ style: 'link', items: '', path: '/repositories/{}/things' });
    const forged = (at: unknown) => {
      const cursor = pagingOf(linked).cursorOf({ at }, {});
      return render(linked, {}, {}, { wanted: 1, position: pagingOf(linked).wantedOf({ cursor }).position });
    };
    expect((await forged({ query: [['page', '2&x=y']] })).url).toBe(`${BASE}/things?page=2%26x%3Dy`);
    expect((await forged({ query: [], path: '/repositories/7/things' })).url).toBe(`${BASE}/repositories/7/things`);
    for (const path of [
      '/admin',
      '/repositories/../things',
      '/repositories/%2e%2e/things',
      '/repositories/a/b/things',
      'https://evil.example/',
      '//evil.example/x/things',
    ])
      await expect(async () => forged({ query: [], path })).rejects.toThrow(refused);
    await expect(async () => forged({ query: [['access_token', 'mine']] })).rejects.toThrow(refused);
    await expect(async () => forged({ query: [['page', 2]] })).rejects.toThrow(refused);
  });

  it('that somebody makes up changes nothing that the request says itself', async () => {
    const linked = listing({ style: 'link', items: '' }, { method: 'GET', path: '/things', query: { owner: 'acme' } });
    const cursor = pagingOf(linked).cursorOf(
      {
        at: {
          query: [
            ['owner', 'others'],
            ['page', '2'],
          ],
        },
      },
      {},
    );
    const { position } = pagingOf(linked).wantedOf({ cursor });
    expect((await render(linked, {}, {}, { wanted: 1, position })).url).toBe(`${BASE}/things?owner=acme&page=2`);
  });
});

describe('the address of a next page', () => {
  const tool = listing(
    { style: 'url', items: '/data', next: '/next' },
    { method: 'GET', path: '/things', query: { fields: 'a' } },
  );
  const after = (next: unknown) => pagingOf(tool).page(answer({ data: [1], next }), scopeOf(tool), { wanted: 9, position: {} });

  it('adds to the request, whose own parameters stay; a token in it is left out', async () => {
    const { next } = await after('https://api.acme.example/v1/things?fields=secret&access_token=t&after=x');
    expect(next).toEqual({ at: { query: [['after', 'x']] } });
    expect((await render(tool, {}, {}, { wanted: 1, position: next ?? {} })).url).toBe(`${BASE}/things?fields=a&after=x`);
  });

  it('takes the place of the request, parameters included, where it has a path of its own', async () => {
    const other = listing(
      { style: 'url', items: '/data', next: '/next', path: '/things/{}' },
      { method: 'GET', path: '/things', query: { fields: 'a' } },
    );
    const address = '/v1/things/cursor-9?part=2&fields=b&access_token=t';
    const first = { wanted: 9, position: {} };
    const { next } = await pagingOf(other).page(answer({ data: [1], next: address }), scopeOf(other), first);
    const { url } = await render(other, {}, {}, { wanted: 1, position: next ?? {} });
    expect(url).toBe(`${BASE}/things/cursor-9?part=2&fields=b`);
  });

  it.each([
    'https://evil.example/v1/things?after=x',
    'http://api.acme.example/v1/things?after=x',
    'https://api.acme.example:444/v1/things?after=x',
    'https://api.acme.example/admin?after=x',
    'https://api.acme.example/v1/../admin?after=x',
    'https://api.acme.example/v10/things?after=x',
    'https://u:p@api.acme.example/v1/things?after=x',
    'https://api.acme.example/v1/things',
    'javascript:alert(1)',
    `https://api.acme.example/v1/things?after=${'x'.repeat(9_000)}`,
  ])('is not followed to %s', async (next) => {
    await expect(after(next)).rejects.toThrow(expect.objectContaining({ code: 'provider_error' }));
  });

  it.each<[string | undefined, string | undefined]>([
    ['<https://a.example/?p=2>; rel="next"', 'https://a.example/?p=2'],
    ['<https://a.example/?p=1>; rel="prev", <https://a.example/?p=3>; title="x"; rel=next', 'https://a.example/?p=3'],
    ['<https://a.example/?a=1,2>; rel="last next"', 'https://a.example/?a=1,2'],
    ['</x?p=2>;rel="NEXT"', '/x?p=2'],
    ['<https://a.example/>; rel="nextish"', undefined],
    ['<https://a.example/>; title="rel=next"; rel="prev"', undefined],
    ['<', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of Link: %j is %j', (header, expected) => {
    expect(nextLink(header)).toBe(expected);
  });
});

describe('a page', () => {
  it('has its items selected one by one; a list that is left out is empty, anything else is no list', async () => {
    const tool = listing({ style: 'cursor', items: '/data', next: '/next', into: { query: 'c' } }, undefined, {
      output: { select: '{"id": i, "s": $status}' },
    });
    const page = (body: unknown) => pagingOf(tool).page(answer(body), scopeOf(tool), { wanted: 9, position: {} });
    expect(await page({ data: [{ i: 1 }, { i: 2 }] })).toEqual({
      items: [
        { id: 1, s: 200 },
        { id: 2, s: 200 },
      ],
      next: undefined,
    });
    expect(await page({})).toEqual({ items: [], next: undefined });
    await expect(page({ data: {} })).rejects.toThrow(expect.objectContaining({ code: 'provider_error' }));
  });

  it('that names itself as the next one is the last', async () => {
    const tool = listing({ style: 'cursor', items: '/data', next: '/next', into: { query: 'c' } });
    const page = await pagingOf(tool).page(answer({ data: [1], next: 'same' }), scopeOf(tool), {
      wanted: 9,
      position: { at: 'same' },
    });
    expect(page.next).toBeUndefined();
  });

  it('takes `limit` and `cursor` as arguments, unless the tool says itself what they are', () => {
    const style = {
      style: 'cursor',
      items: '',
      next: '/n',
      into: { query: 'c' },
      size: { into: { query: 's' }, max: 100, default: 20 },
    };
    const tool = listing(style);
    expect(tool.inputSchema).toMatchObject({
      properties: { limit: { type: 'integer', maximum: 1000 }, cursor: { type: 'string' } },
    });
    expect(pagingOf(tool).wantedOf({})).toEqual({ limit: 20, position: {} });
    expect(() => tool.validateArguments({ limit: 1_001 })).toThrow('/limit');
    const own = toolOf(
      { effect: 'read', request: { method: 'GET', path: '/x' }, pagination: style },
      { limit: { type: 'integer', maximum: 5 } },
    );
    expect(() => own.validateArguments({ limit: 6 })).toThrow('/limit');
    expect(stepOf(own).repeatable).toBe(true);
  });

  it.each<[string, object, object, string]>([
    [
      'a link after a POST',
      { style: 'link', items: '' },
      { method: 'POST', path: '/x' },
      'pagination/style: an address is followed by GET only',
    ],
    [
      'a variable without GraphQL',
      { style: 'offset', items: '', into: { variable: 'a' } },
      {},
      'only a GraphQL document has variables',
    ],
    ['a body that is not there', { style: 'offset', items: '', into: { body: '/a' } }, {}, 'request/body: is missing'],
    [
      'a parameter that is taken',
      { style: 'offset', items: '', into: { query: 'a' } },
      { query: { a: 1 } },
      'request/query/a: pagination sets',
    ],
  ])('refuses %s', (_what, pagination, request, expected) => {
    expect(() => listing(pagination, { method: 'GET', path: '/x', ...request })).toThrow(expected);
  });
});
