import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createCatalogs, loadCatalog, type Catalog } from '@keyward/connectors';
import { newId } from '@keyward/contracts';
import { writeUnifiedFolder } from '../../libs/connectors/test/unified-folder.js';
import { Workbench } from './workbench.js';

let bench: Workbench;
let dir: string;
let deployment: Catalog;
beforeAll(async () => {
  bench = await Workbench.start();
  dir = mkdtempSync(join(tmpdir(), 'keyward-unified-'));
  writeUnifiedFolder(dir, bench.upstream.origin);
  deployment = loadCatalog(dir, {});
});
afterAll(async () => {
  await bench.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  bench.reset();
  const logger = { warn: () => undefined };
  bench.parts.catalogs = createCatalogs({ deployment, load: async () => [], logger });
});

const ADD = { title: 'Milk', place: 'home', tags: ['a'] };
const call = (tool: string, args: Readonly<Record<string, unknown>>, more = {}) => bench.call(tool, { arguments: args, ...more });

function answers(body: object, status = 200): void {
  bench.upstream.answer = (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

describe('a unified tool, carried out', () => {
  it('sends what the connector’s own tool sends and gives what all give, with what was behind it in result and trail', async () => {
    answers({ number: 7, name: 'Milk' });
    const result = await call('notes_create', { connector: 'alpha', ...ADD });
    expect(result).toMatchObject({
      ...{ tool: 'notes_create', state: 'succeeded', connector: 'alpha', nativeTool: 'alpha_add_card' },
      output: { id: '7', title: 'Milk', native: { number: 7, name: 'Milk' } },
      toolVersion: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
    expect(bench.upstream.requests).toMatchObject([{ method: 'POST', url: '/alpha/boards/HOME/cards' }]);
    expect(JSON.parse(bench.upstream.requests[0]?.body.toString() ?? '')).toEqual({ name: 'Milk', labels: ['a'] });
    expect(bench.audited).toMatchObject([
      { tool: 'notes_create', nativeTool: 'alpha_add_card', provider: 'alpha', toolVersion: result.toolVersion },
    ]);
    expect(bench.queries).toMatchObject([{ connector: 'alpha', provider: 'alpha' }]);
  });

  it('goes elsewhere when one argument is another', async () => {
    answers({ uid: 'n1', text: 'Milk' });
    const result = await call('notes_create', { connector: 'beta', ...ADD });
    expect(result).toMatchObject({ state: 'succeeded', connector: 'beta', output: { id: 'n1', title: 'Milk' } });
    expect(bench.upstream.requests).toMatchObject([{ method: 'POST', url: '/beta/notes' }]);
    expect(bench.queries).toMatchObject([{ connector: 'beta', provider: 'beta' }]);
  });

  it('follows the pages of a listing', async () => {
    bench.upstream.answer = ({ url = '' }, response) => {
      const second = url.includes('after=');
      const cards = second
        ? [{ number: 3, name: 'c' }]
        : [
            { number: 1, name: 'a' },
            { number: 2, name: 'b' },
          ];
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ cards, next: second ? '' : 'n' }));
    };
    const all = await call('notes_list', { connector: 'alpha' });
    const native = { number: 1, name: 'a' };
    expect(all.output).toMatchObject({ items: [{ id: '1', title: 'a', native }, { id: '2' }, { id: '3' }], nextCursor: null });
    const { nextCursor } = (await call('notes_list', { connector: 'alpha', limit: 2 })).output as { nextCursor: string };
    const rest = await call('notes_list', { connector: 'alpha', limit: 2, cursor: nextCursor });
    expect(rest.output).toMatchObject({ items: [{ id: '3' }], nextCursor: null });
    const foreign = await call('notes_list', { connector: 'alpha', place: 'x', cursor: nextCursor });
    expect(foreign.error).toMatchObject({ code: 'invalid_arguments', errors: [{ pointer: '/cursor' }] });
  });

  it('is one execution under one idempotency key, and another for another connector', async () => {
    answers({ number: 7, name: 'Milk' });
    const idempotencyKey = newId('exe');
    const first = await call('notes_create', { connector: 'alpha', ...ADD }, { idempotencyKey });
    const again = await call('notes_create', { connector: 'alpha', ...ADD }, { idempotencyKey });
    expect([again.output, bench.upstream.requests.length]).toEqual([first.output, 1]);
    const other = await call('notes_create', { connector: 'beta', ...ADD }, { idempotencyKey });
    expect(other.error).toMatchObject({ code: 'idempotency_conflict' });
  });

  it('finds by the connector’s probe what it can not know, and tells it as it tells everything', async () => {
    bench.upstream.answer = ({ method }, response) => {
      if (method === 'POST') response.socket?.destroy();
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"notes":[{"uid":"n1","text":"Milk"}]}');
    };
    const result = await call('notes_create', { connector: 'beta', title: 'Milk' });
    expect(result).toMatchObject({ state: 'succeeded', output: { id: 'n1', native: { uid: 'n1', text: 'Milk' } } });
  });

  it('is shown before it is sent', async () => {
    const result = await call('notes_create', { connector: 'alpha', ...ADD }, { dryRun: true });
    expect(result.output).toMatchObject({ dryRun: true, request: { method: 'POST', body: '{"name":"Milk","labels":["a"]}' } });
    expect(bench.upstream.requests).toEqual([]);
  });
});

describe('a unified tool is authorised as the one behind it', () => {
  it.each<[string, object, string]>([
    ['whose connector is not assigned', { permission: null, tools: null }, 'alpha'],
    ['whose tool is not among those named', { permission: 'destructive', tools: ['beta_write_note'] }, 'alpha'],
    [
      'where the unified name is named, and not the tool',
      { permission: 'destructive', tools: ['notes_create', 'notes.create'] },
      'alpha',
    ],
    ['whose permission does not go so far', { permission: 'read', tools: null }, 'alpha'],
  ])('%s: refused, and nothing is sent', async (_what, grant, connector) => {
    Object.assign(bench.grant, grant);
    const result = await call('notes_create', { connector, ...ADD });
    expect(result).toMatchObject({ state: 'denied', error: { code: 'tool_not_assigned' } });
    expect([bench.upstream.requests.length, bench.opened.length]).toEqual([0, 0]);
  });

  it('goes as far as the tool behind it needs', async () => {
    answers({ number: 7, name: 'Milk' });
    Object.assign(bench.grant, { permission: 'write', tools: ['alpha_add_card'] });
    expect(await call('notes_create', { connector: 'alpha', ...ADD })).toMatchObject({ state: 'succeeded' });
    expect(await call('notes_delete', { connector: 'alpha', note: '7' })).toMatchObject({ state: 'denied' });
  });

  it('needs the scopes of the tool behind it', async () => {
    bench.connection.scopes.splice(0);
    const result = await call('notes_create', { connector: 'alpha', ...ADD });
    expect(result).toMatchObject({
      error: { code: 'missing_scopes', missingScopes: ['things:write'] },
      nativeTool: 'alpha_add_card',
    });
  });

  it.each([undefined, null, 'gamma', '__proto__', 'constructor', ['alpha'], { toString: 'alpha' }])(
    'for the connector %j there is nothing to authorise',
    async (connector) => {
      const result = await call('notes_create', connector === undefined ? ADD : { connector, ...ADD });
      expect(result.error).toMatchObject({ code: 'invalid_arguments', errors: [{ pointer: '/connector' }] });
      expect(result).not.toHaveProperty('nativeTool');
      expect([bench.queries.length, bench.upstream.requests.length]).toEqual([0, 0]);
      expect(bench.audited).toMatchObject([{ tool: 'notes_create', state: 'failed' }]);
    },
  );
});
