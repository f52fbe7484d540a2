import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, newId } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Workbench } from './workbench.js';

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => bench.reset());
afterAll(() => bench.stop());

/** Each answer says which request it is to. */
function count(): void {
  bench.upstream.answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(`{"n":${bench.upstream.requests.length}}`);
}

describe('an idempotency key', () => {
  it('gives the first result again for the same request, under the id of the second', async () => {
    count();
    const key = { idempotencyKey: 'k1', arguments: { id: 'a' } };
    const first = await bench.call('acme_create', key);
    const again = await bench.call('acme_create', key);
    expect(again.id).not.toBe(first.id);
    expect(again).toMatchObject({ state: 'succeeded', output: { n: 1 }, connection: first.connection, attempts: 1 });
    expect(bench.upstream.requests).toHaveLength(1);
    expect(bench.audited.map((event) => event.execution)).toEqual([first.id, again.id]);
    expect(bench.audited.map((event) => event.reason?.includes(first.id))).toEqual([undefined, true]);
  });

  it('does not depend on the order or spelling of the arguments’ JSON', async () => {
    await bench.call('acme_create', { idempotencyKey: 'k2', arguments: JSON.parse('{"id":"\\u0061"}') });
    await bench.call('acme_create', { idempotencyKey: 'k2', arguments: { id: 'a' } });
    expect(bench.upstream.requests).toHaveLength(1);
  });

  it.each([
    ['other arguments', { arguments: { id: 'b' } }],
    ['another user', { user: 'usr_eve' }],
    ['another tool', { tool: 'acme_wipe' }],
    ['another connection', { connection: newId('conn') }],
  ])('used for %s is a conflict', async (what, change) => {
    await bench.call('acme_create', { idempotencyKey: what });
    const result = await bench.call('acme_create', { idempotencyKey: what, ...change });
    expect(result).toMatchObject({ state: 'failed', error: { code: 'idempotency_conflict' }, attempts: 0 });
    expect(bench.upstream.requests).toHaveLength(1);
  });

  it('belongs to one agent of one organization', async () => {
    await bench.call('acme_create', { idempotencyKey: 'k3' });
    await bench.call('acme_create', { idempotencyKey: 'k3', agent: newId('agt') });
    await bench.call('acme_create', { idempotencyKey: 'k3', org: newId('org') });
    expect(bench.upstream.requests).toHaveLength(3);
  });

  it('sent twenty times at once lets one request out, and all get its result', async () => {
    let answer: (() => void) | undefined;
    bench.upstream.answer = (_request, response) => {
      answer = () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"n":1}');
    };
    const running = Array.from({ length: 20 }, () => bench.call('acme_create', { idempotencyKey: 'k4' }));
    await waitFor(() => answer);
    answer?.();
    const results = await Promise.all(running);
    expect(new Set(results.map((result) => JSON.stringify([result.state, result.output])))).toEqual(
      new Set(['["succeeded",{"n":1}]']),
    );
    expect(new Set(results.map((result) => result.id)).size).toBe(20);
    expect(bench.upstream.requests).toHaveLength(1);
    expect(bench.audited).toHaveLength(20);
  });

  it('whose first call does not end is waited for up to the deadline', async () => {
    bench.upstream.answer = () => undefined;
    const first = bench.call('acme_create', { idempotencyKey: 'k5', timeoutMs: 600 });
    await waitFor(() => bench.upstream.requests.length === 1);
    const second = await bench.call('acme_create', { idempotencyKey: 'k5', timeoutMs: 150 });
    expect(second).toMatchObject({ state: 'expired', error: { code: 'deadline_exceeded' }, attempts: 0 });
    expect((await first).state).toBe('unknown');
  });

  it.each<[string, number, string, number]>([
    ['a refusal of the provider', 422, 'failed', 1],
    ['an unknown outcome', 500, 'unknown', 1],
  ])('remembers %s (%i)', async (what, status, state, rounds) => {
    bench.upstream.answer = (_request, response) => response.writeHead(status, { 'retry-after': '60' }).end();
    const [first, again] = [
      await bench.call('acme_create', { idempotencyKey: what }),
      await bench.call('acme_create', { idempotencyKey: what }),
    ];
    expect([first.state, again.state, first.error?.code]).toEqual([state, state, again.error?.code]);
    expect(bench.upstream.requests).toHaveLength(rounds);
  });

  it('is free again after a rate limit, which is no result', async () => {
    bench.upstream.answer = (_request, response) => response.writeHead(429, { 'retry-after': '1' }).end();
    const result = await bench.call('acme_create', { idempotencyKey: 'limited', timeoutMs: 500 });
    expect(result.error?.code).toBe('rate_limited');
    expect(await bench.rows.findByKey(bench.org, bench.agent, 'limited')).toBeUndefined();
  });

  it('is derived where that is asked for: the same request is one execution, another one is another', async () => {
    const [first, again] = [
      await bench.call('acme_create', { deduplicate: true }),
      await bench.call('acme_create', { deduplicate: true }),
    ];
    expect([first.state, { ...again, id: first.id, traceId: first.traceId }]).toEqual(['succeeded', first]);
    for (const change of [{ arguments: { id: 'two' } }, { user: 'usr_grace' }]) {
      expect((await bench.call('acme_create', { deduplicate: true, ...change })).state).toBe('succeeded');
    }
    expect(bench.upstream.requests).toHaveLength(3);
  });

  it('is free again after a call that was not sent', async () => {
    bench.connection.refreshable = false;
    bench.connection.accessExpiresInMs = -1;
    expect((await bench.call('acme_create', { idempotencyKey: 'k6' })).error?.code).toBe('needs_reauthorization');
    bench.connection.accessExpiresInMs = null;
    expect((await bench.call('acme_create', { idempotencyKey: 'k6' })).state).toBe('succeeded');
  });

  it('does not matter to reads, which are simply made', async () => {
    await bench.call('acme_get', { idempotencyKey: 'k7' });
    await bench.call('acme_get', { idempotencyKey: 'k7' });
    expect(bench.upstream.requests).toHaveLength(2);
  });
});

describe('a write that the provider can be asked about', () => {
  /** What the provider has carried out, by the reference that it was given. */
  let orders: Map<string, object>;
  /** Whether it shows them, and whether it answers after it has carried one out. */
  let [shows, answers] = [true, false];
  const posts = () => bench.upstream.requests.filter(({ method }) => method === 'POST').length;

  beforeEach(() => {
    [orders, shows, answers] = [new Map(), true, false];
    bench.upstream.answer = (request, response) => {
      const sent = new URL(request.url ?? '', 'http://acme');
      if (request.method === 'GET') {
        const found = shows ? orders.get(sent.searchParams.get('reference') ?? '') : undefined;
        response.writeHead(200, { 'content-type': 'application/json' });
        return response.end(JSON.stringify({ orders: found === undefined ? [] : [found] }));
      }
      const { id, reference } = JSON.parse(bench.upstream.requests.at(-1)?.body ?? '') as { id: string; reference: string };
      orders.set(reference, { id, number: orders.size + 1 });
      return answers ? response.writeHead(200).end('{}') : request.socket.destroy();
    };
  });

  it('is found where its answer was lost, and is not sent again', async () => {
    const result = await bench.call('acme_order');
    expect(result).toMatchObject({ state: 'succeeded', output: { id: 'one', number: 1 } });
    expect([posts(), result.error]).toEqual([1, undefined]);
  });

  it('is looked for though the time is over', async () => {
    const { answer } = bench.upstream;
    bench.upstream.answer = (request, response, recorded) => {
      if (request.method === 'GET') return answer(request, response, recorded);
      orders.set((JSON.parse(bench.upstream.requests.at(-1)?.body ?? '') as { reference: string }).reference, { late: true });
      return undefined;
    };
    expect(await bench.call('acme_order', { timeoutMs: 300 })).toMatchObject({ state: 'succeeded', output: { late: true } });
    expect(posts()).toBe(1);
  });

  it('stays unknown where it does not show, with what is known; and is found when its key is used again', async () => {
    shows = false;
    const first = await bench.call('acme_order', { idempotencyKey: 'order' });
    expect(first).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown', sentAt: expect.any(String) } });
    expect(await bench.call('acme_order', { idempotencyKey: 'order' })).toMatchObject({ state: 'unknown' });
    shows = true;
    const found = { state: 'succeeded', output: { id: 'one', number: 1 } };
    const again = await bench.call('acme_order', { idempotencyKey: 'order' });
    expect([again, again.error]).toMatchObject([found, undefined]);
    shows = false;
    expect(await bench.call('acme_order', { idempotencyKey: 'order' })).toMatchObject(found);
    expect(posts()).toBe(1);
  });

  it('is found by whoever takes over from a process that ended in the middle, or stays unknown, and is not sent again', async () => {
    const left = async () => {
      const request = bench.request('acme_order');
      const { id, org, agent, user, tool } = request;
      const row = { id, org, agent, user, tool, connection: bench.connection.id, requestHash: Buffer.alloc(32) };
      await bench.rows.insert({ ...row, idempotencyKey: undefined, toolVersion: undefined });
      return request;
    };
    const [sent, unsent] = [await left(), await left()];
    orders.set(sent.id, { id: 'one', number: 7 });
    expect(await bench.run(sent, 2)).toMatchObject({ state: 'succeeded', output: { number: 7 } });
    expect(await bench.run(unsent, 2)).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' } });
    expect(posts()).toBe(0);
  });
});

describe('no acknowledgement of the audit trail, no result', () => {
  it('and a write is not sent again when its message comes again', async () => {
    count();
    bench.auditIsDown = true;
    const request = bench.request('acme_create');
    for (const deliveries of [1, 2, 3]) {
      await expect(bench.run(request, deliveries)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    }
    bench.auditIsDown = false;
    const result = await bench.run(request, 4);
    expect(result).toMatchObject({ id: request.id, state: 'succeeded', output: { n: 1 }, attempts: 1 });
    expect(bench.upstream.requests).toHaveLength(1);
    const once = await bench.run(request, 5);
    expect(once).toEqual(result);
    // Recorded again as the same event, which is no second one.
    expect(bench.audited[1]).toEqual(bench.audited[0]);
  });

  it('and is told as it ended, though the organization has taken its connector away or made the tool one that reads', async () => {
    count();
    const known = await bench.parts.catalogs.of(bench.org);
    const { provider, ...tool } = known.tool('acme_create');
    const reading = { of: () => Promise.resolve({ tool: () => ({ ...tool, provider, effect: 'read' }) }) };
    for (const later of [{ of: () => Promise.resolve(known.without('acme')) }, reading]) {
      bench.auditIsDown = true;
      const request = bench.request('acme_create');
      await expect(bench.run(request)).rejects.toMatchObject({ code: 'dependency_unavailable' });
      bench.auditIsDown = false;
      const { catalogs } = bench.parts;
      bench.parts.catalogs = later as typeof catalogs;
      expect(await bench.run(request, 2)).toMatchObject({ id: request.id, state: 'succeeded', attempts: 1 });
      bench.parts.catalogs = catalogs;
    }
    expect(bench.upstream.requests).toHaveLength(2);
  });

  it('and waits past its deadline for a database without which its tool is not known', async () => {
    const request = bench.request('acme_create', { timeoutMs: 1 });
    bench.parts.catalogs = { of: () => Promise.reject(new KeywardError('dependency_unavailable', 'away')) };
    await expect(bench.run(request, 2)).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('a read is made anew', async () => {
    bench.auditIsDown = true;
    const request = bench.request('acme_get');
    await expect(bench.run(request)).rejects.toBeInstanceOf(KeywardError);
    bench.auditIsDown = false;
    expect((await bench.run(request, 2)).state).toBe('succeeded');
  });

  it('denials included', async () => {
    bench.auditIsDown = true;
    bench.grant.permission = null;
    await expect(bench.call('acme_get')).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });
});

describe('a message that comes again after its process died in the middle', () => {
  /** What such a process leaves behind: the intent, and nothing else. */
  async function interrupted(tool: string, timeoutMs = 5_000, ofVersion?: string) {
    const request = bench.request(tool, { idempotencyKey: newId('msg'), timeoutMs });
    const { id, org, agent, user, idempotencyKey } = request;
    const row = {
      id,
      org,
      agent,
      user,
      tool,
      connection: bench.connection.id,
      idempotencyKey,
      requestHash: Buffer.alloc(32),
      toolVersion: ofVersion ?? (await bench.parts.catalogs.of(org)).tool(tool).version,
    };
    expect(await bench.rows.insert(row)).toBe(true);
    return request;
  }

  it('is never sent again where that could do it twice: its outcome is unknown, for good', async () => {
    const request = await interrupted('acme_create');
    const result = await bench.run(request, 2);
    expect(result).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' }, attempts: 0 });
    expect(await bench.run(request, 3)).toEqual(result);
    expect(bench.upstream.requests).toEqual([]);
    expect(bench.audited).toMatchObject([{ state: 'unknown' }, { state: 'unknown' }]);
  });

  it('is sent again under the same key where the provider knows it', async () => {
    const request = await interrupted('acme_put');
    expect(await bench.run(request, 2)).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(bench.upstream.requests).toMatchObject([{ headers: { 'idempotency-key': request.id } }]);
  });

  it('is not sent again where the tool was another one then: the provider may not know that key', async () => {
    const request = await interrupted('acme_put', 5_000, 'of the day before');
    expect(await bench.run(request, 2)).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' } });
    expect(bench.upstream.requests).toEqual([]);
  });

  it('is not sent again where it was begun so long ago that the provider may have forgotten its key', async () => {
    const request = await interrupted('acme_put');
    await bench.owner.query(`UPDATE execution.execution SET created_at = now() - interval '13 hours' WHERE id = $1`, [
      request.id,
    ]);
    expect(await bench.run(request, 2)).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' } });
    expect(bench.upstream.requests).toEqual([]);
  });

  it('is unknown, whatever else is wrong by then', async () => {
    const cases: [string, () => void][] = [
      ['connection_required', () => (bench.grant.connection = null)],
      ['tool_not_assigned', () => (bench.grant.permission = null)],
      ['provider_unavailable', () => (bench.upstream.answer = (request) => request.socket.destroy())],
    ];
    for (const [, given] of cases) {
      bench.reset();
      const request = await interrupted('acme_put');
      given();
      expect(await bench.run(request, 2)).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' } });
    }
    bench.reset();
    expect(await bench.run(await interrupted('acme_put', -1), 2)).toMatchObject({ state: 'unknown' });
    expect(bench.upstream.requests).toEqual([]);
  });

  it('keeps its result though its deadline has passed', async () => {
    const request = bench.request('acme_create', { timeoutMs: 300 });
    const result = await bench.run(request);
    expect(await bench.run(request, 2, 301)).toEqual(result);
    expect(bench.upstream.requests).toHaveLength(1);
  });

  it('a process that was only slow can not overwrite what was said meanwhile', async () => {
    let answer: (() => void) | undefined;
    bench.upstream.answer = (_request, response) => (answer = () => response.end('late'));
    const request = bench.request('acme_create');
    const slow = bench.run(request);
    await waitFor(() => answer);
    const said = await bench.run(request, 2);
    expect(said.state).toBe('unknown');
    answer?.();
    expect(await slow).toEqual(said);
    expect(bench.upstream.requests).toHaveLength(1);
  });

  it('belongs to who took it up last, while that one still works on it', async () => {
    const request = await interrupted('acme_put');
    const result = await bench.call('acme_get');
    expect(await bench.rows.takeOver(bench.org, request.id, 1)).toBe(2);
    expect(await bench.rows.takeOver(bench.org, request.id, 1)).toBeUndefined();
    expect(await bench.rows.settle(bench.org, request.id, 1, result, false)).toBe(false);
    expect(await bench.rows.settle(bench.org, request.id, 2, result, false)).toBe(true);
    expect(await bench.rows.takeOver(bench.org, request.id, 2)).toBeUndefined();
  });

  it('taken up by two at once is sent by one', async () => {
    const request = await interrupted('acme_put');
    const results = await Promise.allSettled([bench.run(request, 2), bench.run(request, 3)]);
    expect(bench.upstream.requests.length).toBeLessThanOrEqual(2);
    const keys = new Set(bench.upstream.requests.map(({ headers }) => headers['idempotency-key']));
    expect([...keys]).toEqual([request.id]);
    expect(results.some((result) => result.status === 'fulfilled' && result.value.state === 'succeeded')).toBe(true);
  });
});

describe('when something of ours is away', () => {
  it('a call on which nothing has happened comes again while its deadline allows, then says so', async () => {
    bench.databaseIsDown = true;
    for (const tool of ['acme_get', 'acme_create']) {
      await expect(bench.call(tool)).rejects.toMatchObject({ code: 'dependency_unavailable' });
      expect(await bench.call(tool, { timeoutMs: 100 })).toMatchObject({
        state: 'failed',
        error: { code: 'dependency_unavailable' },
      });
    }
    expect(bench.audited).toHaveLength(2);
  });

  it('a write that came again is not called failed before its history is known', async () => {
    const find = bench.rows.find.bind(bench.rows);
    bench.rows.find = () => Promise.reject(new KeywardError('dependency_unavailable', 'The database is not reachable.'));
    await expect(bench.run(bench.request('acme_create', { timeoutMs: -1 }), 2)).rejects.toMatchObject({
      code: 'dependency_unavailable',
    });
    bench.rows.find = find;
    expect(bench.audited).toEqual([]);
  });

  it('a write whose result can not be stored gives none; what was said later is that nobody knows', async () => {
    const settle = bench.rows.settle.bind(bench.rows);
    bench.rows.settle = () => Promise.reject(new KeywardError('dependency_unavailable', 'The database is not reachable.'));
    const request = bench.request('acme_create');
    await expect(bench.run(request)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    bench.rows.settle = settle;
    expect(bench.audited).toEqual([]);
    expect(await bench.run(request, 2)).toMatchObject({ state: 'unknown' });
    expect(bench.upstream.requests).toHaveLength(1);
  });
});

it('stores and gives again whatever a provider answers, also what PostgreSQL’s jsonb refuses', async () => {
  const body = '{"nul":"\\u0000","half":"\\ud800","big":123456789012345678901234567890,"text":"\\"\\\\"}';
  bench.upstream.answer = (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  const request = bench.request('acme_create');
  const result = await bench.run(request);
  const output = { ...(JSON.parse(body) as object), big: '123456789012345678901234567890' };
  expect(result).toMatchObject({ state: 'succeeded', output });
  expect(await bench.run(request, 2)).toEqual(result);
});

it('rows of one organization do not exist for another', async () => {
  const request = bench.request('acme_create');
  await bench.run(request);
  expect(await bench.rows.find(request.org, request.id)).toBeDefined();
  expect(await bench.rows.find(newId('org'), request.id)).toBeUndefined();
  expect(await bench.rows.takeOver(newId('org'), request.id, 1)).toBeUndefined();
});
