import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ok, openApi, query, World } from '../test/world.js';

let world: World;
beforeEach(() => void (world = new World()));
afterEach(() => world.remove());

const text = { type: 'string' };
const operation = (id: string, more: object = {}) => ({ operationId: id, summary: `Does ${id}`, ...ok(), ...more });
const FIRST = {
  '/a': { get: operation('list_a') },
  '/b': { get: operation('list_b', { parameters: [query('x', text)] }) },
  '/c': { get: operation('list_c') },
};
/** b has another argument and says something else, c is gone, d is new. */
const SECOND = {
  '/a': { get: operation('list_a') },
  '/b': { get: operation('list_b', { summary: 'Lists b', parameters: [query('x', { type: 'integer' }), query('y', text)] }) },
  '/d': { get: operation('list_d') },
};
const names = () => world.tools().map(({ name }) => name);

function edit(file: string, from: string, to: string): void {
  const path = join(world.dir, 'out/acme', file);
  const before = readFileSync(path, 'utf8');
  if (!before.includes(from)) throw new Error(`${from} is not in ${file}`);
  writeFileSync(path, before.replace(from, to));
}

function files(): Record<string, string> {
  return Object.fromEntries(
    ['connector.yaml', 'tools.yaml', 'review.yaml', '.import.json'].map((file) => [file, world.read(`acme/${file}`)]),
  );
}

describe('a source that is imported again', () => {
  it('and has not changed changes nothing, on another day neither', async () => {
    const first = await world.import(openApi(FIRST));
    expect([first.isNew, first.files]).toEqual([true, ['connector.yaml', 'tools.yaml', 'review.yaml', '.import.json']]);
    const before = files();
    const second = await world.import(openApi(FIRST), { today: '2027-01-01' });
    expect([second.isNew, second.files]).toEqual([false, []]);
    expect(files()).toEqual(before);
  });

  it('and has changed says what is new, gone and different, and what of it', async () => {
    await world.import(openApi(FIRST));
    const { tools } = await world.import(openApi(SECOND));
    expect(tools).toEqual({
      added: ['acme_list_d'],
      removed: ['acme_list_c'],
      changed: [{ name: 'acme_list_b', parts: ['title', 'description', 'input/x', 'request', 'input/y'] }],
      conflicts: [],
      edited: [],
    });
    expect(names()).toEqual(['acme_list_a', 'acme_list_b', 'acme_list_d']);
    expect((await world.import(openApi(SECOND))).files).toEqual([]);
  });

  it('leaves what people made of a tool, comments and all, and says where the source has gone on', async () => {
    await world.import(openApi(FIRST));
    edit('tools.yaml', 'title: Does list_a', 'title: Ours # by hand');
    edit('tools.yaml', 'title: Does list_b', 'title: Mine');
    const { tools, files: written } = await world.import(openApi(SECOND));
    expect([tools.edited, tools.conflicts]).toEqual([
      ['acme_list_a', 'acme_list_b'],
      [{ name: 'acme_list_b', parts: ['title', 'description', 'input/x', 'request', 'input/y'] }],
    ]);
    expect(written).toContain('tools.yaml');
    expect(world.read('acme/tools.yaml')).toContain('title: Ours # by hand');
    expect(world.tool('acme_list_b')).toMatchObject({ title: 'Mine', description: 'Does list_b' });
    expect(world.read('acme/review.yaml')).toContain('edited_by_hand_and_changed_in_the_source');
    const again = await world.import(openApi(SECOND));
    expect([again.files, again.tools.conflicts.length]).toEqual([[], 1]);
  });

  it('leaves away what people removed, and leaves what they added, or edited and the source dropped', async () => {
    await world.import(openApi(FIRST));
    edit('tools.yaml', 'title: Does list_c', 'title: Kept');
    const tools = world.read('acme/tools.yaml');
    const own = `# Ours\n- { name: acme_own, title: Own, description: Own., effect: read, input: { type: object }, request: { method: GET, path: /own } }\n`;
    writeFileSync(join(world.dir, 'out/acme/tools.yaml'), tools.replace(/- name: acme_list_a\n(?: .*\n)*/, '') + own);
    const result = await world.import(openApi(SECOND));
    expect(names().sort()).toEqual(['acme_list_b', 'acme_list_c', 'acme_list_d', 'acme_own']);
    expect(world.read('acme/tools.yaml')).toContain(own);
    expect(result.tools.conflicts).toEqual([{ name: 'acme_list_c', parts: ['the source has it no longer'] }]);
    expect((await world.import(openApi(SECOND))).files).toEqual([]);
  });

  it('leaves what people wrote into connector.yaml, and follows the source in the rest', async () => {
    await world.import(openApi(FIRST));
    edit('connector.yaml', 'title: Acme API', 'title: Ours # better');
    await world
      .import(openApi(FIRST, { servers: [{ url: 'https://new.acme.example' }], info: { title: 'Another' } }))
      .then(({ manifest }) => expect(manifest).toEqual({ changed: ['base_url', 'origins'], conflicts: ['title'] }));
    expect(world.yaml('acme/connector.yaml')).toMatchObject({ title: 'Ours', base_url: 'https://new.acme.example' });
    expect(world.read('acme/connector.yaml')).toContain('# better');
  });

  it('keeps the names that tools have, whatever new operations are called', async () => {
    await world.import(openApi(FIRST));
    await world.import(openApi({ '/0': { get: operation('list_a') }, ...FIRST }));
    const places = Object.fromEntries(world.tools().map((tool) => [tool.steps[0]?.pathTemplate, tool.name]));
    expect(places['/a']).toBe('acme_list_a');
    expect(places['/0']).toMatch(/^acme_list_a_[0-9a-f]{6}$/);
  });

  it('writes nothing where what people edited does not load, or what is there is not its own', async () => {
    await world.import(openApi(FIRST));
    edit('tools.yaml', 'path: /a', 'path: a');
    const before = files();
    await expect(world.import(openApi(SECOND))).rejects.toThrow(
      /acme\/tools.yaml:\d+ \(\/0\/request\/path\): must begin with \//,
    );
    edit('tools.yaml', 'path: a', 'path: [');
    await expect(world.import(openApi(SECOND))).rejects.toThrow('is no list of tools');
    edit('tools.yaml', 'path: [', 'path: a');
    expect(files()).toEqual(before);
    writeFileSync(join(world.dir, 'out/acme/.import.json'), '{}');
    await expect(world.import(openApi(SECOND))).rejects.toThrow('holds a connector that was not imported');
  });
});
