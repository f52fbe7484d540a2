import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import {
  authRequests,
  connectSessionRequestSchema,
  KeywardError,
  newId,
  parseOrThrow,
  type WaitingFor,
} from '@keyward/contracts';
import { serveRequests } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import { ask, startHarness, type Harness } from './harness.js';
import { sendRaw } from './raw-http.js';
import type { SeededAgent } from './seed.js';

let harness: Harness;
let ada: SeededAgent;
let sibling: SeededAgent;
let foreign: SeededAgent;

beforeAll(async () => {
  harness = await startHarness();
  const all = { connector: 'sandbox', permission: 'destructive', tools: null } as const;
  const org = await harness.seed.organization();
  ada = await harness.seed.agent(org, all);
  sibling = await harness.seed.agent(org, all);
  foreign = await harness.seed.agent(await harness.seed.organization(), all);
});
afterAll(() => harness.stop());

const get = (path: string, key = ada.key) => ask(harness.url, path, { key });

describe('GET /v1/tools', () => {
  const named = (answer: { body: Record<string, unknown> }) =>
    (answer.body['tools'] as { name: string }[]).map(({ name }) => name);

  it('lists what is assigned, up to the permission', async () => {
    const reader = await harness.seed.agent(ada.org, { connector: 'sandbox', permission: 'read', tools: null });
    const answer = await get('/v1/tools?connector=sandbox&search=note', reader.key);
    expect(named(answer)).toEqual(['sandbox_get_note', 'sandbox_list_notes', 'sandbox_query_notes']);
    expect(answer.body['nextCursor']).toBeNull();
  });

  it('tells the connection status of the user asked about, and of nobody else’s', async () => {
    await harness.seed.connection(ada, 'usr_ada', 'needs_reauthorization');
    await harness.seed.connection(sibling, 'usr_grace');
    const status = async (path: string) => (await get(path)).body['tools'] as { connectionStatus: unknown }[];
    expect((await status('/v1/tools?user=usr_ada'))[0]?.connectionStatus).toBe('needs_reauthorization');
    expect((await status('/v1/tools?user=usr_grace'))[0]?.connectionStatus).toBeNull();
    expect((await status('/v1/tools'))[0]?.connectionStatus).toBeNull();
  });

  it.each([
    'cursor=AAAA',
    'cursor=',
    `cursor=${Buffer.from('1:0000000000000000:sandbox_echo').toString('base64url')}`,
    'user=a&user=b',
    'user[]=a',
    'limit=1000000',
    'connector=../etc',
    '__proto__=x',
    `search=${'x'.repeat(201)}`,
  ])('refuses a query that it does not know or trust: %s', async (query) => {
    const answer = await get(`/v1/tools?${query}`);
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
  });
});

describe('any path and query', () => {
  const path = fc.constantFrom('/v1/tools', '/v1/connections', '/v1/executions/', '/v1/', '/v1/tools/x/execute', '/');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }).map(encodeAnyway),
    fc.webPath(),
    fc.constantFrom('%00', '%ff', '..', '%2e%2e', '%'),
  );
  const query = fc.oneof(
    fc.webQueryParameters(),
    fc.constantFrom('cursor=%ff', 'user=%00', 'user=a&user=b', 'user[__proto__]=1', '&&&'),
  );
  test.prop([path, text, query], { numRuns: 300 })(
    'is answered or refused without an error of ours',
    async (start, rest, search) => {
      const { status } = await sendRaw(
        harness.url,
        `GET ${start}${rest}?${search} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${ada.key}\r\n\r\n`,
      );
      expect([200, 400, 404, 405, 414]).toContain(status);
    },
  );
});

/** Lone surrogates can't be encoded; everything else can. */
function encodeAnyway(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

describe('GET /v1/executions/{id}', () => {
  it('answers foreign, malformed, case-variant and absent ids alike', async () => {
    const { body } = await ask(harness.url, '/v1/tools/sandbox_echo/execute', {
      key: ada.key,
      body: { user: 'usr_ada', arguments: { message: 'x' } },
    });
    const id = String(body['id']);
    expect((await get(`/v1/executions/${id}`)).body).toEqual(body);
    const absent = await get(`/v1/executions/${newId('exe')}`);
    const rest = [
      await get(`/v1/executions/${id}`, sibling.key),
      await get(`/v1/executions/${id}`, foreign.key),
      await get(`/v1/executions/${id.toUpperCase()}`),
      await get(`/v1/executions/${id.slice(0, -1)}`),
      await get('/v1/executions/*'),
      await get('/v1/executions/%3E'),
      await get(`/v1/executions/${id}%2e%2e`),
    ];
    expect(absent.status).toBe(404);
    for (const answer of rest) expect({ ...answer.body, traceId: 0 }).toEqual({ ...absent.body, traceId: 0 });
  });

  it('does not tell a foreign agent that a call is under way', async () => {
    harness.executor.behaviour = async () => undefined;
    const receipt = await ask(harness.url, '/v1/tools/sandbox_echo/execute', {
      key: ada.key,
      body: { user: 'usr_ada', arguments: { message: 'x' }, wait: 'none' },
    });
    const path = String(receipt.headers.get('location'));
    expect((await get(path)).status).toBe(202);
    for (const { key } of [sibling, foreign]) expect((await get(path, key)).status).toBe(404);
    harness.executor.behaviour = async () => ({ state: 'succeeded' });
  });
});

describe('an execution that has not ended', () => {
  const post = (path: string, key = ada.key) => ask(harness.url, path, { key, method: 'POST' });
  const begin = async (body: object = {}) =>
    ask(harness.url, '/v1/tools/sandbox_echo/execute', {
      key: ada.key,
      body: { user: 'usr_ada', arguments: { message: 'x' }, wait: 'none', ...body },
    });
  const waitingFor: WaitingFor = {
    reason: 'connection_required',
    detail: 'Not connected.',
    connectUrl: 'https://connect.example/s',
    expiresAt: '2026-11-21T00:00:00.000Z',
  };

  it('is known to every replica, queued or running', async () => {
    harness.executor.behaviour = async () => undefined;
    const { body, headers } = await begin();
    const replica = await harness.startReplica();
    await waitFor(async () => (await get(String(headers.get('location')))).body['state'] === 'running');
    const answer = await ask(replica.url, String(headers.get('location')), { key: ada.key });
    expect([answer.status, answer.body]).toEqual([202, { id: body['id'], state: 'running' }]);
    await replica.service.stop();
  });

  it('is cancelled where it runs, by asking its executor; and nobody else cancels it', async () => {
    harness.executor.behaviour = async () => undefined;
    const { body, headers } = await begin();
    const path = `${String(headers.get('location'))}/cancel`;
    for (const { key } of [sibling, foreign]) expect((await post(path, key)).status).toBe(404);
    expect(harness.executor.cancelled).toEqual([]);
    const answer = await post(path);
    expect([answer.status, answer.body['id']]).toEqual([202, body['id']]);
    expect(harness.executor.cancelled).toEqual([{ org: ada.org, agent: ada.agent, execution: body['id'] }]);
  });

  it('that has ended is answered with its outcome when it is to be cancelled, and one that never was with 404', async () => {
    harness.executor.behaviour = async () => ({ state: 'succeeded', output: 1 });
    const { body } = await begin({ wait: 'result' });
    const answer = await post(`/v1/executions/${String(body['id'])}/cancel`);
    expect([answer.status, answer.body]).toEqual([200, body]);
    for (const id of [newId('exe'), 'exe_x', '*', '%3E']) expect((await post(`/v1/executions/${id}/cancel`)).status).toBe(404);
  });

  it('and waits for a person is accepted with where the person goes, is told as waiting, and ends when it is cancelled', async () => {
    harness.executor.behaviour = async ({ waitForMs }) => {
      expect(waitForMs).toBe(60_000);
      return { state: 'waiting_for_authorization', waitingFor };
    };
    const began = await begin({ wait: 'authorization', waitForMs: 60_000 });
    const receipt = { id: began.body['id'], state: 'waiting_for_authorization', waitingFor };
    expect([began.status, began.body]).toEqual([202, receipt]);
    const path = String(began.headers.get('location'));
    // The executor knows better than what was kept when it began to wait.
    const fresh = { ...waitingFor, connectUrl: 'https://connect.example/fresh' };
    harness.executor.waiting = () => ({ outcome: 'waiting', waitingFor: fresh });
    expect((await get(path)).body).toEqual({ ...receipt, waitingFor: fresh });
    harness.executor.waiting = () => ({ outcome: 'taken_up' });
    expect((await get(path)).body).toEqual({ id: receipt.id, state: 'running' });
    const result = { id: String(receipt.id), tool: 'sandbox_echo', state: 'cancelled' as const, connection: null, attempts: 0 };
    harness.executor.cancel = () => ({ outcome: 'ended', result: { ...result, durationMs: 1, traceId: 'c'.repeat(32) } });
    const answer = await post(`${path}/cancel`);
    expect([answer.status, answer.body['state']]).toEqual([200, 'cancelled']);
    harness.executor.waiting = () => ({ outcome: 'absent' });
    harness.executor.cancel = () => ({ outcome: 'noted' });
  });

  it.each([
    { waitForMs: 60_000 },
    { wait: 'authorization', waitForMs: 59_999 },
    { wait: 'authorization', waitForMs: 604_800_001 },
    { wait: 'authorization', dryRun: true },
    { deduplicate: true, idempotencyKey: 'one' },
  ])('is not begun where it is asked to wait in a way that makes no sense: %j', async (body) => {
    const answer = await begin(body);
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
  });
});

describe('GET /v1/connections', () => {
  const ids = async (query: string, key: string) =>
    ((await get(`/v1/connections${query}`, key)).body['connections'] as { id: string }[]).map(({ id }) => id);

  it('shows the calling agent’s own, as metadata', async () => {
    const mine = await harness.seed.agent(ada.org);
    const first = await harness.seed.connection(mine, 'usr_ada');
    const second = await harness.seed.connection(mine, 'usr_grace', 'revoked');
    expect(await ids('', mine.key)).toEqual([second, first]);
    expect(await ids('?user=usr_ada', mine.key)).toEqual([first]);
    expect(await ids('', foreign.key)).toEqual([]);
    const { body } = await get('/v1/connections?user=usr_ada', mine.key);
    expect(body['connections']).toEqual([
      {
        ...{ kind: 'agent', parameters: {}, account: { id: null, name: null }, authorizedBy: null },
        id: first,
        organization: mine.org,
        user: 'usr_ada',
        provider: 'sandbox',
        agent: mine.agent,
        alias: 'default',
        scopes: ['notes:read'],
        status: 'active',
        statusReason: null,
        createdAt: expect.any(String),
        updatedAt: expect.any(String),
        expiresAt: null,
      },
    ]);
  });

  it('goes through all pages once', async () => {
    const mine = await harness.seed.agent(ada.org);
    const made: string[] = [];
    for (let i = 0; i < 130; i++) made.push(await harness.seed.connection(mine, `usr_${i}`));
    const first = await get('/v1/connections', mine.key);
    const cursor = String(first.body['nextCursor']);
    const page = (first.body['connections'] as { id: string }[]).map(({ id }) => id);
    expect([...page, ...(await ids(`?cursor=${cursor}`, mine.key))]).toEqual(made.reverse());
    expect((await get(`/v1/connections?cursor=${cursor}&user=usr_1`, mine.key)).status).toBe(400);
  });
});

describe('POST /v1/connect-sessions', () => {
  const session = { id: newId('cse'), url: 'http://127.0.0.1:8081/connect/x', expiresAt: new Date().toISOString() };
  const post = (body: unknown) => ask(harness.url, '/v1/connect-sessions', { key: ada.key, body });

  it('is unavailable while auth-service is', async () => {
    const answer = await post({ user: 'usr_ada', provider: 'sandbox' });
    expect([answer.status, answer.body['code']]).toEqual([503, 'dependency_unavailable']);
  });

  it('asks auth-service in the name of the calling agent, and hands its answer on', async () => {
    const asked: unknown[] = [];
    const server = serveRequests(harness.nc, authRequests.createConnectSession, 'auth-service', async (payload) => {
      const request = parseOrThrow(connectSessionRequestSchema, payload);
      asked.push(request);
      if (request.provider !== 'sandbox') throw new KeywardError('not_found', 'There is no such provider.');
      return { outcome: 'created', session };
    });
    await harness.nc.flush();
    const answer = await post({ user: 'usr_ada', provider: 'sandbox' });
    expect([answer.status, answer.body]).toEqual([201, session]);
    expect(asked).toEqual([{ user: 'usr_ada', provider: 'sandbox', alias: 'default', org: ada.org, agent: ada.agent }]);
    const refused = await post({ user: 'usr_ada', provider: 'nowhere' });
    expect([refused.status, refused.body['code'], refused.body['detail']]).toEqual([
      404,
      'not_found',
      'There is no such provider.',
    ]);
    await server.close();
  });

  it('does not let the caller name organization or agent', async () => {
    for (const member of ['org', 'agent', 'organization']) {
      const answer = await post({ user: 'usr_ada', provider: 'sandbox', [member]: foreign.org });
      expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
    }
  });
});
