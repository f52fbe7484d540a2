import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { UNIFIED_FILES, writeUnifiedFolder } from '../../test/unified-folder.js';
import { checkCatalog } from '../check/check-catalog.js';
import { loadCatalog } from '../load/load-catalog.js';
import { parseConnector } from '../load/parse-connector.js';
import { WatchedCatalog } from '../load/watch-catalog.js';
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

/** One file with a text in it replaced. */
const changed = (path: string, from: string, to: string) => {
  const text = UNIFIED_FILES[path] ?? '';
  expect(text).toContain(from);
  return { [path]: text.replace(from, to) };
};

const answer = (body: unknown): Answer => ({ status: 200, headers: {}, body });
const scope = { args: {}, steps: {}, key: 'key', connection: {} } as Partial<Scope> as Scope;

describe('loading unified tools', () => {
  it.each<[string, Record<string, string>, string]>([
    [
      'a mapping of nothing',
      changed('beta/unified.yaml', 'notes_list:', 'notes_lost:'),
      'beta/unified.yaml:8 (/notes_lost): there is no unified tool',
    ],
    [
      'a tool that is not there',
      changed('beta/unified.yaml', 'tool: beta_write_note', 'tool: beta_none'),
      'beta/unified.yaml:3 (/notes_create/tool): this connector has no tool "beta_none"',
    ],
    [
      'a tool of another connector',
      changed('beta/unified.yaml', 'tool: beta_write_note', 'tool: alpha_add_card'),
      '(/notes_create/tool): this connector has no tool "alpha_add_card"',
    ],
    [
      'a read that writes',
      changed('unified/notes.yaml', 'effect: write', 'effect: read'),
      '(/notes_create/tool): the effect of "alpha_add_card" is write, and that of "notes_create" read at most',
    ],
    [
      'an argument that the tool has not',
      changed('beta/unified.yaml', 'text: $.title', 'text: $.title, size: 1'),
      '(/notes_create/arguments/size): the tool "beta_write_note" has no argument "size"',
    ],
    [
      'an argument that the tool needs',
      changed('beta/unified.yaml', 'arguments: { text: $.title }\n  ignored: [place', 'arguments: {}\n  ignored: [title, place'),
      '(/notes_create/arguments): the tool "beta_write_note" needs the argument "text"',
    ],
    [
      'an argument of nobody',
      changed('beta/unified.yaml', 'text: $.title', 'text: $.body'),
      '(/notes_create/arguments/text): there is no argument "body"',
    ],
    [
      'an argument that is forgotten',
      changed('beta/unified.yaml', 'ignored: [place, tags]', 'ignored: [tags]'),
      '(/notes_create/arguments): nothing is made of the argument "place"',
    ],
    [
      'an argument that is ignored and used',
      changed('beta/unified.yaml', 'ignored: [place, tags]', 'ignored: [place, tags, title]'),
      '(/notes_create/ignored/2): the argument "title" is used',
    ],
    [
      'ignoring what is not there',
      changed('beta/unified.yaml', 'ignored: [place, tags]', 'ignored: [place, tags, size]'),
      '(/notes_create/ignored/2): there is no argument "size"',
    ],
    [
      'an expression that is none',
      changed('beta/unified.yaml', `output: '{"id": uid, "title": text}'`, `output: '{"id": '`),
      '(/notes_create/output): not a JSONata expression',
    ],
    [
      'a connection in the arguments',
      changed('beta/unified.yaml', 'text: $.title', `text: { $expr: 'title & $connection.host' }`),
      '(/notes_create/arguments/text/$expr): there is no $connection here',
    ],
    [
      'a key in the arguments',
      changed('beta/unified.yaml', 'text: $.title', 'text: [$.title, $key]'),
      '(/notes_create/arguments/text/1): there is no $key here',
    ],
    [
      'a single tool for a list',
      changed('beta/tools.yaml', ", nextCursor: { type: [string, 'null'] }", ''),
      '(/notes_list/tool): "beta_find_notes" gives no list, unlike "notes_list"',
    ],
    [
      'a list for a single tool',
      changed('unified/notes.yaml', '  list: true\n', ''),
      '(/notes_list/tool): "alpha_list_cards" gives a list, unlike "notes_list"',
    ],
    [
      'a name that a tool has',
      changed('unified/notes.yaml', 'notes_create', 'beta_write_note'),
      'unified/notes.yaml:2 (/0/name): the connector "beta" already has a tool of this name',
    ],
    [
      'a name twice',
      changed('unified/notes.yaml', 'notes_delete', 'notes_list'),
      '(/2/name): there is already a unified tool of this name',
    ],
    [
      'an argument that is ours',
      changed('unified/notes.yaml', 'note: { type: string }', 'connector: { type: string }'),
      '(/2/input/properties/connector): is added by itself',
    ],
    [
      'a schema that is none',
      changed('unified/notes.yaml', 'place: { type: string, maxLength: 100 }', 'place: { type: text }'),
      '(/0/input): not a valid JSON Schema',
    ],
    [
      'a member that is unknown',
      changed('beta/unified.yaml', 'ignored: [place]', 'ignore: [place]'),
      '(/notes_list): Unrecognized key',
    ],
  ])('refuses %s, and says where', (_what, change, message) => {
    expect(() => loadCatalog(folder(change), {})).toThrow(message);
  });

  it('tells of every mapping that is wrong, also where a whole folder is checked', () => {
    const wrong = folder({
      ...changed('alpha/unified.yaml', 'card: $.note', 'cards: $.note'),
      ...changed('beta/unified.yaml', 'ignored: [place, tags]', 'ignored: []'),
    });
    expect(checkCatalog(wrong).problems.map(({ pointer }) => pointer)).toEqual([
      ...['/notes_create/arguments', '/notes_delete/arguments/cards'],
    ]);
    expect(() => loadCatalog(wrong, {})).toThrow(/notes_create[^]*notes_delete/);
    expect(checkCatalog(folder()).problems).toEqual([]);
  });

  it('passes over what connectors map where a folder declares no unified tools, and over unified tools that nobody maps', () => {
    expect(loadCatalog(folder({ 'unified/notes.yaml': null }), {}).unifiedTools()).toEqual([]);
    const none = { 'alpha/unified.yaml': null, 'beta/unified.yaml': null };
    expect(loadCatalog(folder(none), {}).unifiedTools()).toEqual([]);
    expect(
      loadCatalog(folder({ 'alpha/unified.yaml': null }), {})
        .unifiedTools()
        .map(({ name }) => name),
    ).toEqual([...['notes_create', 'notes_list']]);
  });

  it('keeps its names from connectors that organizations post', () => {
    const manifest = ['name: mine', 'title: Mine', 'auth: { kind: none }', 'refresh: { rotates: false }'];
    const address = ['base_url: https://mine.example', 'origins: [https://mine.example]'];
    const tools = (UNIFIED_FILES['beta/tools.yaml'] ?? '')
      .replace('beta_write_note', 'notes_create')
      .replace('beta_find', 'mine_find');
    expect(() => parseConnector([...manifest, ...address].join('\n'), tools, loadCatalog(folder(), {}))).toThrow(
      'tools.yaml:2 (/0/name): there is a unified tool of this name',
    );
  });

  it('is done again when a file of it has changed, and only then', async () => {
    const dir = folder();
    const logger = { info: () => undefined, warn: (context: object) => warnings.push(context) };
    const warnings: object[] = [];
    const watched = new WatchedCatalog({ dir, variables: {}, everyMs: 0, logger });
    const first = watched.current;
    await watched.look();
    expect(watched.current).toBe(first);
    const path = join(dir, 'beta/unified.yaml');
    writeFileSync(path, (UNIFIED_FILES['beta/unified.yaml'] ?? '').replace('"title": text', '"title": $uppercase(text)'));
    await watched.look();
    expect(watched.current).not.toBe(first);
    const { tool } = watched.current.call('notes_create', { connector: 'beta', title: 'x' });
    expect(await tool.outputOf(answer({ uid: 'n', text: 'x' }), scope)).toMatchObject({ title: 'X' });
    writeFileSync(join(dir, 'unified/notes.yaml'), '- name: broken');
    const before = watched.current;
    await watched.look();
    expect([watched.current === before, warnings.length]).toEqual([true, 1]);
  });
});
