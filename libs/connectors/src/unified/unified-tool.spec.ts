import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { agentManifestSchema, KeywardError, toolExecuteSchema, writtenToolNameSchema } from '@keyward/contracts';
import { UNIFIED_FILES, writeUnifiedFolder } from '../../test/unified-folder.js';
import { loadCatalog } from '../load/load-catalog.js';
import type { Answer, Scope } from '../tool/tool.js';

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => rmSync(dir, { recursive: true })));

/** Addresses on this machine are their own documentation. */
function folder(changes: Readonly<Record<string, string | null>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'keyward-unified-'));
  dirs.push(dir);
  writeUnifiedFolder(dir, 'http://127.0.0.1:9', changes);
  return dir;
}

const catalog = loadCatalog(folder(), {});
const asked = (args: Record<string, unknown>, name = 'notes_create') => catalog.call(name, args);
const answer = (body: unknown): Answer => ({ status: 200, headers: {}, body });
const scope = { args: {}, steps: {}, key: 'key', connection: {} } as Partial<Scope> as Scope;

async function refusal(work: () => unknown): Promise<{ code: string; errors: unknown }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof KeywardError) return { code: error.code, errors: error.details.errors };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a call of a unified tool', () => {
  it('is one of the connector that it names, with that one’s arguments', async () => {
    const alpha = asked({ connector: 'alpha', title: 'Milk', place: 'home', tags: ['a', 'b'] });
    expect([alpha.isUnified, alpha.tool.name, alpha.tool.provider.name]).toEqual([true, 'alpha_add_card', 'alpha']);
    expect(await alpha.argumentsOf()).toEqual({ name: 'Milk', board: 'HOME', labels: ['a', 'b'] });
    const beta = asked({ connector: 'beta', title: 'Milk', place: 'home', tags: ['a', 'b'] });
    expect([beta.tool.name, await beta.argumentsOf()]).toEqual(['beta_write_note', { text: 'Milk' }]);
  });

  it('gives the unified output, what the connector gives beside it', async () => {
    const { tool } = asked({ connector: 'alpha', title: 'Milk', place: 'home' });
    expect(await tool.outputOf(answer({ number: 7, name: 'Milk', secret: 1 }), scope)).toEqual({
      ...{ id: '7', title: 'Milk' },
      native: { number: 7, name: 'Milk' },
    });
    const { probe } = asked({ connector: 'beta', title: 'Milk' }).tool;
    expect(await probe?.found(answer({ notes: [{ uid: 'n1', text: 'Milk' }] }), scope)).toEqual({
      ...{ id: 'n1', title: 'Milk' },
      native: { uid: 'n1', text: 'Milk' },
    });
    expect(await probe?.found(answer({ notes: [] }), scope)).toBeUndefined();
  });

  it('gives lists item by item, whether the connector is followed page by page or turns the pages itself', async () => {
    const { tool, argumentsOf } = asked({ connector: 'alpha', place: 'HOME', limit: 3 }, 'notes_list');
    const args = await argumentsOf();
    expect(args).toEqual({ board: 'HOME', limit: 3 });
    const { position, limit } = tool.pagination?.wantedOf(args) ?? { limit: 0, position: {} };
    const page = await tool.pagination?.page(answer({ cards: [{ number: 1, name: 'a' }], next: 'n' }), scope, {
      ...{ wanted: limit, position },
    });
    expect(page).toMatchObject({ items: [{ id: '1', title: 'a', native: { number: 1, name: 'a' } }], next: { at: 'n' } });
    const cursor = tool.pagination?.cursorOf(page?.next ?? {}, args) ?? '';
    const again = asked({ connector: 'alpha', place: 'HOME', cursor }, 'notes_list');
    expect(again.tool.pagination?.wantedOf(await again.argumentsOf()).position).toMatchObject({ at: 'n' });
    const elsewhere = asked({ connector: 'alpha', place: 'WORK', cursor }, 'notes_list');
    const others = await elsewhere.argumentsOf();
    expect(() => elsewhere.tool.pagination?.wantedOf(others)).toThrow('/cursor');

    const beta = asked({ connector: 'beta', limit: 500, cursor: 'c' }, 'notes_list');
    expect(await beta.argumentsOf()).toEqual({ limit: 5, cursor: 'c' });
    expect(await beta.tool.outputOf(answer({ notes: [{ uid: 'n1', text: 'a' }], more: 'd' }), scope)).toEqual({
      items: [{ id: 'n1', title: 'a', native: { uid: 'n1', text: 'a' } }],
      nextCursor: 'd',
    });
    expect(await beta.tool.outputOf(answer({}), scope)).toEqual({ items: [], nextCursor: null });
  });

  it('has the version of the tool behind it and of the mapping', () => {
    const one = asked({ connector: 'alpha', title: 'x' }).tool.version;
    const other = loadCatalog(
      folder({ 'alpha/unified.yaml': UNIFIED_FILES['alpha/unified.yaml']?.replace('$uppercase(place)', 'place') ?? null }),
      {},
    );
    expect(one).toMatch(/^[0-9a-f]{12}$/);
    expect(one).not.toBe(catalog.tool('alpha_add_card').version);
    expect(other.call('notes_create', { connector: 'alpha' }).tool.version).not.toBe(one);
    expect(other.call('notes_create', { connector: 'beta' }).tool.version).toBe(asked({ connector: 'beta' }).tool.version);
  });

  it.each<[string, Record<string, unknown>, unknown]>([
    ['an argument of no connector', { title: 'x', name: 'y' }, [{ pointer: '/name', detail: 'is not an argument of this tool' }]],
    ['an argument that is missing', { place: 'HOME' }, [{ pointer: '/title', detail: 'is required' }]],
    ['one that this connector needs', { title: 'x' }, [{ pointer: '/place', detail: 'is required for alpha' }]],
    [
      'one that the tool behind it refuses, where it stands as given',
      { title: 'x', place: 'HOME', tags: ['ok', 'too long'] },
      [{ pointer: '/tags/1', detail: expect.stringContaining('5 characters') }],
    ],
    [
      'one that something else was made of',
      { title: 'x', place: 'home 1' },
      [{ pointer: '/place', detail: expect.stringMatching(/^does not fit alpha_add_card: its board must match/) }],
    ],
    ['a list that is none', { title: 'x', place: 'HOME', tags: 'a' }, [{ pointer: '/tags', detail: 'must be array' }]],
  ])('tells of %s where the caller can mend it', async (_what, args, errors) => {
    expect(await refusal(() => asked({ connector: 'alpha', ...args }).argumentsOf())).toEqual({
      code: 'invalid_arguments',
      errors,
    });
  });

  it.each([undefined, null, '', 'gamma', 'ALPHA', 'alpha ', '__proto__', 'constructor', 'toString', ['alpha'], { alpha: 1 }, 0])(
    'for the connector %j is refused, and told what there is',
    async (connector) => {
      const args: Record<string, unknown> = connector === undefined ? { title: 'x' } : { connector, title: 'x' };
      expect(await refusal(() => asked(args))).toEqual({
        code: 'invalid_arguments',
        errors: [{ pointer: '/connector', detail: 'must be one of alpha, beta' }],
      });
    },
  );

  it('takes no connector that the arguments only inherit', async () => {
    const inherited: Record<string, unknown> = Object.create({ connector: 'alpha' });
    expect(await refusal(() => asked(inherited))).toMatchObject({ code: 'invalid_arguments' });
  });

  it.each(['__proto__', 'constructor', 'toString', 'notes.create', 'notes_create ', 'NOTES_CREATE', 'unified/notes_create'])(
    '%s is no name of one',
    async (name) => {
      expect(await refusal(() => asked({ connector: 'alpha', title: 'x' }, name))).toMatchObject({ code: 'unknown_tool' });
    },
  );

  it('whatever is given: it is refused as arguments are, or the tool behind it takes what comes of it', async () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('HOME', 'home', '__proto__', '$key', '{{', '\u0000'));
    const value = fc.oneof(
      text,
      fc.array(text, { maxLength: 3 }),
      fc.integer(),
      fc.constant(null),
      fc.dictionary(text, text, { maxKeys: 2 }),
    );
    const args = fc.record(
      { connector: fc.constantFrom('alpha', 'beta'), title: fc.oneof(text, value), place: fc.oneof(text, value), tags: value },
      { requiredKeys: ['connector', 'title'] },
    );
    await fc.assert(
      fc.asyncProperty(args, async (given) => {
        const { tool, argumentsOf } = asked(given);
        const native = await argumentsOf().catch((thrown: unknown) => thrown);
        if (native instanceof KeywardError) expect(native.code).toBe('invalid_arguments');
        else expect(() => tool.validateArguments(native as Record<string, unknown>)).not.toThrow();
      }),
    );
  });

  it('is not there for a connector whose tool the organization hides', async () => {
    const tools = new Map([['alpha_add_card', null]]);
    const hidden = catalog.overlaid({ connector: 'alpha', tools } as unknown as Parameters<typeof catalog.overlaid>[0]);
    expect(await refusal(() => hidden.call('notes_create', { connector: 'alpha', title: 'x' }))).toMatchObject({
      errors: [{ pointer: '/connector', detail: 'must be one of beta' }],
    });
  });
});

describe('a name with a dot', () => {
  const parsed = (name: string) => writtenToolNameSchema.safeParse(name).data;
  it('is the one with an underscore', () => {
    expect(parsed('notes.create')).toBe('notes_create');
    expect(parsed('notes_create')).toBe('notes_create');
    expect(parsed('events.free_busy')).toBe('events_free_busy');
    expect(toolExecuteSchema.parse({ tool: 'notes.create', user: 'usr_ada' }).tool).toBe('notes_create');
    const tools = [{ name: 'notes.create', connector: 'alpha' }];
    expect(agentManifestSchema.parse({ agent: 'helper', tools }).tools).toMatchObject([{ name: 'notes_create' }]);
  });
  it.each([
    '.',
    '..',
    '.create',
    'notes.',
    'notes..create',
    'a.b.c',
    'notes/create',
    'notes．create',
    'notes.cre ate',
    'notes.create\n',
  ])('%j is none', (name) => expect(parsed(name)).toBeUndefined());
});

describe('how a model is told of a unified tool', () => {
  const describeFor = (connectors: string[]) => catalog.unified('notes_create')?.describe(connectors);
  it('names the connectors that it may choose from, what they ask for and what is of no use to them', () => {
    const { description, inputSchema } = describeFor(['alpha', 'beta']) ?? {};
    expect(description).toBe('Creates a note.\n- alpha: place is a board in capitals.\n- beta: Without effect: place, tags.');
    expect(inputSchema).toMatchObject({
      properties: { connector: { type: 'string', enum: ['alpha', 'beta'] }, title: { type: 'string' } },
      required: ['connector', 'title'],
      additionalProperties: false,
    });
  });
  it('asks for no choice where there is none', () => {
    const { description, inputSchema } = describeFor(['beta']) ?? {};
    expect(description).not.toContain('alpha');
    expect(inputSchema).toMatchObject({ properties: { connector: { enum: ['beta'] } }, required: ['title'] });
  });
});
