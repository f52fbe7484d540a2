import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { acme, BASE, render, scopeOf, stepOf, toolOf } from '../../test/tools.js';
import { uuidFrom } from '../expression/uuid-from.js';

const $ = (name: string) => `$.${name}`;
const refused = expect.objectContaining({ code: 'invalid_arguments' });

describe('a path', () => {
  const read = toolOf(
    {
      effect: 'read',
      request: { method: 'GET', path: '/repos/{repo}/contents/{+path}', params: { repo: $('of.name'), path: $('at') } },
    },
    { of: {}, at: {} },
  );
  const urlOf = async (at: unknown) => (await render(read, { of: { name: 'a/b' }, at })).url;

  it('has values that `params` maps, one segment or several', async () => {
    expect(await urlOf('docs/ü b/read?me.md')).toBe(`${BASE}/repos/a%2Fb/contents/docs/%C3%BC%20b/read%3Fme.md`);
  });

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '..',
    'a/../b',
    './a',
    'a/%2e%2e/b',
    'a\\..\\b',
    'a/..%2fb',
    7,
    null,
    undefined,
    ['a'],
    '\ud800',
  ])('refuses %j as several segments', async (at) => {
    await expect(urlOf(at)).rejects.toThrow(refused);
  });

  it('of several segments never leaves its prefix, whatever the argument', async () => {
    const nasty = fc.string({
      unit: fc.constantFrom('.', '..', '/', '\\', '%', '%2e', '%2f', '%252e', '?', '#', '@', ';', '\0', '\r', '\n', ' ', 'a'),
      maxLength: 10,
    });
    await fc.assert(
      fc.asyncProperty(nasty, async (at) => {
        const text = await urlOf(at).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'invalid_arguments' });
          return undefined;
        });
        if (text === undefined) return;
        const { pathname, search, hash, origin } = new URL(text);
        expect([origin, search, hash]).toEqual(['https://api.acme.example', '', '']);
        expect(pathname.startsWith('/v1/repos/a%2Fb/contents/')).toBe(true);
        expect(pathname.slice('/v1/repos/a%2Fb/contents/'.length).split('/').map(decodeURIComponent).join('/')).toBe(at);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a base', () => {
  it('is one that the connector names', async () => {
    const provider = acme({
      bases: { docs: 'https://docs.acme.example/v2' },
      origins: ['https://api.acme.example', 'https://docs.acme.example'],
    });
    const tool = toolOf({ request: { base: 'docs', method: 'POST', path: '/x' } }, {}, { provider });
    expect((await render(tool)).url).toBe('https://docs.acme.example/v2/x');
    expect(() => toolOf({ request: { base: 'sheets', method: 'POST', path: '/x' } }, {}, { provider })).toThrow(
      'no base "sheets"',
    );
    expect(() => acme({ bases: { docs: 'https://docs.acme.example' } })).toThrow('must contain the origin of docs');
  });
});

describe('a mapped value', () => {
  const tool = toolOf(
    {
      steps: [
        { id: 'one', request: { method: 'POST', path: '/one' } },
        {
          id: 'two',
          request: {
            method: 'POST',
            path: '/{id}',
            params: { id: '$steps.one.item.id' },
            query: { q: { $expr: '$uppercase(title)' }, none: { $expr: 'gone' } },
            headers: { 'X-Key': '$key', 'X-Uuid': '$uuid' },
            body: {
              n: { $expr: '$args.n + $steps.one.n' },
              shop: { $expr: '$connection.shop' },
              literal: { $expr: '1', b: 2 },
              proto: '$.constructor.name',
            },
          },
        },
      ],
    },
    { title: {}, n: {}, gone: {}, constructor: {} },
  );
  const scope = scopeOf(
    tool,
    { title: 'a&b', n: 1 },
    { steps: { one: { item: { id: 'x/y' }, n: 2 } }, connection: { shop: 'blue' } },
  );

  it('comes from arguments, earlier answers, the key, and expressions over them', async () => {
    expect(await stepOf(tool, 'two').render(scope)).toMatchObject({
      url: `${BASE}/x%2Fy?q=A%26B`,
      headers: { 'x-key': 'exe_1', 'x-uuid': uuidFrom('exe_1') },
      body: JSON.stringify({ n: 3, shop: 'blue', literal: { $expr: '1', b: 2 } }),
    });
  });

  it.each<[string, object, object]>([
    ['an object in the query', { query: { q: { $expr: '{"a": 1}' } } }, {}],
    ['a line break in a header', { headers: { 'X-A': { $expr: '"a\\r\\nX-B: " & b' } } }, { b: 'c' }],
    ['dot segments in the path', { path: '/{p}', params: { p: { $expr: '"../" & b' } } }, { b: 'c' }],
    ['nothing in the path', { path: '/{p}', params: { p: { $expr: 'b.c' } } }, { b: 'c' }],
    ['an expression that does not fit the arguments', { body: { $expr: '$number(b)' } }, { b: 'c' }],
  ])('of an expression is checked as an argument is: %s', async (_what, request, args) => {
    const hostile = toolOf({ request: { method: 'POST', path: '/x', ...request } }, 'b' in args ? { b: {} } : {}, {
      schema: { additionalProperties: true },
    });
    await expect(render(hostile, args as Record<string, unknown>)).rejects.toThrow(refused);
  });
});

describe('a body', () => {
  const send = (request: object, properties: Record<string, object> = { a: {}, b: {} }) =>
    toolOf({ request: { method: 'POST', path: '/x', ...request } }, properties);

  it('is a form', async () => {
    const tool = send({ form: { 'a b': $('a'), list: $('b'), none: $('gone') } }, { a: {}, b: {}, gone: {} });
    expect(await render(tool, { a: 'x&y=z', b: [1, true] })).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a+b=x%26y%3Dz&list=1&list=true',
    });
    await expect(render(tool, { a: {} })).rejects.toThrow(refused);
  });

  it('is an upload, of text or of bytes', async () => {
    const text = send({ upload: { content: $('a'), type: $('b') } });
    const { body, headers } = await render(text, { a: 'ü', b: 'text/plain; charset=utf-8' });
    expect([body, headers['content-type']]).toEqual([Buffer.from('ü'), 'text/plain; charset=utf-8']);
    await expect(render(text, { a: 'x', b: 'text/plain\r\nX: y' })).rejects.toThrow(refused);
    const bytes = send({ upload: { content: $('a'), encoding: 'base64', type: 'image/png' } }, { a: {} });
    expect((await render(bytes, { a: '/wD-' })).body).toEqual(Buffer.from([255, 0, 254]));
    await expect(render(bytes, { a: 'no base64!' })).rejects.toThrow(refused);
  });

  it('is made of parts, and no text breaks out of its part', async () => {
    const tool = send({
      multipart: [
        { name: 'meta', value: $('a') },
        { name: 'file', file: $('b.content'), filename: $('b.name'), type: $('b.type'), encoding: 'base64' },
        { name: 'none', value: $('b.gone') },
      ],
    });
    const nasty = fc.string({
      unit: fc.oneof(fc.constantFrom('\r\n', '"', '--', ';', '\\', '\n'), fc.string({ minLength: 1, maxLength: 2 })),
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(nasty, nasty, async (a, name) => {
        const { body, headers } = await render(tool, { a, b: { content: 'AAEC', name, type: 'image/png' } });
        const type = headers['content-type'] ?? '';
        expect(Buffer.isBuffer(body)).toBe(true);
        const form = await new Response(body, { headers: { 'content-type': type } }).formData();
        expect([...form.keys()]).toEqual(['meta', 'file']);
        expect(form.get('meta')).toBe(a.replaceAll(/\r\n|\r|\n/g, '\r\n'));
        const file = form.get('file') as File;
        expect(Buffer.from(await file.arrayBuffer())).toEqual(Buffer.from([0, 1, 2]));
        expect(file.type).toBe('image/png');
      }),
      { numRuns: 100 },
    );
    await expect(render(tool, { a: 'x', b: { content: 'AAEC', name: 'n', type: 'a/b\r\nX: y' } })).rejects.toThrow(refused);
  });
});

describe('a whole address told by an answer', () => {
  const provider = acme({
    origins: ['https://api.acme.example', 'https://up.acme.example'],
    headers: { 'X-App': 'secret' },
    query: { app: 'secret' },
  });
  const tool = toolOf(
    {
      steps: [
        { id: 'start', request: { method: 'POST', path: '/uploads' } },
        { id: 'send', request: { url: '$steps.start.url', method: 'PUT', upload: { content: $('text'), type: 'text/plain' } } },
      ],
    },
    { text: {} },
    { provider },
  );
  const send = (url: unknown) => stepOf(tool, 'send').render(scopeOf(tool, { text: 'x' }, { steps: { start: { url } } }));

  it('is never sent the credential, nor what the connector sends with every request', async () => {
    const request = await send('https://up.acme.example/u/1?sig=a%2Fb');
    expect(request).toMatchObject({ method: 'PUT', url: 'https://up.acme.example/u/1?sig=a%2Fb', credential: false });
    expect(JSON.stringify(request)).not.toContain('secret');
  });

  it.each([
    'https://evil.example/u/1',
    'http://up.acme.example/u/1',
    'https://up.acme.example.evil.example/',
    'https://up.acme.example@evil.example/',
    'https://user:pw@up.acme.example/',
    'https://up.acme.example:8443/',
    '//up.acme.example/',
    'file:///etc/passwd',
    '',
    7,
    undefined,
    null,
  ])('may not be %j', async (url) => {
    await expect(send(url)).rejects.toThrow(expect.objectContaining({ code: 'egress_denied' }));
  });

  it('is checked when it is written out', () => {
    const literal = (url: string) => toolOf({ request: { url, method: 'POST' } }, {}, { provider });
    expect(literal('https://up.acme.example/x').steps[0]?.pathTemplate).toBe('{url}');
    expect(() => literal('https://evil.example/x')).toThrow('an origin that the connector does not name');
  });
});

describe('a GraphQL request', () => {
  const graphql = (query: string, members: object = {}, properties: Record<string, object> = { id: {} }, effect = 'write') =>
    toolOf({ effect, request: { kind: 'graphql', path: '/graphql', query, variables: { id: $('id') }, ...members } }, properties);

  it('sends the document and the variables', async () => {
    const tool = graphql('query Q($id: ID!) { issue(id: $id) { title } }');
    expect(await render(tool, { id: '"}' })).toMatchObject({
      method: 'POST',
      url: `${BASE}/graphql`,
      body: JSON.stringify({ query: 'query Q($id: ID!) { issue(id: $id) { title } }', variables: { id: '"}' } }),
    });
    expect(stepOf(tool)).toMatchObject({ kind: 'graphql', repeatable: true });
    expect(stepOf(graphql('mutation($id: ID!) { close(id: $id) { ok } }')).repeatable).toBe(false);
  });

  it.each<[string, string, object, string]>([
    ['what is no document', 'query {', {}, 'request/query: Syntax Error: Expected Name, found <EOF>. (line 1'],
    ['the line of a mistake', 'query Q($id: ID!) {\n  issue(id: $id) {\n    title(\n  }\n}', {}, '(line 4 of the document'],
    ['two operations', 'query A($id: ID!) { a(id: $id) } query B { b }', {}, 'exactly one operation'],
    ['a subscription', 'subscription($id: ID!) { a(id: $id) }', {}, 'a subscription has no one answer'],
    ['a variable that it lacks', '{ a }', {}, 'the document has no variable $id'],
    ['a variable that it needs', 'query($id: ID!, $n: Int!) { a(id: $id, n: $n) }', {}, 'the document needs $n'],
    ['a document without end', `query($id: ID!) { ${'a '.repeat(3000)} }`, {}, 'more than 2000 tokens'],
  ])('tells %s', (_what, query, members, expected) => {
    expect(() => graphql(query, members)).toThrow(expected);
  });
});

describe('a request to an MCP server', () => {
  it('is an address, and a call with its arguments', async () => {
    const tool = toolOf(
      { request: { kind: 'mcp', path: '/mcp', tool: 'search', arguments: { q: $('q'), all: { $expr: '$keys($args)' } } } },
      { q: {} },
    );
    const step = stepOf(tool);
    expect(await render(tool, { q: 'x' })).toMatchObject({ url: `${BASE}/mcp`, body: undefined, credential: true });
    expect([step.kind, step.mcp?.tool, await step.mcp?.arguments(scopeOf(tool, { q: 'x' }))]).toEqual([
      'mcp',
      'search',
      { q: 'x', all: 'q' },
    ]);
    expect(step.repeatable).toBe(false);
  });
});
