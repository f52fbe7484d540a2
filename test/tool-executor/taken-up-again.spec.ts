import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, type ExecutionRequested } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { refusedRefresh, Workbench } from './workbench.js';

const PAIR = `name: pair
title: Pair
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: ORIGIN/auth
  token_endpoint: ORIGIN/token
  scopes: { default: [openid] }
refresh: { rotates: true }
base_url: ORIGIN/api
origins: ['ORIGIN']
`;
const PAIR_TOOLS = `
- name: pair_make
  title: Make
  description: A tool of the tests.
  effect: write
  scopes: [things:write]
  input: { type: object, properties: { id: { type: string, maxLength: 64 } }, required: [id] }
  steps:
    - { id: first, request: { method: POST, path: /first, body: { id: $.id } } }
    - { id: second, request: { method: POST, path: /second, body: { id: $.id } } }
  idempotency: { header: Idempotency-Key }
`;

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => bench.reset());
afterAll(() => bench.stop());

const posts = () => bench.upstream.requests.filter(({ method }) => method === 'POST').length;
const answer = (status: number) => (bench.upstream.answer = (_request, response) => response.writeHead(status).end());

/** A write that the provider refused for want of a good grant, and that waits for one. */
async function waiting(idempotencyKey: string): Promise<ExecutionRequested> {
  answer(401);
  bench.onRefresh = () => refusedRefresh('needs_reauthorization');
  const request = bench.request('acme_create', { waitForMs: 60_000, idempotencyKey });
  expect((await bench.run(request)).state).toBe('waiting_for_authorization');
  expect(posts()).toBe(1);
  answer(200);
  return request;
}

const again = (request: ExecutionRequested): ExecutionRequested => ({ ...request, resumed: { epoch: 2, afterMs: 1 } });

describe('a write that waited in the middle', () => {
  it('is marked so in the moment in which it begins to wait', async () => {
    const { id } = await waiting('marked');
    expect(await bench.rows.find(bench.org, id)).toMatchObject({ waits: true });
  });

  it('frees its key where it ends before it is begun again', async () => {
    const request = await waiting('freed');
    bench.grant.permission = null;
    const result = await bench.run(again(request));
    expect([result.state, result.error?.code]).toEqual(['denied', 'tool_not_assigned']);
    expect(await bench.rows.find(bench.org, request.id)).toMatchObject({ waits: false, result: { state: 'denied' } });
    bench.grant.permission = 'destructive';
    expect(await bench.call('acme_create', { idempotencyKey: 'freed', timeoutMs: 1_000 })).toMatchObject({ state: 'succeeded' });
  });

  it('and was sent again is not sent a third time by a copy of the message, however late that comes', async () => {
    const request = await waiting('once');
    const settle = bench.rows.settle.bind(bench.rows);
    bench.rows.settle = () => Promise.reject(new KeywardError('dependency_unavailable', 'The database is not reachable.'));
    await expect(bench.run(again(request))).rejects.toMatchObject({ code: 'dependency_unavailable' });
    bench.rows.settle = settle;
    expect(posts()).toBe(2);
    expect(await bench.run(again(request))).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' } });
    expect(posts()).toBe(2);
  });

  it('comes again, not having been begun, where the database is away for a moment', async () => {
    const request = await waiting('away');
    bench.databaseIsDown = true;
    await expect(bench.run(again(request))).rejects.toMatchObject({ code: 'dependency_unavailable' });
    bench.databaseIsDown = false;
    expect(await bench.run(again(request), 2)).toMatchObject({ state: 'succeeded' });
    expect(posts()).toBe(2);
  });
});

it('two deliveries of one message that find the same wait as one', async () => {
  bench.grant.connection = null;
  const request = bench.request('acme_get', { waitForMs: 60_000 });
  const [first, second] = [await bench.run(request), await bench.run(request, 2)];
  expect([first.state, second.state]).toEqual(['waiting_for_authorization', 'waiting_for_authorization']);
  expect(second.waitingFor).toEqual(first.waitingFor);
});

describe('a call that an operator puts back', () => {
  const HOUR_MS = 3_600_000;
  const asked = (hoursAgo: number) => new Date(Date.now() - hoursAgo * HOUR_MS).toISOString();

  it('finds what was done of it, though it comes as if for the first time', async () => {
    const request = bench.request('acme_create');
    const first = await bench.run(request);
    expect(await bench.run(request, 1, 0, true)).toEqual(first);
    expect(posts()).toBe(1);
  });

  it('is not made where it is older than its idempotency key is kept: what was done under that since is forgotten', async () => {
    const old = bench.request('acme_create', { idempotencyKey: 'long ago', requestedAt: asked(25) });
    expect(await bench.run(old, 1, 0, true)).toMatchObject({ state: 'failed', error: { code: 'idempotency_conflict' } });
    expect(posts()).toBe(0);
    const younger = bench.request('acme_create', { idempotencyKey: 'today', requestedAt: asked(23) });
    expect((await bench.run(younger, 1, 0, true)).state).toBe('succeeded');
    const keyless = bench.request('acme_create', { requestedAt: asked(25) });
    expect((await bench.run(keyless, 1, 0, true)).state).toBe('succeeded');
  });
});

describe('an idempotency key', () => {
  const agedBy = (id: string, days: number) =>
    bench.owner.query(`UPDATE execution.execution SET created_at = created_at - $2 * interval '1 day' WHERE id = $1`, [id, days]);
  const isKept = async (key: string) => {
    await bench.waitingRows.purge(1_000);
    return (await bench.rows.findByKey(bench.org, bench.agent, key)) !== undefined;
  };

  it('of a call that waited for days is kept for a day from when it was carried out', async () => {
    const request = await waiting('patient');
    await agedBy(request.id, 3);
    expect(await isKept('patient')).toBe(true);
    expect((await bench.run(again(request))).state).toBe('succeeded');
    expect(await isKept('patient')).toBe(true);
    await bench.owner.query(`UPDATE execution.execution SET updated_at = now() - interval '25 hours' WHERE id = $1`, [
      request.id,
    ]);
    expect(await isKept('patient')).toBe(false);
  });

  it('of a call that waits no more, and whose message was given up, is not kept for ever', async () => {
    const { id } = await waiting('given up');
    await agedBy(id, 3);
    await bench.owner.query(`UPDATE execution.execution SET updated_at = created_at WHERE id = $1`, [id]);
    expect(await isKept('given up')).toBe(true);
    await bench.owner.query('DELETE FROM execution.waiting WHERE id = $1', [id]);
    expect(await isKept('given up')).toBe(false);
  });
});

it('a write that was carried out, but whose output could not be kept, says so: nobody must take it for undone', async () => {
  const large = JSON.stringify({ text: 'x'.repeat(120_000) });
  bench.upstream.answer = (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(large);
  bench.parts.artifacts = {
    keep: () => Promise.reject(new KeywardError('dependency_unavailable', 'The object store does not answer.')),
  };
  const result = await bench.call('acme_create', { idempotencyKey: 'kept' });
  bench.parts.artifacts = null;
  expect(result).toMatchObject({ state: 'failed', error: { code: 'response_too_large' } });
  expect(result.error?.detail).toContain('The call was carried out');
  expect(await bench.call('acme_create', { idempotencyKey: 'kept' })).toMatchObject({ error: { code: 'response_too_large' } });
  expect(posts()).toBe(1);
});

it('what many calls wait for wakes them some at a time, each once', async () => {
  bench.grant.connection = null;
  const provider = 'acme';
  for (let count = 0; count < 5; count++) await bench.call('acme_get', { waitForMs: 60_000, agent: 'agt_of_many' });
  const sign = { org: bench.org, provider, agent: 'agt_of_many', user: 'usr_ada', connection: 'conn_a', event: 'authorized' };
  const sinceMs = performance.now();
  const woken = [await bench.waitingRows.wake([sign], 3, 0)];
  // One that is back in the meantime has seen what the event told.
  await bench.owner.query(`UPDATE execution.waiting SET state = 'waiting', looked_at = clock_timestamp() WHERE id = $1`, [
    woken[0]?.[0]?.id,
  ]);
  woken.push(await bench.waitingRows.wake([sign], 3, performance.now() - sinceMs));
  expect(woken.map((rows) => rows.length)).toEqual([3, 2]);
  expect(new Set(woken.flat().map(({ id }) => id)).size).toBe(5);
});

it('calls under one key that wait for the first take no more than their share of the places', async () => {
  let finish: () => void = () => undefined;
  bench.upstream.answer = (_request, response) => (finish = () => response.writeHead(200).end());
  const first = bench.call('acme_create', { idempotencyKey: 'crowd' });
  await waitFor(() => posts() === 1);
  const others = Array.from({ length: 40 }, () => bench.call('acme_create', { idempotencyKey: 'crowd' }));
  const refused = await waitFor(async () => {
    const known = await Promise.all(others.map((each) => Promise.race([each, undefined])));
    const ended = known.filter((result) => result !== undefined);
    return ended.length === 8 ? ended : undefined;
  });
  expect(refused.map(({ error }) => error?.code)).toEqual(Array.from({ length: 8 }, () => 'rate_limited'));
  finish();
  expect((await first).state).toBe('succeeded');
  expect((await Promise.all(others)).filter(({ state }) => state === 'succeeded')).toHaveLength(32);
  expect((await bench.call('acme_create', { idempotencyKey: 'crowd' })).state).toBe('succeeded');
  expect(posts()).toBe(1);
});

it('a write of several steps that was interrupted is not called done in part where the rest may be done, too', async () => {
  bench.deploy('pair', PAIR.replaceAll('ORIGIN', bench.upstream.origin), PAIR_TOOLS);
  const request = bench.request('pair_make');
  const { id, org, agent, user, tool } = request;
  const toolVersion = (await bench.parts.catalogs.of(org)).tool(tool).version;
  const row = { id, org, agent, user, tool, connection: bench.connection.id, idempotencyKey: undefined, toolVersion };
  await bench.rows.insert({ ...row, requestHash: Buffer.alloc(32) });
  bench.upstream.answer = (sent, response) =>
    sent.url === '/api/second' ? response.writeHead(429, { 'retry-after': '3600' }).end() : response.writeHead(200).end();
  expect(await bench.run(request, 2)).toMatchObject({
    ...{ state: 'unknown', error: { code: 'outcome_unknown', completedSteps: ['first'] } },
  });
});
