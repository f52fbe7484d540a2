import { describe, expect, it } from '@jest/globals';
import { acme, answer, scopeOf, stepOf, toolOf } from '../../test/tools.js';
import type { Tool } from './tool.js';

const GET = { method: 'GET', path: '/x' };
const POST = { method: 'POST', path: '/x' };
const $ = (name: string) => `$.${name}`;

const output = (tool: Tool, body: unknown, args = {}) => tool.outputOf(answer(body), scopeOf(tool, args));

describe('a tool with several steps', () => {
  const tool = toolOf(
    {
      steps: [
        { id: 'create', request: { method: 'POST', path: '/containers', body: { caption: $('caption') } } },
        {
          id: 'ready',
          request: { method: 'GET', path: '/containers/{id}', params: { id: '$steps.create.id' } },
          until: { check: 'status = $args.wanted', every_ms: 500, at_most: 3 },
        },
        {
          id: 'publish',
          when: '$not(publish = false)',
          request: { method: 'POST', path: '/publish', body: { id: '$steps.create.id' } },
        },
      ],
      idempotency: { header: 'Idempotency-Key' },
      output: { select: '{"id": id, "container": $steps.create.id}' },
    },
    { caption: {}, publish: {}, wanted: {} },
  );

  it('has them in order; which may be sent twice follows from what each does', () => {
    expect(tool.steps.map(({ id, repeatable, pathTemplate }) => [id, repeatable, pathTemplate])).toEqual([
      ['create', false, '/containers'],
      ['ready', true, '/containers/{id}'],
      ['publish', false, '/publish'],
    ]);
  });

  it('waits for what it says, and leaves out what is not wanted', async () => {
    const { until } = stepOf(tool, 'ready');
    expect([until?.everyMs, until?.atMost]).toEqual([500, 3]);
    const scope = scopeOf(tool, { wanted: 'done' }, { steps: { create: { id: 7 } } });
    expect(await until?.reached(answer({ status: 'busy' }), scope)).toBe(false);
    expect(await until?.reached(answer({ status: 'done' }), scope)).toBe(true);
    expect(await stepOf(tool, 'publish').wanted(scope)).toBe(true);
    expect(await stepOf(tool, 'publish').wanted(scopeOf(tool, { publish: false }))).toBe(false);
  });

  it('gives what its last answer and the earlier ones make', async () => {
    const scope = scopeOf(tool, {}, { steps: { create: { id: 7 } } });
    expect(await tool.outputOf(answer({ id: 'p' }), scope)).toEqual({ id: 'p', container: 7 });
  });

  it('has another idempotency key for each of its writes, and none for reads', async () => {
    const scope = scopeOf(tool, {}, { steps: { create: { id: 7 } } });
    const keys = await Promise.all(
      ['create', 'publish'].map(async (id) => (await stepOf(tool, id).render(scope)).headers['idempotency-key']),
    );
    expect(keys).toEqual(['exe_1-create', 'exe_1-publish']);
    expect(await stepOf(tool, 'ready').render(scope)).not.toHaveProperty(['headers', 'idempotency-key']);
  });
});

describe('the output of a tool', () => {
  it('is the answer’s body, of GraphQL its data', async () => {
    expect(await output(toolOf({ request: GET }), { a: 1 })).toEqual({ a: 1 });
    expect(await output(toolOf({ request: GET }), null)).toBeNull();
    const graphql = toolOf({ request: { kind: 'graphql', path: '/g', query: '{ a }' } });
    expect(await output(graphql, { data: { a: 1 }, extensions: {} })).toEqual({ a: 1 });
  });

  it('is what `select` makes of it, null where that is nothing', async () => {
    const tool = toolOf({ request: GET, output: { select: 'items[n = $args.n].{"id": id, "etag": $headers.etag}' } }, { n: {} });
    const found = await tool.outputOf(
      answer({ items: [{ n: 1, id: 'a' }] }, { headers: { etag: 'e' } }),
      scopeOf(tool, { n: 1 }),
    );
    expect(found).toEqual({ id: 'a', etag: 'e' });
    expect(await output(tool, { items: [] }, { n: 1 })).toBeNull();
  });

  it('of bytes is selected from their base64', async () => {
    const tool = toolOf({ request: { ...GET, response: 'bytes' }, output: { select: '{"b": base64, "t": contentType}' } });
    const bytes = answer(Buffer.from('hi'), { headers: { 'content-type': 'image/png' } });
    expect(await tool.outputOf(bytes, scopeOf(tool))).toEqual({ b: 'aGk=', t: 'image/png' });
    const plain = toolOf({ request: { ...GET, response: 'bytes' } });
    expect(await plain.outputOf(bytes, scopeOf(plain))).toEqual(Buffer.from('hi'));
  });

  it('that can not be selected is an error of the provider, which does not quote it', async () => {
    const tool = toolOf({ request: GET, output: { select: '$number(secret)' } });
    const failed = output(tool, { secret: 'kw-canary' });
    await expect(failed).rejects.toThrow(expect.objectContaining({ code: 'provider_error' }));
    await expect(failed).rejects.not.toThrow('kw-canary');
  });
});

describe('a failure', () => {
  const provider = acme({ errors: [{ when: { status: 200, body: { '/ok': false } }, as: 'provider_error', message: '/error' }] });
  const tool = toolOf(
    {
      request: GET,
      errors: [
        { when: { status: 403, header: { 'x-remaining': '0' } }, as: 'rate_limited' },
        {
          when: { status: [200, 400], body: { '/ok': false, '/error': ['token_expired', 'token_revoked'] } },
          as: 'unauthorized',
        },
      ],
    },
    {},
    { provider },
  );
  const graphql = toolOf({ request: { kind: 'graphql', path: '/g', query: '{ a }' } });
  const of = (from: Tool, status: number, body: unknown, headers: Record<string, string> = {}) =>
    from.failureOf(status, headers, typeof body === 'string' ? body : Buffer.from(JSON.stringify(body)));

  it.each<[string, Tool, number, unknown, Record<string, string>, object | undefined]>([
    ['a status with a header', tool, 403, {}, { 'x-remaining': ' 0 ' }, { as: 'rate_limited', message: null }],
    ['the status alone', tool, 403, {}, {}, undefined],
    ['another value of the header', tool, 403, {}, { 'x-remaining': '10' }, undefined],
    [
      'one of several values in the body',
      tool,
      200,
      { ok: false, error: 'token_revoked' },
      {},
      { as: 'unauthorized', message: null },
    ],
    [
      'what only the connector says',
      tool,
      200,
      { ok: false, error: 'no_channel' },
      {},
      { as: 'provider_error', message: 'no_channel' },
    ],
    ['a success', tool, 200, { ok: true }, {}, undefined],
    ['a body that is no JSON', tool, 200, '<html>', {}, undefined],
    ['a body with prototype keys', tool, 200, '{"__proto__":{"ok":false},"ok":false}', {}, undefined],
    ['a body nested without end', tool, 200, '['.repeat(100_000), {}, undefined],
    ['a sentence that is none', tool, 200, { ok: false, error: { a: 1 } }, {}, { as: 'provider_error', message: null }],
    [
      'a sentence without end',
      tool,
      200,
      { ok: false, error: 'x'.repeat(9_000) },
      {},
      { as: 'provider_error', message: 'x'.repeat(500) },
    ],
    ['errors of GraphQL alone', graphql, 200, { errors: [{ message: 'No' }] }, {}, { as: 'provider_error', message: 'No' }],
    [
      'errors beside nothing',
      graphql,
      200,
      { errors: [{ message: 'No' }], data: { a: null } },
      {},
      { as: 'provider_error', message: 'No' },
    ],
    ['errors beside data', graphql, 200, { errors: [{ message: 'No' }], data: { a: null, b: 1 } }, {}, undefined],
    ['no errors', graphql, 200, { data: null, errors: [] }, {}, undefined],
    ['a field of that name', graphql, 200, { data: { errors: [1] } }, {}, undefined],
  ])('is told or not by %s', (_what, from, status, body, headers, expected) => {
    expect(of(from, status, body, headers)).toEqual(expected);
  });
});

describe('a probe', () => {
  const idempotency = {
    probe: { request: { method: 'GET', path: '/things', query: { key: '$key' } }, found: 'items[key = $args.name]' },
  };

  it('asks whether the write is there, and gives the output where it is', async () => {
    const { probe } = toolOf({ request: POST, idempotency }, { name: {} });
    if (probe === null) throw new Error('there is no probe');
    const tool = toolOf({ request: POST, idempotency }, { name: {} });
    expect((await probe.step.render(scopeOf(tool))).url).toContain('/things?key=exe_1');
    expect(probe.step.repeatable).toBe(true);
    expect(await probe.found(answer({ items: [{ key: 'a', id: 1 }] }), scopeOf(tool, { name: 'a' }))).toEqual({
      key: 'a',
      id: 1,
    });
    expect(await probe.found(answer({ items: [] }), scopeOf(tool, { name: 'a' }))).toBeUndefined();
  });

  it.each<[string, object]>([
    ['a POST', POST],
    ['a mutation', { kind: 'graphql', path: '/g', query: 'mutation { a }' }],
    ['a call of an MCP tool', { kind: 'mcp', path: '/m', tool: 't' }],
  ])('is not %s', (_what, request) => {
    expect(() => toolOf({ request: POST, idempotency: { probe: { request, found: 'a' } } })).toThrow(
      'idempotency/probe/request: a probe is a GET',
    );
  });
});

describe('what takes a call back', () => {
  it('is given arguments of the call and of its output', async () => {
    const compensate = {
      tool: 'acme_close',
      arguments: { owner: $('owner'), number: { $expr: 'output.number' }, why: { $expr: '"undo " & title' } },
    };
    const tool = toolOf({ request: { ...POST, body: '$' }, compensate }, { owner: {}, title: {} });
    const scope = scopeOf(tool, { owner: 'o', title: 't' });
    expect(await tool.compensate?.arguments(scope, { number: 7 })).toEqual({ owner: 'o', number: 7, why: 'undo t' });
    expect(tool.compensate?.tool).toBe('acme_close');
  });
});

describe('a version', () => {
  const base = { request: { method: 'POST', path: '/x', body: { a: $('a') } } };
  const versionOf = (members: object = {}, provider = acme()) => toolOf({ ...base, ...members }, { a: {} }, { provider }).version;

  it('is the same for the same declaration, and another for another request', () => {
    expect(versionOf()).toMatch(/^[0-9a-f]{12}$/);
    expect(versionOf()).toBe(versionOf());
    const others = [
      versionOf({ request: { ...base.request, path: '/y' } }),
      versionOf({ effect: 'destructive' }),
      versionOf({ output: { select: 'b' } }),
      versionOf({}, acme({ headers: { 'X-Version': '8' } })),
      versionOf({}, acme({ query: { v: '8' } })),
      versionOf({}, acme({ base_url: 'https://api.acme.example/v2' })),
      versionOf({}, acme({ bases: { b: 'https://api.acme.example/b' } })),
    ];
    expect(new Set([versionOf(), ...others]).size).toBe(others.length + 1);
    expect(versionOf({}, acme({ title: 'Another name' }))).toBe(versionOf());
  });
});

describe('a tool that can not be', () => {
  it.each<[string, object, Record<string, object>, string]>([
    ['neither request nor steps', {}, {}, 'exactly one of request and steps'],
    ['both', { request: GET, steps: [{ id: 'a', request: GET }] }, {}, 'exactly one of request and steps'],
    [
      'two steps of one name',
      {
        steps: [
          { id: 'a', request: GET },
          { id: 'a', request: GET },
        ],
      },
      {},
      'steps/1/id: another step has this id',
    ],
    [
      'a step that comes later',
      {
        steps: [
          { id: 'a', request: { ...POST, body: '$steps.b.id' } },
          { id: 'b', request: GET },
        ],
      },
      {},
      'steps/0/request/body: there is no step "b" before',
    ],
    [
      'an answer that comes later',
      { steps: [{ id: 'a', when: '$steps.a.id', request: GET }] },
      {},
      'steps/0/when: there is no step "a" before',
    ],
    [
      'a write that repeats itself',
      { steps: [{ id: 'a', request: POST, until: { check: 'a' } }] },
      {},
      'steps/0/until: repeats the request',
    ],
    ['an argument that nothing uses', { request: GET }, { a: {} }, 'input/properties/a: the request does not use this argument'],
    [
      'an expression that names none',
      { request: { ...GET, query: { a: { $expr: 'titel' } } } },
      { title: {} },
      'request/query/a/$expr: there is no argument "titel"',
    ],
    [
      'a selection that names none',
      { request: GET, output: { select: '$args.titel' } },
      { title: {} },
      'output/select: there is no argument "titel"',
    ],
    ['a selection that is none', { request: GET, output: { select: 'a.' } }, {}, 'output/select: not a JSONata expression'],
    ['a variable that is not there', { request: GET, output: { select: '$key' } }, {}, 'output/select: there is no $key here'],
    ['a pattern that takes long', { request: GET, output: { select: '$match(a, /(b+)+$/)' } }, {}, 'output/select: the pattern'],
    [
      'a part of the path that is not mapped',
      { request: { ...GET, path: '/{a}' } },
      {},
      'request/path: there is no argument "a"',
    ],
    [
      'a mapped part that the path lacks',
      { request: { ...GET, params: { a: 1 } } },
      {},
      'request/params/a: the path has no part',
    ],
    ['two bodies', { request: { ...POST, body: 1, form: {} } }, {}, 'only one of body, form, multipart, upload'],
    ['a body of a GET', { request: { ...GET, form: {} } }, {}, 'a GET has no body'],
    ['an address and a path', { request: { ...POST, url: 'https://api.acme.example/' } }, {}, 'exactly one of path and url'],
    [
      'a media type that is none',
      { request: { ...POST, upload: { content: 'x', type: 'text' } } },
      {},
      'request/upload/type: is not a media type',
    ],
    [
      'a content type beside parts',
      { request: { ...POST, headers: { 'Content-Type': 'a/b' }, form: {} } },
      {},
      'request/headers/content-type: follows',
    ],
    [
      'a bucket that is none',
      { request: GET, limits: { bucket: 'search' } },
      {},
      'limits/bucket: the connector has no quota for "search"',
    ],
    [
      'a hidden argument that is none',
      { request: { ...POST, body: '$' }, sensitive: ['/a/c'] },
      { a: { type: 'object', properties: { b: {} } } },
      'sensitive/0: there is no argument at /a/c',
    ],
    [
      'an output schema that is none',
      { request: GET, output: { schema: { type: 'text' } } },
      {},
      'output/schema: not a valid JSON Schema',
    ],
    ['pages of a write', { request: GET, pagination: { style: 'link', items: '' } }, {}, 'is for reads with one request'],
    ['an idempotency key of a read', { effect: 'read', request: GET, idempotency: { header: 'X-Key' } }, {}, 'a read needs none'],
    [
      'the credential as a header',
      { request: { ...GET, headers: { Authorization: 'x' } } },
      {},
      'a connector does not set this header',
    ],
    ['a day without a page', { request: GET, checked: '2026-11-20' }, {}, 'is about documentation'],
  ])('is refused: %s', (_what, members, properties, expected) => {
    expect(() => toolOf(members, properties)).toThrow(expected);
  });
});
