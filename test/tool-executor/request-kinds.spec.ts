import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionRequested } from '@keyward/contracts';
import { sandboxVariables } from '@keyward/testing';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../apps/sandbox-provider/test/config.js';
import { startSandbox, type Sandbox } from '../../apps/sandbox-provider/src/server.js';
import { System, type Person } from './system.js';

const SCOPES = ['notes:read', 'notes:write'];

let sandbox: Sandbox;
let system: System;
let objects: string;
let ada: Person;
let mcp: Person;

/** Tokens of ada's, as a real consent gives them. */
async function issue(resource?: string): Promise<string> {
  const manage = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' };
    return (await fetch(`${sandbox.url}/sandbox/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  };
  const { client_id } = (await manage('clients', { redirect_uris: ['https://keyward.example/callback'] })) as {
    client_id: string;
  };
  const order = { client_id, user: 'ada', ...(resource === undefined ? {} : { resource }) };
  const { tokens } = (await manage('tokens/issue', order)) as { tokens: { access_token: string }[] };
  return tokens[0]?.access_token ?? '';
}

beforeAll(async () => {
  [sandbox, system] = await Promise.all([startSandbox(sandboxConfig), System.start()]);
  const url = sandbox.url;
  objects = mkdtempSync(join(tmpdir(), 'keyward-objects-'));
  const executor = await system.startExecutor({
    KEYWARD_CONNECTORS_DIR: resolve('connectors'),
    KEYWARD_CONNECTOR_VARIABLES: sandboxVariables(url),
    KEYWARD_EGRESS_PRIVATE_ORIGINS: url,
    KEYWARD_OBJECTS: 'file',
    KEYWARD_OBJECTS_DIR: objects,
  });
  await executor.started;
  ada = await system.person(await issue(), 'destructive', { provider: 'sandbox', scopes: SCOPES });
  mcp = await system.person(await issue(`${url}/mcp`), 'destructive', { provider: 'sandbox_mcp', scopes: SCOPES });
}, 60_000);
afterAll(async () => {
  await system.stop();
  await sandbox.close();
  rmSync(objects, { recursive: true });
});

const call = (tool: string, args: Record<string, unknown>, more: Partial<ExecutionRequested> = {}) =>
  system.call(tool.startsWith('sandbox_mcp') ? mcp : ada, tool, { arguments: args, ...more });

const output = async (tool: string, args: Record<string, unknown>) => {
  const result = await call(tool, args);
  expect(result.error).toBeUndefined();
  return result.output;
};

interface Listing {
  items: Record<string, unknown>[];
  nextCursor: string | null;
}

const STYLES = ['cursor', 'page', 'offset', 'link', 'url'];

describe('a listing', () => {
  it.each(STYLES)('of the style %s is followed until there is enough, and goes on with its cursor', async (style) => {
    const tool = `sandbox_list_items_by_${style}`;
    const id = style === 'page' ? 'number' : 'id';
    const first = (await output(tool, { total: 25, limit: 15 })) as Listing;
    expect(first.items.map((item) => item[id])).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
    const rest = (await output(tool, { total: 25, limit: 15, cursor: first.nextCursor })) as Listing;
    expect(rest.items.map((item) => item[id])).toEqual(Array.from({ length: 10 }, (_, index) => index + 16));
    expect(rest.nextCursor).toBeNull();
    expect(await output(tool, { total: 0 })).toEqual({ items: [], nextCursor: null });
  });

  it('gives items as the tool declares them, and refuses a cursor that it never gave', async () => {
    expect(((await output('sandbox_list_items_by_page', { total: 1 })) as Listing).items).toEqual([
      { number: 1, label: 'Item 1' },
    ]);
    expect(await call('sandbox_list_items_by_url', { cursor: 'bm90IG9uZQ' })).toMatchObject({
      state: 'failed',
      attempts: 0,
      error: { code: 'invalid_arguments', errors: [{ pointer: '/cursor' }] },
    });
  });
});

describe('a body', () => {
  it('that is a form arrives as one, without what the caller left out', async () => {
    expect(await output('sandbox_send_form', { subject: 'a b&c=d' })).toMatchObject({
      fields: { subject: 'a b&c=d', source: 'keyward' },
    });
  });

  it('with a file arrives byte for byte', async () => {
    const content = randomBytes(1_000);
    const args = { caption: 'so\r\n"it" is', filename: 'a.bin', type: 'image/png', base64: content.toString('base64') };
    expect(await output('sandbox_send_files', args)).toEqual({
      parts: [
        { name: 'caption', value: args.caption },
        { name: 'file', filename: 'a.bin', type: 'image/png', bytes: 1_000, base64: args.base64 },
      ],
    });
  });

  it('that is a file is stored, and read again as bytes or as text', async () => {
    await output('sandbox_write_file', { name: 'a.txt', text: 'zwölf\u0000' });
    const base64 = Buffer.from('zwölf\u0000').toString('base64');
    expect(await output('sandbox_read_file', { name: 'a.txt' })).toEqual({ contentType: 'text/plain; charset=utf-8', base64 });
    expect(await output('sandbox_read_text', { name: 'a.txt' })).toBe('zwölf\u0000');
  });
});

describe('an answer', () => {
  it('that is too large to be part of the result is kept, and the result says what it is', async () => {
    const text = 'é'.repeat(300_000);
    await output('sandbox_write_file', { name: 'large.txt', text });
    const sha256 = createHash('sha256').update(text).digest('hex');
    expect(await output('sandbox_read_file', { name: 'large.txt' })).toMatchObject({
      artifact: { contentType: 'text/plain; charset=utf-8', bytes: 600_000, sha256 },
    });
    expect(await call('sandbox_large', { bytes: 1_100_000 })).toMatchObject({ error: { code: 'response_too_large' } });
  });
});

describe('a tool of several steps', () => {
  it('makes each request of the answers before, and waits for what takes its time', async () => {
    const result = await call('sandbox_publish_note', { title: 'In steps', looks: 2 });
    expect(result).toMatchObject({ state: 'succeeded', output: { title: 'In steps' }, attempts: 5 });
    expect(result.output).not.toHaveProperty('published');
  });

  it('leaves the credential at home where an answer tells the address', async () => {
    expect(await output('sandbox_leave_file', { name: 'left.txt', text: 'here' })).toMatchObject({ name: 'left.txt', size: 4 });
    expect(await output('sandbox_read_text', { name: 'left.txt' })).toBe('here');
  });

  it('ends with its deadline where the provider never finishes, and has written nothing', async () => {
    const late = await call('sandbox_publish_note', { title: 'Never', looks: -1 }, { timeoutMs: 1_000 });
    expect(late).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    const { items } = (await output('sandbox_query_notes', {})) as Listing;
    expect(items.map(({ title }) => title)).not.toContain('Never');
  });

  it('shows its first request, and what would follow, in a dry run', async () => {
    expect((await call('sandbox_publish_note', { title: 'Dry' }, { dryRun: true })).output).toMatchObject({
      dryRun: true,
      request: { method: 'POST', url: `${sandbox.url}/api/drafts`, body: '{"title":"Dry"}' },
      furtherSteps: ['ready', 'publish'],
    });
    expect((await call('sandbox_mcp_list_notes', { limit: 3 }, { dryRun: true })).output).toMatchObject({
      request: { url: `${sandbox.url}/mcp`, mcp: { tool: 'list_notes', arguments: { limit: 3 } } },
    });
  });
});

describe('GraphQL', () => {
  it('writes and lists, page by page', async () => {
    for (const title of ['one', 'two', 'three']) {
      expect(await output('sandbox_mutate_note', { title })).toMatchObject({ title });
    }
    const first = (await output('sandbox_query_notes', { limit: 2 })) as Listing;
    expect(first.items.map(({ title }) => title)).toEqual(['three', 'two']);
    const next = (await output('sandbox_query_notes', { limit: 1, cursor: first.nextCursor })) as Listing;
    expect(next.items.map(({ title }) => title)).toEqual(['one']);
  });

  it('reports what stands in errors, with status 200', async () => {
    const refused = await call('sandbox_mutate_note', { title: 'x'.repeat(300) });
    expect(refused).toMatchObject({ state: 'failed', error: { code: 'provider_error', providerStatus: 200 } });
    expect(refused.error?.detail).toContain('too_big');
  });
});

describe('a tool of an MCP server', () => {
  it('is called with the connection’s token, and gives its structured content', async () => {
    expect(await output('sandbox_mcp_create_note', { title: 'By MCP' })).toMatchObject({
      created: true,
      note: { title: 'By MCP' },
    });
    expect(await output('sandbox_mcp_list_notes', { limit: 1 })).toMatchObject([{ title: 'By MCP' }]);
  });

  it('is not called for long with a token that the server refuses', async () => {
    const stranger = await system.person('not-a-token-of-the-server', 'read', { provider: 'sandbox_mcp', scopes: SCOPES });
    system.onRefresh = async () => ({
      outcome: 'failed',
      error: { type: 'x', title: 'x', status: 409, code: 'needs_reauthorization', detail: 'It says no.' },
    });
    expect(await system.call(stranger, 'sandbox_mcp_list_notes', { arguments: {} })).toMatchObject({
      error: { code: 'needs_reauthorization' },
      attempts: 1,
    });
  });
});

describe('a failure that the provider tells with status 200', () => {
  it('in words is passed on in its words, made harmless', async () => {
    const detail = `Taken\r\n\u202e${'!'.repeat(600)}`;
    const { error } = await call('sandbox_fail_quietly', { error: 'name_taken', detail });
    expect(error).toMatchObject({ code: 'provider_error', providerStatus: 200 });
    expect(error?.detail).toContain('Taken\\u{d}\\u{a}\\u{202e}!!!');
    expect(error?.detail.length).toBeLessThan(600);
  });

  it('and passes is tried again, within the limits of the tool', async () => {
    const passing = { error: 'unavailable', times: 1, key: 'passing' };
    expect(await call('sandbox_fail_quietly', passing)).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect(await call('sandbox_fail_quietly', { error: 'ratelimited', times: 1, key: 'limit' })).toMatchObject({
      state: 'succeeded',
      attempts: 2,
    });
  });

  it('about the token or the scopes is what it says', async () => {
    expect(await call('sandbox_fail_quietly', { error: 'missing_scope' })).toMatchObject({ error: { code: 'missing_scopes' } });
    expect((await call('sandbox_fail_quietly', { error: 'token_expired' })).error?.code).toBe('needs_reauthorization');
  });
});
