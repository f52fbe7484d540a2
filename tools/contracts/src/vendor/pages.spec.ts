import { describe, expect, it } from '@jest/globals';
import { asPage, unmarked, type PaginationFacts } from './pages.js';
import type { Reply } from '@keyward/vendor-emulation';

const reply = (body: unknown): Reply => ({ status: 200, headers: {}, body });
const get = (url: string) => ({ method: 'GET', url, headers: {}, body: undefined });
const post = (body: unknown) => ({ ...get('https://a.example/q'), method: 'POST', body: JSON.stringify(body) });
const page = (pagination: PaginationFacts, request: ReturnType<typeof get> | ReturnType<typeof post>, body: unknown) =>
  asPage(reply(body), request, pagination);

describe('a listing of two pages', () => {
  it('by cursor in the query: as many as were asked for and a cursor, then one and none', () => {
    const style: PaginationFacts = {
      style: 'cursor',
      items: '/items',
      next: '/meta/next',
      into: { query: 'c' },
      size: { into: { query: 'n' } },
    };
    expect(page(style, get('https://a.example/?n=3'), { items: [1] }).body).toEqual({
      items: [1, 1, 1],
      meta: { next: 'cursor-2' },
    });
    expect(page(style, get('https://a.example/?n=3&c=x'), { items: [1], meta: { next: 'y' } }).body).toEqual({
      items: [1],
      meta: {},
    });
  });

  it('by cursor in the body or in a variable', () => {
    const body: PaginationFacts = { style: 'cursor', items: '/r', next: '/n', more: '/more', into: { body: '/page/after' } };
    expect(page(body, post({}), { r: [1] }).body).toMatchObject({ n: 'cursor-2', more: true });
    expect(page(body, post({ page: { after: 'x' } }), { r: [1] }).body).toEqual({ r: [1], more: false });
    const variable: PaginationFacts = { style: 'cursor', items: '/d', next: '/e', into: { variable: 'after' } };
    expect(page(variable, post({ variables: { after: null } }), { d: [1] }).body).toMatchObject({ e: 'cursor-2' });
    expect(page(variable, post({ variables: { after: 'x' } }), { d: [1] }).body).toEqual({ d: [1] });
  });

  it('by link and by address: an address of the same path that leads to the end', () => {
    const link = page({ style: 'link', items: '' }, get('https://a.example/things?x=1'), [1]);
    const [, next = ''] = /<(.+)>; rel="next"/.exec(link.headers['link'] ?? '') ?? [];
    expect(next.startsWith('https://a.example/things?x=1')).toBe(true);
    expect(page({ style: 'link', items: '' }, get(next), [1])).toEqual(reply([1]));
    expect(unmarked(get(next)).url).toBe('https://a.example/things?x=1');
    const url = page({ style: 'url', items: '/v', next: '/next', path: '/query/{}' }, get('https://a.example/query?q=1'), {
      v: [1],
    });
    expect(url.body).toMatchObject({ next: 'https://a.example/query/cursor-2' });
  });

  it('by number: a full page, then one that ends it', () => {
    const style: PaginationFacts = { style: 'page', items: '/i', into: { query: 'p' }, size: { into: { query: 'n' } } };
    expect(page(style, get('https://a.example/?p=1&n=2'), { i: [1] }).body).toEqual({ i: [1, 1] });
    expect(page(style, get('https://a.example/?p=2&n=2'), { i: [1] }).body).toEqual({ i: [1] });
    const offset: PaginationFacts = { style: 'offset', items: '/i', into: { query: 'o' } };
    expect(page(offset, get('https://a.example/?o=0'), { i: [1] }).body).toEqual({ i: [1, 1] });
    expect(page(offset, get('https://a.example/?o=2'), { i: [1] }).body).toEqual({ i: [] });
  });
});
