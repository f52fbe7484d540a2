import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../test/config.js';
import { startSandbox, type Sandbox } from '../server.js';

let sandbox: Sandbox;
let ada: string;
let grace: string;
let reader: string;

async function manage(path: string, body: unknown) {
  const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as { client_id: string; tokens: { access_token: string }[] };
}

beforeAll(async () => {
  sandbox = await startSandbox(sandboxConfig);
  const { client_id } = await manage('clients', { redirect_uris: ['https://keyward.example/callback'] });
  const issue = async (user: string, scope?: string) =>
    (await manage('tokens/issue', { client_id, user, ...(scope && { scope }) })).tokens[0]?.access_token ?? '';
  ada = await issue('ada');
  grace = await issue('grace');
  reader = await issue('ada', 'notes:read');
});

afterAll(() => sandbox.close());

async function call(
  method: string,
  path: string,
  token: string | undefined,
  options: { body?: unknown; headers?: Record<string, string> } = {},
) {
  const headers: Record<string, string> = { ...options.headers };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const body = options.body === undefined ? {} : { body: JSON.stringify(options.body) };
  const response = await fetch(`${sandbox.url}/api/${path}`, { method, headers, redirect: 'manual', ...body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text.startsWith('{') ? JSON.parse(text) : undefined };
}

describe('the bearer check', () => {
  it('challenges a request without a token, and names no error then', async () => {
    const { status, headers } = await call('GET', 'notes', undefined);
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="sandbox"']);
  });

  it('answers an unknown token with invalid_token', async () => {
    const { status, headers } = await call('GET', 'notes', 'unknown');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('answers a missing scope with insufficient_scope and the scope', async () => {
    const { status, headers } = await call('POST', 'notes', reader, { body: { title: 'x' } });
    expect(status).toBe(403);
    expect(headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    expect(headers.get('www-authenticate')).toContain('scope="notes:write"');
  });
});

describe('notes', () => {
  it('are created, read, listed page by page and deleted', async () => {
    const titles = ['one', 'two', 'three'];
    const ids: string[] = [];
    for (const title of titles) {
      const created = await call('POST', 'notes', ada, { body: { title, body: `body of ${title}` } });
      expect([created.status, created.headers.get('location')]).toEqual([201, `/api/notes/${created.body.id}`]);
      ids.push(created.body.id);
    }
    const first = await call('GET', 'notes?limit=2', ada);
    const second = await call('GET', `notes?limit=2&cursor=${first.body.nextCursor}`, ada);
    const listed = [...first.body.notes, ...second.body.notes].map((note: { title: string }) => note.title);
    expect([listed, second.body.nextCursor]).toEqual([['three', 'two', 'one'], null]);

    expect((await call('GET', `notes/${ids[0]}`, ada)).body).toMatchObject({ title: 'one', body: 'body of one' });
    expect((await call('DELETE', `notes/${ids[0]}`, ada)).status).toBe(204);
    expect((await call('GET', `notes/${ids[0]}`, ada)).status).toBe(404);
    expect((await call('DELETE', `notes/${ids[0]}`, ada)).status).toBe(404);
  });

  it('of another user look as if they did not exist', async () => {
    const { body } = await call('POST', 'notes', ada, { body: { title: 'private' } });
    const foreign = await call('GET', `notes/${body.id}`, grace);
    const absent = await call('GET', 'notes/note_none', grace);
    expect([foreign.status, foreign.text]).toEqual([absent.status, absent.text]);
    expect((await call('DELETE', `notes/${body.id}`, grace)).status).toBe(404);
    expect((await call('GET', 'notes', grace)).body).toEqual({ notes: [], nextCursor: null });
  });

  it('created twice under one Idempotency-Key are one note', async () => {
    const headers = { 'idempotency-key': 'run-7/step-3' };
    const first = await call('POST', 'notes', grace, { body: { title: 'once' }, headers });
    const again = await call('POST', 'notes', grace, { body: { title: 'once' }, headers });
    expect([again.status, again.body.id, again.headers.get('idempotent-replayed')]).toEqual([201, first.body.id, 'true']);
    expect((await call('POST', 'notes', grace, { body: { title: 'other' }, headers })).status).toBe(422);
    expect((await call('GET', 'notes', grace)).body.notes).toHaveLength(1);
    // Keys belong to a user.
    expect((await call('POST', 'notes', ada, { body: { title: 'once' }, headers })).body.id).not.toBe(first.body.id);
  });

  it.each([
    ['without a title', {}],
    ['with members of its own', { title: 'x', user: 'grace' }],
    ['that are too long', { title: 'x'.repeat(201) }],
  ])('%s are refused', async (_what, body) => {
    expect((await call('POST', 'notes', ada, { body })).status).toBe(400);
  });

  it.each(['limit=0', 'limit=101', 'cursor=-1', 'cursor=zzz'])('refuses the query %s', async (query) => {
    expect((await call('GET', `notes?${query}`, ada)).status).toBe(400);
  });
});

describe('orders', () => {
  it('are carried out each time, answered or not, and found by their reference', async () => {
    const order = (reference: string, ending: string) =>
      call('POST', 'orders', ada, { body: { item: 'spec-tea', reference, ending } }).then(
        ({ status }) => status,
        () => 'no answer',
      );
    expect(await Promise.all([order('a', 'answer'), order('b', 'error'), order('c', 'reset')])).toEqual([201, 500, 'no answer']);
    expect(await order('a', 'answer')).toBe(201);
    const found = async (reference: string, token = ada) =>
      (await call('GET', `orders?reference=${reference}`, token)).body.orders.length;
    expect([await found('a'), await found('b'), await found('c'), await found('d'), await found('a', grace)]).toEqual([
      2, 1, 1, 0, 0,
    ]);
    expect((await call('GET', 'orders/summary?prefix=spec-', ada)).body).toEqual({ orders: 4, items: 1 });
    for (const body of [{}, { item: '' }, { item: 'x', ending: 'explode' }]) {
      expect((await call('POST', 'orders', ada, { body })).status).toBe(400);
    }
  });
});

describe('endpoints that do what they are told', () => {
  it('echo method, headers and body', async () => {
    const { body } = await call('PUT', 'echo?q=1', ada, { body: { a: 1 }, headers: { 'x-test': 'yes' } });
    expect(body).toMatchObject({ method: 'PUT', url: '/api/echo?q=1', body: { a: 1 }, headers: { 'x-test': 'yes' } });
  });

  it('delay', async () => {
    expect((await call('GET', 'delay?ms=5', ada)).body).toEqual({ delayedMs: 5 });
  });

  it('fail, and recover where told to', async () => {
    expect((await call('GET', 'fail?status=418', ada)).status).toBe(418);
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await call('GET', 'fail?status=503&times=2&key=k', ada)).status);
    expect(statuses).toEqual([503, 503, 200]);
  });

  it('limit, with the time to wait', async () => {
    const { status, headers } = await call('GET', 'limit?retry_after=3', ada);
    expect([status, headers.get('retry-after')]).toEqual([429, '3']);
  });

  it('redirect', async () => {
    const { status, headers } = await call(
      'GET',
      `redirect?status=307&to=${encodeURIComponent('https://elsewhere.example/x')}`,
      ada,
    );
    expect([status, headers.get('location')]).toEqual([307, 'https://elsewhere.example/x']);
  });

  it('answer with so many bytes', async () => {
    expect((await call('GET', 'large?bytes=100001', ada)).text).toHaveLength(100_001);
  });

  it.each(['fail?status=200', 'delay?ms=-1', 'large?bytes=9999999999', 'redirect', 'limit?times=x'])(
    'refuse %s',
    async (path) => {
      expect((await call('GET', path, ada)).status).toBe(400);
    },
  );

  it.each(['me', 'echo', 'delay', 'fail', 'limit', 'redirect?to=x', 'large'])('/%s needs a token as well', async (path) => {
    expect((await call('GET', path, undefined)).status).toBe(401);
  });
});
