import { describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import fc from 'fast-check';
import { acme, BASE, render, toolOf } from '../../test/tools.js';

function compile(request: object, properties: Record<string, object>, required: string[] = [], more: object = {}) {
  return toolOf({ request, ...more }, properties, { required });
}

const getThing = compile({ method: 'GET', path: '/things/{id}/parts' }, { id: {} }, ['id']);
const urlOf = async (id: unknown) => (await render(getThing, { id })).url;

describe('the rendered request', () => {
  it('is method, address, headers and JSON body from the arguments; what is left out stays out', async () => {
    const tool = compile(
      {
        method: 'POST',
        path: '/repos/{owner}/{number}:close',
        query: { labels: $('labels'), page: $('page'), fixed: 'a&b=c', flag: true },
        headers: { 'X-Mode': $('mode') },
        body: { title: $('title'), nested: { tags: [$('title'), 'x'], price: '$$5' }, deep: '$.opts.a.b', none: $('none') },
      },
      { owner: {}, number: {}, labels: {}, page: {}, mode: {}, title: {}, opts: {}, none: {} },
      ['owner', 'number'],
    );
    const args = { owner: 'a c/m&e', number: 7, labels: ['x', "y'z"], mode: 'fast', title: 'T', opts: { a: { b: [1] } } };
    expect(await render(tool, args)).toEqual({
      method: 'POST',
      url: `${BASE}/repos/a%20c%2Fm%26e/7:close?labels=x&labels=y%27z&fixed=a%26b%3Dc&flag=true`,
      headers: { accept: 'application/json', 'content-type': 'application/json', 'x-mode': 'fast' },
      body: '{"title":"T","nested":{"tags":["T","x"],"price":"$5"},"deep":[1]}',
      credential: true,
      readAs: 'json',
    });
  });

  it('sends all arguments as the body where it says $', async () => {
    const tool = compile({ method: 'PUT', path: '/x', body: '$' }, { a: {}, b: {} });
    expect((await render(tool, { a: 1, b: [2] })).body).toBe('{"a":1,"b":[2]}');
  });

  it('carries the idempotency key where the tool declares a header for it', async () => {
    const tool = compile({ method: 'POST', path: '/x' }, {}, [], { idempotency: { header: 'Idempotency-Key' } });
    expect(tool.idempotent).toBe(true);
    expect((await render(tool, {}, { key: 'exe_1' })).headers).toMatchObject({ 'idempotency-key': 'exe_1' });
  });

  it.each([
    '..',
    '.',
    '../admin',
    '..\\admin',
    '%2e%2e',
    '%2E%2e%2fadmin',
    '..%2fadmin',
    '..%252fadmin',
    '%252e%252e',
    'a/../../b',
    'a\\..\\b',
    'x/%2e%2e',
    '..;/admin',
    '..#',
    '..?x',
    '.%2e/x',
    '..%00/x',
    '',
    null,
    undefined,
    {},
    ['a'],
    '\ud800',
  ])('refuses %j as a path segment', async (id) => {
    await expect(urlOf(id)).rejects.toThrow(expect.objectContaining({ code: 'invalid_arguments' }));
  });

  it.each([
    ['https://evil.example/', 'https%3A%2F%2Fevil.example%2F'],
    ['//evil.example', '%2F%2Fevil.example'],
    ['http:/\\evil', 'http%3A%2F%5Cevil'],
    ['@evil.example', '%40evil.example'],
    ['a?b#c', 'a%3Fb%23c'],
    ['a\r\nHost: evil', 'a%0D%0AHost%3A%20evil'],
    ['v1..v2', 'v1..v2'],
    ['main...feature', 'main...feature'],
    ['file.tar.gz', 'file.tar.gz'],
    ['50%', '50%25'],
  ])('encodes %j as one segment', async (id, encoded) => {
    expect(await urlOf(id)).toBe(`${BASE}/things/${encoded}/parts`);
  });

  const nasty = fc.string({
    unit: fc.oneof(
      fc.constantFrom('.', '/', '\\', '%', '2e', '2f', '25', '?', '#', '@', ':', ';', '\0', '\r', '\n', '\t', ' ', 'a'),
      fc.string({ unit: 'binary', maxLength: 2 }),
    ),
    maxLength: 12,
  });

  it('never leaves its origin, its prefix or its segment, whatever the argument', async () => {
    await fc.assert(
      fc.asyncProperty(nasty, async (id) => {
        let text: string;
        try {
          text = await urlOf(id);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_arguments' });
          return;
        }
        const url = new URL(text);
        const segments = url.pathname.split('/');
        expect(url.origin).toBe('https://api.acme.example');
        expect([url.search, url.hash, url.username]).toEqual(['', '', '']);
        expect([segments.length, segments[1], segments[2], segments[4]]).toEqual([5, 'v1', 'things', 'parts']);
        expect(decodeURIComponent(segments[3] ?? '')).toBe(id);
        // A server that decodes twice before it resolves dot segments must not leave /v1/things either.
        const decodedTwice = new URL(
          `https://x${text
            .slice(BASE.length)
            .replaceAll('%25', '%')
            .replaceAll(/%2f/gi, '/')
            .replaceAll(/%5c/gi, '\\')
            .replaceAll(/[?#\t\r\n]/g, '_')}`,
        );
        expect(decodedTwice.pathname.startsWith('/things/')).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('gives every query value back unchanged, and never a parameter more', async () => {
    const tool = compile({ method: 'GET', path: '/x', query: { q: $('q'), end: '1' } }, { q: {} });
    await fc.assert(
      fc.asyncProperty(fc.oneof(nasty, fc.double({ noNaN: true }), fc.boolean()), async (q) => {
        let text: string;
        try {
          text = (await render(tool, { q })).url;
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_arguments' });
          return;
        }
        expect([...new URL(text).searchParams]).toEqual([
          ['q', String(q)],
          ['end', '1'],
        ]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never lets a header value begin another header', async () => {
    const tool = compile({ method: 'GET', path: '/x', headers: { 'X-A': $('a') } }, { a: {} });
    await fc.assert(
      fc.asyncProperty(nasty, async (a) => {
        try {
          expect((await render(tool, { a })).headers['x-a']).toMatch(/^[\t\x20-\x7e]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(KeywardError);
        }
      }),
    );
    for (const a of ['x\r\ny: z', 'x\ny', '\0', 'é', {}, ['x']]) await expect(render(tool, { a })).rejects.toThrow(KeywardError);
  });

  it('never reads inherited properties', async () => {
    const tool = compile(
      { method: 'POST', path: '/x', body: { a: '$.a.constructor.name', b: $('constructor') } },
      { a: {}, constructor: {} },
    );
    expect((await render(tool, { a: {} })).body).toBe('{}');
  });

  it('has the fixed headers and query of the provider as it is for the connection, and the tool’s own on top', async () => {
    const resolved = acme({
      ...{ base_url: 'https://eu.acme.example', origins: ['https://eu.acme.example'] },
      ...{ headers: { 'X-Version': '7', Accept: 'application/vnd.acme' }, query: { lang: 'a&b=c' } },
    });
    const tool = compile({ method: 'GET', path: '/x', query: { q: '1' }, headers: { 'X-Version': $('v') } }, { v: {} });
    expect(await render(tool, { v: 8 }, { provider: resolved })).toMatchObject({
      url: 'https://eu.acme.example/x?lang=a%26b%3Dc&q=1',
      headers: { accept: 'application/vnd.acme', 'x-version': '8' },
    });
  });

  it('never sets the member of the body that the credential stands in', async () => {
    const provider = acme({ credential: { in: 'body', name: 'key' } });
    const whole = toolOf(
      { request: { method: 'POST', path: '/x', body: '$' } },
      {},
      { provider, schema: { additionalProperties: true } },
    );
    expect((await render(whole, { a: 1 })).body).toBe('{"a":1}');
    await expect(render(whole, { key: 'mine' })).rejects.toThrow(expect.objectContaining({ code: 'invalid_arguments' }));
    const part = toolOf({ request: { method: 'POST', path: '/x', body: '$.all' } }, { all: {} }, { provider });
    await expect(render(part, { all: { key: null } })).rejects.toThrow(expect.objectContaining({ code: 'invalid_arguments' }));
  });

  it('bounds the address', async () => {
    await expect(urlOf('x'.repeat(9_000))).rejects.toThrow('longer than 8192');
  });
});

function $(name: string): string {
  return `$.${name}`;
}
