import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fc, it as property } from '@fast-check/jest';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { json, ok, openApi, query, World } from '../test/world.js';
import { ImportError } from './index.js';

let world: World;
beforeEach(() => void (world = new World()));
afterEach(() => world.remove());

const text = { type: 'string' };
const one = (operation: object, path = '/x') => openApi({ [path]: { post: { operationId: 'create_x', ...operation } } });
const inputOf = (name: string) => world.tool(name).inputSchema['properties'] as Record<string, Record<string, unknown>>;

/** Written as a text: a member of that name can't be written as an object. */
const PROTOTYPE = JSON.stringify(one(json({ type: 'object', properties: { a: text } }))).replace('"a":', '"__proto__":');

function nested(depth: number, leaf: string, open: string, close: string): string {
  return open.repeat(depth) + leaf + close.repeat(depth);
}

describe('a hostile description', () => {
  it.each<[string, string, string]>([
    [
      'nested ten thousand levels deep, as JSON',
      `{"openapi":"3.1.0","x":${nested(10_000, '1', '[', ']')}}`,
      'nested deeper than 300 levels',
    ],
    ['nested ten thousand levels deep, as YAML', `openapi: 3.1.0\nx: ${nested(10_000, '1', '[', ']')}\n`, ''],
    ['with a key that reaches a prototype', PROTOTYPE, 'a member "__proto__"'],
    [
      'that multiplies by its anchors',
      `openapi: 3.1.0\na0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, level) => `a${level + 1}: &a${level + 1} [${Array(9).fill(`*a${level}`).join(', ')}]\n`).join('')}`,
      '',
    ],
    ['that is no YAML', 'openapi: [3', 'no YAML that can be read'],
    ['of another version', 'openapi: 4.0.0\npaths: {}\n', 'of no version that can be imported'],
    ['without operations', '{"openapi":"3.0.0","paths":{}}', 'no operation'],
    ['of something else', '{"hello":"world"}', 'neither an OpenAPI'],
  ])('%s is refused, with what to do', async (_what, source, detail) => {
    const refusal = await world
      .import(source, { file: source.startsWith('{') ? 'x.json' : 'x.yaml' })
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ImportError);
    expect((refusal as ImportError).message).toContain(detail);
    expect((refusal as ImportError).next).not.toBe('');
    expect(world.has('acme')).toBe(false);
  });

  it('reads no other file and no address: what refers to one is anything, or is left out', async () => {
    const secret = world.write('secret.json', { type: 'string', enum: ['the-secret'] });
    const fetches: unknown[] = [];
    const before = globalThis.fetch;
    globalThis.fetch = (input) => {
      fetches.push(input);
      return Promise.reject(new Error('no'));
    };
    try {
      await world.import(
        openApi({
          '/x': {
            post: {
              operationId: 'create_x',
              ...json({
                type: 'object',
                properties: {
                  a: { $ref: `file://${secret}` },
                  b: { $ref: './secret.json' },
                  c: { $ref: 'http://169.254.169.254/x' },
                  d: { $ref: '#/nowhere' },
                },
              }),
              ...ok(),
            },
          },
          '/y': { get: { parameters: [{ $ref: 'http://127.0.0.1/p' }], ...ok() } },
          '/z': { $ref: './secret.json' },
        }),
      );
    } finally {
      globalThis.fetch = before;
    }
    expect(fetches).toEqual([]);
    expect(inputOf('acme_create_x')).toEqual({ a: {}, b: {}, c: {}, d: {} });
    expect(world.read('acme/tools.yaml')).not.toContain('the-secret');
    expect(world.read('acme/review.yaml')).toContain('is not in this document: anything is taken');
    expect(world.tools()).toHaveLength(1);
  });

  it('that holds itself, or gets ever wider, is cut', async () => {
    const node = {
      type: 'object',
      properties: {
        name: text,
        next: { $ref: '#/components/schemas/Node' },
        all: { type: 'array', items: { $ref: '#/components/schemas/Node' } },
      },
    };
    const loop = { allOf: [{ $ref: '#/components/schemas/Loop' }], properties: { a: text } };
    const wide = (level: number): object =>
      level === 0
        ? text
        : {
            type: 'object',
            properties: Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`w${index}`, wide(level - 1)])),
          };
    await world.import(
      openApi(
        {
          '/node': { post: { operationId: 'create_node', ...json({ $ref: '#/components/schemas/Node' }), ...ok() } },
          '/loop': { post: { operationId: 'create_loop', ...json({ $ref: '#/components/schemas/Loop' }), ...ok() } },
          '/wide': { post: { operationId: 'create_wide', ...json(wide(4)), ...ok() } },
          '/self': {
            post: {
              operationId: 'create_self',
              ...json({ $ref: '#/paths/~1self/post/requestBody/content/application~1json/schema' }),
              ...ok(),
            },
          },
        },
        { components: { schemas: { Node: node, Loop: loop } } },
      ),
    );
    expect(inputOf('acme_create_node')['next']).toMatchObject({ type: 'object', properties: { next: { type: 'object' } } });
    expect(Object.keys(inputOf('acme_create_wide'))).toHaveLength(12);
    expect(JSON.stringify(inputOf('acme_create_wide')).length).toBeLessThan(20_000);
    expect(world.read('acme/review.yaml')).toContain('cut: ');
  });

  it('gets no pattern into a tool that could keep a check busy, and no format that is not known', async () => {
    const properties = {
      evil: { ...text, pattern: '^(a+)+$' },
      broken: { ...text, pattern: '(' },
      fine: { ...text, pattern: '^[a-z]+$' },
      odd: { ...text, format: 'no-such-format' },
    };
    await world.import(one({ ...json({ type: 'object', properties }), ...ok() }));
    expect(inputOf('acme_create_x')).toEqual({ evil: text, broken: text, fine: { ...text, pattern: '^[a-z]+$' }, odd: text });
    expect(world.read('acme/review.yaml')).toMatch(/\/input\/properties\/evil: the pattern .* could take very long/);
  });

  it('gives every operation a name of its own, however it calls them, and the same one each time', async () => {
    const paths = {
      '/a': { get: { operationId: 'same', ...ok() } },
      '/b': { get: { operationId: 'same', ...ok() } },
      '/c': { get: { operationId: `x${'_very_long'.repeat(20)}`, ...ok() } },
      '/d': { get: { operationId: '../../etc/passwd\u202e', ...ok() } },
    };
    await world.import(openApi(paths));
    const names = world.tools().map(({ name }) => name);
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^[a-z0-9_]{1,64}$/);
    await world.import(openApi(Object.fromEntries(Object.entries(paths).reverse())));
    expect(world.tools().map(({ name }) => name)).toEqual(names);
  });

  it('writes nowhere but into its folder, whatever tags and titles say', async () => {
    const paths = Object.fromEntries(
      Array.from({ length: 460 }, (_, index) => [`/x${index}`, { get: { tags: [`../../../escape/${index % 3}`], ...ok() } }]),
    );
    const { folder } = await world.import(openApi(paths, { info: { title: '../../evil' } }), { name: undefined });
    expect(folder).toBe(join(world.dir, 'out', 'evil'));
    expect(readdirSync(world.dir).sort()).toEqual(['out', 'source.json']);
    expect(readdirSync(join(folder, 'tools'))).toEqual(['escape-0.yaml', 'escape-1.yaml', 'escape-2.yaml']);
    await expect(world.import(openApi(paths), { name: '../evil' })).rejects.toThrow('can not be the name of a connector');
  });

  it('sends the credential to no other origin than that of the API', async () => {
    await world.import(
      openApi({
        '/x': { get: { ...ok(), servers: [{ url: 'https://evil.example' }] } },
        '/y': { servers: [{ url: 'https://api.acme.example:444/v1' }], get: ok() },
        '/z': { get: { operationId: 'list_z', ...ok(), servers: [{ url: 'https://api.acme.example/v9' }] } },
      }),
    );
    expect(world.yaml('acme/connector.yaml')).toMatchObject({
      origins: ['https://api.acme.example'],
      bases: { v9: 'https://api.acme.example/v9' },
    });
    expect((await world.request('acme_list_z', {})).url).toBe('https://api.acme.example/v9/z');
    expect(world.tools()).toHaveLength(1);
    expect(world.read('acme/review.yaml')).toContain('the credential would go there');
  });

  it.each<[string, object]>([
    ['a path with dot segments', { '/a/../b': { get: ok() } }],
    ['a path with a query', { '/a?b=c': { get: ok() } }],
    ['a cookie that is needed', { '/a': { get: { parameters: [{ name: 'c', in: 'cookie', required: true }], ...ok() } } }],
    ['a GET that needs a body', { '/a': { get: { ...json(text), ...ok() } } }],
    ['a HEAD', { '/a': { head: ok() } }],
    ['what is deprecated', { '/a': { get: { deprecated: true, ...ok() } } }],
  ])('%s is left out, and the rest goes on', async (_what, paths) => {
    const result = await world.import(openApi({ ...paths, '/fine': { get: ok() } }));
    expect([result.imported, result.leftOut.length]).toEqual([1, 1]);
  });

  it.each([
    'http://api.acme.example?x=1',
    'https://user:secret@api.acme.example',
    'ftp://api.acme.example',
    'https://api.acme.example/a%20b',
    '/relative',
  ])('an API at %s needs to be told where it is', async (url) => {
    await expect(world.import(openApi({ '/x': { get: ok() } }, { servers: [{ url }] }))).rejects.toMatchObject({
      next: expect.stringContaining('--base-url'),
    });
  });

  it('that speaks to models, or rewrites terminals, is plain text on one line', async () => {
    await world.import(one({ summary: 'a\u001b[2Jb', description: 'line\nnext\u202e\u2066\u{e0041}tag', ...ok() }));
    expect(world.tool('acme_create_x')).toMatchObject({ title: 'a [2Jb', description: 'a [2Jb. line next tag' });
  });

  it('can not make an expression of its own out of a body, nor a mapping out of a constant', async () => {
    await world.import(
      one({
        ...json({ type: 'object', properties: { $expr: text } }),
        parameters: [query('v', { const: '$.secret' }, { required: true })],
        ...ok(),
      }),
    );
    const sent = await world.request('acme_create_x', { body: { $expr: '$$' } });
    expect([sent.url, sent.body]).toEqual(['https://api.acme.example/v1/x?v=%24.secret', '{"$expr":"$$"}']);
  });

  const odd = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.constant({}),
  );
  const keywords = [
    'type',
    'format',
    'pattern',
    'enum',
    'const',
    'default',
    'minimum',
    'maximum',
    'exclusiveMinimum',
    'minLength',
    'maxItems',
    'multipleOf',
    'required',
    'nullable',
    'description',
    'title',
    'properties',
    'additionalProperties',
    'items',
    'readOnly',
    '$ref',
    'oneOf',
    'allOf',
  ];
  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>({ type: 'string' }, { type: ['integer', 'null'] }, { $ref: '#/paths' }, { enum: ['a', 1, null] }),
      fc.dictionary(fc.constantFrom(...keywords), odd, { maxKeys: 5 }),
      fc.record(
        {
          type: fc.constant('object'),
          properties: fc.dictionary(fc.string(), tie('schema'), { maxKeys: 4 }),
          required: fc.array(fc.string(), { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      fc.record({ type: fc.constant('array'), items: tie('schema') }),
      fc.record(
        { oneOf: fc.array(tie('schema'), { maxLength: 3 }), allOf: fc.array(tie('schema'), { maxLength: 3 }) },
        { requiredKeys: [] },
      ),
    ),
  }));
  property.prop(
    [
      schema,
      fc.string(),
      fc.string(),
      fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'),
    ],
    { numRuns: 40 },
  )('of any schemas and names gives tools that load, or leaves them out', async (body, name, id, type) => {
    const inside = new World();
    try {
      const parameters = [query(name, body as Record<string, unknown>), { name, in: 'header', schema: body }];
      const requestBody = { required: true, content: { [type]: { schema: body } } };
      const result = await inside.import(
        openApi({ '/x/{p}': { post: { operationId: id, parameters, requestBody, ...ok(body) } }, '/fine': { get: ok(body) } }),
      );
      expect(result.imported + result.leftOut.length).toBe(2);
      expect((await inside.import(openApi({ '/fine': { get: ok(body) } }))).imported).toBe(1);
    } catch (error) {
      if (!(error instanceof ImportError) || !error.message.includes('"__proto__"')) throw error;
    } finally {
      inside.remove();
    }
  });
});
