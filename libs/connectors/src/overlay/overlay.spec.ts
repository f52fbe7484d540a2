import { describe, expect, it } from '@jest/globals';
import { answer, BASE, render, scopeOf, stepOf, toolOf } from '../../test/tools.js';
import { Catalog } from '../catalog.js';
import { createCatalogs, type PostedOverlay } from '../catalogs.js';
import { parseConnector } from '../load/parse-connector.js';
import type { Tool } from '../tool/tool.js';
import { parseOverlay } from './parse-overlay.js';

const create = toolOf(
  {
    name: 'acme_create',
    request: {
      method: 'POST',
      path: '/repos/{owner}/issues',
      body: { title: '$.title', labels: { $expr: '$uppercase(label)' } },
    },
    idempotency: { probe: { request: { method: 'GET', path: '/repos/{owner}/issues' }, found: 'items[owner = $args.owner]' } },
    output: { select: '{"id": id, "owner": $args.owner}' },
  },
  { owner: { type: 'string', minLength: 2 }, title: { type: 'string' }, label: { enum: ['a', 'b'] } },
  { required: ['owner', 'title'] },
);
const list = toolOf(
  {
    name: 'acme_list',
    effect: 'read',
    request: { method: 'GET', path: '/x', query: { q: '$.q' } },
    pagination: { style: 'offset', items: '', into: { query: 'o' } },
  },
  { q: {} },
);
const DEPLOYMENT = new Catalog(new Map([create, list].map((tool) => [tool.name, tool])), new Map([['acme', create.provider]]));

function overlaid(tools: string): Catalog {
  return DEPLOYMENT.overlaid(parseOverlay(`connector: acme\ntools:\n  ${tools}\n`, DEPLOYMENT));
}

const FIXED = 'acme_create: { title: Ours, arguments: { owner: acme, label: b }, sensitive: [/title] }';

describe('an overlay', () => {
  it('fixes arguments: callers neither see nor set them, and every part of the tool has them', async () => {
    const tool = overlaid(FIXED).tool('acme_create');
    expect(tool).toMatchObject({ title: 'Ours', description: create.description, sensitive: ['/title'], effect: 'write' });
    expect(tool.inputSchema).toMatchObject({ properties: { title: {} }, required: ['title'] });
    expect(Object.keys(tool.inputSchema['properties'] as object)).toEqual(['title']);
    tool.validateArguments({ title: 'T' });
    expect(await render(tool, { title: 'T' })).toMatchObject({
      url: `${BASE}/repos/acme/issues`,
      body: '{"title":"T","labels":"B"}',
    });
    expect(await tool.outputOf(answer({ id: 1 }), scopeOf(tool, { title: 'T' }))).toEqual({ id: 1, owner: 'acme' });
    expect((await tool.probe?.step.render(scopeOf(tool, { title: 'T' })))?.url).toBe(`${BASE}/repos/acme/issues`);
    expect(await tool.probe?.found(answer({ items: [{ owner: 'acme' }] }), scopeOf(tool))).toEqual({ owner: 'acme' });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a fixed argument', { title: 'T', owner: 'evil' }, '/owner: is not an argument'],
    ['even the same', { title: 'T', owner: 'acme' }, '/owner: is not an argument'],
    ['what is missing', {}, '/title: is required'],
    ['what there is not', { title: 'T', more: 1 }, '/more: is not an argument'],
  ])('refuses of a caller %s', (_what, args, detail) => {
    expect(() => overlaid(FIXED).tool('acme_create').validateArguments(args)).toThrow(detail);
  });

  it('fixes arguments of a listing, whose cursors hold for them alone', async () => {
    const one = overlaid('acme_list: { arguments: { q: one } }').tool('acme_list');
    const two = overlaid('acme_list: { arguments: { q: two } }').tool('acme_list');
    const page = await one.pagination?.page(answer([1, 2]), scopeOf(one), { wanted: 1, position: {} });
    const cursor = one.pagination?.cursorOf(page?.next ?? {}, {});
    expect(one.pagination?.wantedOf({ cursor }).position).toEqual({ skip: 1 });
    expect(() => two.pagination?.wantedOf({ cursor })).toThrow('/cursor');
    expect((await stepOf(one).render(scopeOf(one), { wanted: 1, position: { at: 1 } })).url).toBe(`${BASE}/x?q=one&o=1`);
  });

  it('fixes what a step is repeated for, waits for, and calls an MCP server with', async () => {
    const many = toolOf(
      {
        name: 'acme_many',
        effect: 'read',
        steps: [
          { id: 'one', for_each: 'ids', when: 'ids', request: { method: 'GET', path: '/{id}', params: { id: '$item' } } },
          { id: 'two', request: { method: 'GET', path: '/x' }, until: { check: 'state = $args.ids[0]' } },
          { id: 'three', request: { kind: 'mcp', path: '/mcp', tool: 't', arguments: '$' } },
        ],
      },
      { ids: { type: 'array' } },
    );
    const catalog = new Catalog(new Map([[many.name, many]]), new Map([['acme', many.provider]]));
    const text = 'connector: acme\ntools: { acme_many: { arguments: { ids: [a, b] } } }';
    const tool = catalog.overlaid(parseOverlay(text, catalog)).tool('acme_many');
    const [one, two, three] = ['one', 'two', 'three'].map((id) => stepOf(tool, id));
    const scope = scopeOf(tool);
    const scopes = (await one?.each?.(scope)) ?? [];
    const urls = await Promise.all(scopes.map(async (each) => (await one?.render(each))?.url));
    expect([await one?.wanted(scope), urls]).toEqual([true, [`${BASE}/a`, `${BASE}/b`]]);
    expect(await two?.until?.reached(answer({ state: 'a' }), scope)).toBe(true);
    expect(await three?.mcp?.arguments(scope)).toEqual({ ids: ['a', 'b'] });
  });

  it('hides tools, whose names stay taken', () => {
    const catalog = overlaid('acme_create: { hidden: true }');
    expect(catalog.tools().map(({ name }) => name)).toEqual(['acme_list']);
    expect(() => catalog.tool('acme_create')).toThrow(expect.objectContaining({ code: 'unknown_tool' }));
    const mine = (tool: string) =>
      parseConnector(
        `{ name: mine, title: Mine, auth: { kind: api_key }, base_url: 'https://mine.example', origins: ['https://mine.example'] }`,
        `- { name: ${tool}, title: T, description: D., effect: read, input: { type: object }, request: { method: GET, path: /x } }`,
        catalog,
      );
    expect(() => mine('acme_create')).toThrow('the connector "acme" already has a tool of this name');
    expect(catalog.collides({ ...mine('mine_create'), tools: [create] })).toBe(true);
  });

  it('is another version of the tool, and leaves the deployment’s own as it is', () => {
    const versions = [
      create.version,
      ...[FIXED, 'acme_create: { title: Ours }'].map((tools) => overlaid(tools).tool('acme_create').version),
    ];
    expect(new Set(versions).size).toBe(3);
    expect(DEPLOYMENT.tool('acme_create')).toBe(create);
    expect(() => create.validateArguments({ title: 'T', owner: 'any' })).not.toThrow();
  });

  it.each<[string, string, string]>([
    ['another connector', 'connector: blue', 'overlay.yaml:1 (/connector): the deployment has no connector "blue"'],
    [
      'a tool that there is not',
      'connector: acme\ntools:\n  acme_gone: {}',
      'overlay.yaml:3 (/tools/acme_gone): the connector "acme" has no tool',
    ],
    [
      'an argument that there is not',
      'connector: acme\ntools:\n  acme_create: { arguments: { gone: 1 } }',
      ':3 (/tools/acme_create/arguments/gone)',
    ],
    [
      'a value that does not fit',
      'connector: acme\ntools:\n  acme_create: { arguments: { owner: x } }',
      '(/tools/acme_create/arguments/owner): must NOT have fewer',
    ],
    [
      'one of several that does not',
      'connector: acme\ntools:\n  acme_create: { arguments: { owner: ok, label: c } }',
      '(/tools/acme_create/arguments/label): must be one of',
    ],
    ['what it can not change', 'connector: acme\ntools:\n  acme_create: { effect: read }', 'Unrecognized key: "effect"'],
    [
      'a hidden part that there is not',
      'connector: acme\ntools:\n  acme_create: { sensitive: [/gone] }',
      '(/tools/acme_create/sensitive/0): there is no argument',
    ],
  ])('refuses %s', (_what, text, expected) => {
    expect(() => parseOverlay(text, DEPLOYMENT)).toThrow(expected);
  });
});

describe('overlays that are stored', () => {
  function catalogs(rows: () => PostedOverlay[]) {
    const warnings: unknown[] = [];
    const deployment = { current: DEPLOYMENT };
    const of = createCatalogs({
      deployment,
      load: async () => [],
      loadOverlays: async (org) => (org === 'org_a' ? rows() : []),
      logger: { warn: (context) => warnings.push(context) },
      now: () => 0,
    });
    const names = async (org: string) => (await of.of(org)).tools().map(({ name }: Tool) => name);
    return { of, names, warnings, deployment };
  }
  const HIDES = { connector: 'acme', overlay: 'connector: acme\ntools: { acme_create: { hidden: true } }' };

  it('change what that organization has, and nobody else', async () => {
    const { names } = catalogs(() => [HIDES]);
    expect([await names('org_a'), await names('org_b')]).toEqual([['acme_list'], ['acme_create', 'acme_list']]);
  });

  it('that do not fit any more hide what they were about: nothing widens by itself', async () => {
    let overlay = 'connector: acme\ntools: { acme_create: { arguments: { gone: 1 } }, acme_left: { hidden: true } }';
    const { of, names, warnings } = catalogs(() => [
      { connector: 'acme', overlay },
      { connector: 'blue', overlay: 'connector: blue' },
    ]);
    expect([await names('org_a'), warnings.length]).toEqual([['acme_list'], 2]);
    overlay = ': not readable';
    of.forget('org_a');
    expect(await names('org_a')).toEqual([]);
  });

  it('are made once for each version of themselves and of the deployment', async () => {
    const { of, deployment } = catalogs(() => [
      { connector: 'acme', overlay: 'connector: acme\ntools: { acme_list: { title: Ours } }' },
    ]);
    const before = (await of.of('org_a')).tool('acme_list');
    of.forget('org_a');
    expect((await of.of('org_a')).tool('acme_list')).toBe(before);
    deployment.current = new Catalog(new Map([[list.name, list]]), new Map([['acme', list.provider]]));
    const after = (await of.of('org_a')).tool('acme_list');
    expect([after === before, after.title]).toEqual([false, 'Ours']);
  });
});
