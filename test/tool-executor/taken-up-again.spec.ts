import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, type ExecutionRequested } from '@keyward/contracts';
import { refusedRefresh, Workbench } from './workbench.js';

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
