import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, newId, type ExecutionRequested, type ExecutionResult } from '@keyward/contracts';
import { EgressError } from '@keyward/egress';
import { createMemoryQuotaStore } from '@keyward/limits';
import { waitFor } from '@keyward/testing';
import { Call } from '../../apps/tool-executor/src/execute/call.js';
import { execute } from '../../apps/tool-executor/src/execute/execute.js';
import { Workbench } from './workbench.js';

let bench: Workbench;
/** When requests arrived, on the clock of this process. */
let arrivals: number[];

beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => {
  bench.reset();
  arrivals = [];
  answer(() => ({ status: 200 }));
});
afterAll(() => bench.stop());

const TOOLS = `
- name: paced_get
  title: Get
  description: A tool of the tests.
  effect: read
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
`;
const WRITING = `
- name: paced_create
  title: Create
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: POST, path: /things, body: { id: $.id } }
  limits: { bucket: writes, cost: 2 }
`;

/** A connector with these limits, as they stand in a manifest. */
function deploy(limits: string, tools = TOOLS): void {
  const { origin } = bench.upstream;
  const places = `base_url: ${origin}/api\norigins: ['${origin}']\nauth: { kind: api_key }\n`;
  bench.deploy('paced', `name: paced\ntitle: Paced\n${places}limits: ${limits}\n`, tools);
}

interface Said {
  status: number;
  headers?: Record<string, string>;
}

function answer(say: (id: string) => Said): void {
  bench.upstream.answer = (request, response) => {
    arrivals.push(performance.now());
    const { status, headers = {} } = say(request.url?.split('/').at(-1) ?? '');
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{}');
  };
}

const get = (more: Partial<ExecutionRequested> = {}) => bench.call('paced_get', more);
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

/** As if the call came to a second replica, which shares nothing but the store and the bus. */
function second(store = createMemoryQuotaStore()) {
  const limits = bench.limitsOver(store);
  const run = (request: ExecutionRequested) => execute({ ...bench.parts, limits }, new Call(request));
  return { limits, get: (more: Partial<ExecutionRequested> = {}) => run(bench.request('paced_get', more)) };
}

describe('a quota', () => {
  it('is kept by two replicas together, and what waited for it says so', async () => {
    deploy('{ quotas: [{ per: connection, requests: 3, seconds: 1 }] }');
    const store = createMemoryQuotaStore();
    bench.parts.limits = bench.limitsOver(store);
    const other = second(store);
    const began = performance.now();
    const results = await Promise.all(times(8, (index) => (index % 2 === 0 ? get() : other.get())));
    expect(results.map(({ state }) => state)).toEqual(times(8, () => 'succeeded'));
    // However long each was on its way: the fourth can not have left within the window of the first.
    expect((arrivals[3] ?? 0) - began).toBeGreaterThanOrEqual(990);
    expect((arrivals[6] ?? 0) - began).toBeGreaterThanOrEqual(1_990);
    expect(results.filter(({ rateLimit }) => (rateLimit?.waitedMs ?? 0) > 0).length).toBeGreaterThanOrEqual(5);
    expect(results[0]?.rateLimit).toMatchObject({ limit: 3, remaining: expect.any(Number) });
    const metrics = await bench.metrics.metrics();
    expect(metrics).toMatch(/rate_limit_wait_seconds_count\{provider="paced",reason="quota"\} [5-9]/);
  });

  it('that can not be had in time is refused at once, in words, and audited; nothing is sent', async () => {
    deploy('{ quotas: [{ per: connection, requests: 1, seconds: 60 }] }');
    await get();
    const began = performance.now();
    const refused = await get({ timeoutMs: 3_000 });
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(refused).toMatchObject({
      state: 'failed',
      attempts: 0,
      error: {
        code: 'rate_limited',
        status: 429,
        detail: 'The quota that this account has at Paced is used up: 1 request in 60 s.',
        retryAfterMs: expect.any(Number),
      },
    });
    expect(refused.error?.retryAfterMs).toBeGreaterThan(50_000);
    expect(bench.audited.at(-1)).toMatchObject({ state: 'failed', errorCode: 'rate_limited' });
    expect(arrivals).toHaveLength(1);
  });

  it('is each connection’s own, or the registration’s, and each bucket’s; a tool costs what it says', async () => {
    const [reads, writes] = ['per: connection, requests: 1, seconds: 60', 'bucket: writes, per: app, requests: 5, seconds: 60'];
    deploy(`{ quotas: [{ ${reads} }, { ${writes} }] }`, TOOLS + WRITING);
    const short = { timeoutMs: 1_000 };
    const states = async (tool: string, connections: number) => {
      const found: string[] = [];
      for (let turn = 0; turn < connections; turn++) {
        bench.connection.id = newId('conn');
        found.push((await bench.call(tool, short)).error?.code ?? 'succeeded');
      }
      return found;
    };
    expect(await states('paced_get', 3)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(await states('paced_create', 3)).toEqual(['succeeded', 'succeeded', 'rate_limited']);
    const refused = await bench.call('paced_create', short);
    expect(refused.error?.detail).toBe(
      'The quota that all connections of your registration share at Paced is used up: 5 requests in 60 s.',
    );
    expect(await states('paced_get', 1)).toEqual(['succeeded']);
  });

  it('of several windows is kept in each', async () => {
    deploy('{ quotas: [{ per: connection, requests: 2, seconds: 1 }, { per: connection, requests: 3, seconds: 60 }] }');
    const began = performance.now();
    const results = await Promise.all(times(4, () => get({ timeoutMs: 4_000 })));
    expect(results.map(({ error }) => error?.code ?? 'succeeded').sort()).toEqual([
      'rate_limited',
      ...times(3, () => 'succeeded'),
    ]);
    expect((arrivals[2] ?? 0) - began).toBeGreaterThanOrEqual(990);
  });

  it('is not used by a request that did not leave', async () => {
    deploy('{ max_attempts: 1, quotas: [{ per: connection, requests: 1, seconds: 60 }] }');
    const { egress } = bench.parts;
    const refusing = () => Promise.reject(new EgressError('provider_unavailable', 'Nobody listens there.', false));
    bench.parts.egress = { send: refusing };
    expect(await get()).toMatchObject({ error: { code: 'provider_unavailable' } });
    bench.parts.egress = egress;
    expect(await get()).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(await get({ timeoutMs: 1_000 })).toMatchObject({ attempts: 0, error: { code: 'rate_limited' } });
  });

  it('is told of lower by the provider, and every replica heeds it', async () => {
    deploy('{ quotas: [{ per: connection, requests: 1000, seconds: 60 }] }');
    const store = createMemoryQuotaStore();
    bench.parts.limits = bench.limitsOver(store);
    answer(() => ({
      status: 200,
      headers: { 'x-ratelimit-limit': '1000', 'x-ratelimit-remaining': '2', 'x-ratelimit-reset': '50' },
    }));
    expect((await get()).rateLimit).toEqual({ waitedMs: expect.any(Number), limit: 1000, remaining: 2, resetMs: 50_000 });
    const other = second(store);
    const results = await Promise.all(times(4, () => other.get({ timeoutMs: 1_000 })));
    expect(results.map(({ error }) => error?.code ?? 'succeeded').sort()).toEqual([
      'rate_limited',
      'rate_limited',
      'succeeded',
      'succeeded',
    ]);
  });
});

describe('a pause that the provider asks for', () => {
  // It asks for less than its window would take: what is asked for counts.
  const window = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '3000' };
  const paused: Said = { status: 429, headers: { 'retry-after': '1', ...window } };

  it('is waited for by the call itself, by the others for this account, and by the other replicas', async () => {
    deploy('{}');
    let isPaused = true;
    answer(() => (isPaused ? ((isPaused = false), paused) : { status: 200 }));
    const first = get();
    await waitFor(() => bench.pauses.length === 1);
    const other = second();
    other.limits.pause(bench.pauses[0] as (typeof bench.pauses)[number]);
    const results = await Promise.all([first, get(), other.get()]);
    expect(results.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['succeeded', 2],
      ['succeeded', 1],
      ['succeeded', 1],
    ]);
    for (const { rateLimit } of results) expect(rateLimit?.waitedMs).toBeGreaterThan(0);
    expect((arrivals[1] ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThanOrEqual(900);
    expect(bench.pauses).toEqual([{ key: `${bench.org} ${bench.connection.id} paced default`, pauseMs: 1_000 }]);
  });

  it('is heeded by a replica that was not told of it, where a quota is shared', async () => {
    deploy('{ quotas: [{ per: connection, requests: 1000, seconds: 60 }] }');
    const store = createMemoryQuotaStore();
    bench.parts.limits = bench.limitsOver(store);
    answer(() => paused);
    await get({ timeoutMs: 500 });
    answer(() => ({ status: 200 }));
    const other = await second(store).get();
    expect(other).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(other.rateLimit?.waitedMs).toBeGreaterThan(0);
  });

  it('does not concern another connection', async () => {
    deploy('{}');
    answer(() => paused);
    await get({ timeoutMs: 500 });
    bench.connection.id = newId('conn');
    answer(() => ({ status: 200 }));
    expect(await get()).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  it.each<[string, Said]>([
    ['seconds', { status: 429, headers: { 'retry-after': '120' } }],
    ['a moment', { status: 429, headers: { 'retry-after': new Date(Date.now() + 120_000).toUTCString() } }],
    ['a used up window', { status: 429, headers: { ratelimit: '"default";r=0;t=120' } }],
    ['a customary field', { status: 429, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '120' } }],
  ])('as %s is not slept through where it does not fit: that call and the next are refused at once', async (_how, said) => {
    deploy('{}');
    answer(() => said);
    const began = performance.now();
    expect(await get()).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'rate_limited', providerStatus: 429 } });
    const refused = await get();
    expect(refused).toMatchObject({
      attempts: 0,
      error: { code: 'rate_limited', detail: expect.stringMatching(/^Paced asked for a pause/) },
    });
    expect(refused.error?.retryAfterMs).toBeGreaterThan(60_000);
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(arrivals).toHaveLength(1);
  });

  it.each(['-5', '99999999999', 'NaN', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT', ''])('as %j holds nobody up', async (value) => {
    deploy('{}');
    let left = 1;
    answer(() => (left-- > 0 ? { status: 429, headers: { 'retry-after': value } } : { status: 200 }));
    expect(await get({ timeoutMs: 3_000 })).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect(bench.pauses).toEqual([]);
  });

  it('is foreseen from a success that used the last one', async () => {
    deploy('{}');
    answer(() => ({
      status: 200,
      headers: { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' },
    }));
    expect((await get()).rateLimit).toEqual({ waitedMs: 0, limit: 60, remaining: 0, resetMs: 1_000 });
    const [next] = [await get()];
    expect(next.rateLimit?.waitedMs).toBeGreaterThan(0);
    expect(bench.pauses.length).toBeGreaterThan(0);
  });
});

describe('a provider that fails', () => {
  it('is not called any more until it is worth a try, and the call says so at once', async () => {
    deploy('{ max_attempts: 1 }');
    answer(() => ({ status: 503 }));
    const results: ExecutionResult[] = [];
    for (let call = 0; call < 25; call++) results.push(await get());
    expect(arrivals).toHaveLength(20);
    expect(results.at(-1)).toMatchObject({
      state: 'failed',
      attempts: 0,
      error: {
        code: 'provider_unavailable',
        detail: 'Paced has been failing, so nothing is sent to it for a moment.',
        retryAfterMs: expect.any(Number),
      },
    });
    expect(bench.audited.at(-1)).toMatchObject({ state: 'failed', errorCode: 'provider_unavailable' });
    expect(await bench.metrics.metrics()).toMatch(/tool_limit_refusals_total\{provider="paced",reason="circuit"\} 5/);
  });

  it('with 4xx is not one', async () => {
    deploy('{}');
    answer(() => ({ status: 404 }));
    for (let call = 0; call < 60; call++) await get();
    expect(arrivals).toHaveLength(60);
  });

  it('is not sent more than two fifths more, and the call says why it was not tried again', async () => {
    deploy('{ max_attempts: 5 }');
    answer((id) => ({ status: id === 'bad' ? 503 : 200 }));
    for (let call = 0; call < 200; call++) await get();
    const failed: ExecutionResult[] = [];
    for (let call = 0; call < 50; call++) failed.push(await get({ arguments: { id: 'bad' } }));
    expect(arrivals.length - 250).toBeLessThanOrEqual(10 + 0.4 * 250);
    expect(arrivals.length - 250).toBeGreaterThan(90);
    expect(failed.at(-1)).toMatchObject({
      attempts: 1,
      error: {
        code: 'provider_error',
        providerStatus: 503,
        detail:
          'The provider answered with status 503. It was not tried again, because many requests to Paced fail at the moment.',
      },
    });
  });

  it('a fifth of the time still answers 99.9 % of reads', async () => {
    deploy('{}');
    const sent = new Map<string, number>();
    answer((id) => {
      const attempt = (sent.get(id) ?? 0) + 1;
      sent.set(id, attempt);
      // The same requests fail in every run: a fifth, as far as a hash is even.
      return { status: (Number(id) * 2_654_435_761 + attempt * 40_503 * 65_537) % 1_000 < 200 ? 503 : 200 };
    });
    let next = 0;
    const loop = async (): Promise<ExecutionResult[]> => {
      const results: ExecutionResult[] = [];
      while (next < 2_000) results.push(await get({ arguments: { id: String(next++) }, timeoutMs: 30_000 }));
      return results;
    };
    const results = (await Promise.all(times(32, loop))).flat();
    expect(arrivals.length / 2_000).toBeGreaterThan(1.2);
    expect(results.filter(({ state }) => state === 'succeeded').length).toBeGreaterThanOrEqual(1_998);
  });
});

describe('the waiting line', () => {
  /** The provider holds every request until it is let go. */
  function holding(): { release(): void; held: () => string[] } {
    const waiting: { id: string; end: () => void }[] = [];
    bench.upstream.answer = (request, response) => {
      arrivals.push(performance.now());
      const end = () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      waiting.push({ id: request.url?.split('/').at(-1) ?? '', end });
    };
    return { release: () => waiting.shift()?.end(), held: () => waiting.map(({ id }) => id) };
  }

  it('lets so many at a time be under way, and another organization’s first past the many of one', async () => {
    deploy('{ max_concurrency: 2 }');
    const upstream = holding();
    const busy = times(40, (index) => get({ arguments: { id: `busy${index}` } }));
    await waitFor(() => upstream.held().length === 2 && bench.parts.limits.waiting === 38);
    const quiet = get({ arguments: { id: 'quiet' }, org: newId('org'), agent: newId('agt') });
    await waitFor(() => bench.parts.limits.waiting === 39);
    upstream.release();
    await waitFor(() => upstream.held().length === 2);
    upstream.release();
    await waitFor(() => upstream.held().length === 2);
    expect(upstream.held()).toContain('quiet');
    for (let call = 2; call < 41; call++) {
      await waitFor(() => upstream.held().length > 0);
      upstream.release();
    }
    expect(await quiet).toMatchObject({ state: 'succeeded' });
    expect((await Promise.all(busy)).every(({ state }) => state === 'succeeded')).toBe(true);
  });

  it('is full for an agent before it is for others, and says whose it is', async () => {
    deploy('{ max_concurrency: 1 }');
    bench.parts.limits = bench.limitsOver(createMemoryQuotaStore(), { perAgent: 2, perOrganization: 3, total: 4 });
    const upstream = holding();
    const running = [get(), get(), get()];
    await waitFor(() => bench.parts.limits.waiting === 2);
    const refused = await get();
    expect(refused).toMatchObject({
      attempts: 0,
      error: { code: 'rate_limited', detail: 'Too many calls of this agent wait for a provider already.', retryAfterMs: 1_000 },
    });
    running.push(get({ agent: newId('agt') }));
    await waitFor(() => bench.parts.limits.waiting === 3);
    expect((await get({ agent: newId('agt') })).error?.detail).toMatch(/^Too many calls of this organization/);
    for (let call = 0; call < 4; call++) {
      await waitFor(() => upstream.held().length > 0);
      upstream.release();
    }
    expect((await Promise.all(running)).map(({ state }) => state)).toEqual(times(4, () => 'succeeded'));
    expect(bench.parts.limits.waiting).toBe(0);
  });

  it('is left by a call that is ended, and at its deadline', async () => {
    deploy('{ max_concurrency: 1 }');
    const upstream = holding();
    const running = get();
    await waitFor(() => upstream.held().length === 1);
    const call = new Call(bench.request('paced_get'));
    const ended = execute(bench.parts, call);
    await waitFor(() => bench.parts.limits.waiting === 1);
    call.abort(new KeywardError('revoked', 'This connection was disconnected while the call was running.'));
    expect(await ended).toMatchObject({ attempts: 0, error: { code: 'revoked' } });
    expect(await get({ timeoutMs: 200 })).toMatchObject({ attempts: 0, error: { code: 'rate_limited' } });
    expect(bench.parts.limits.waiting).toBe(0);
    upstream.release();
    expect(await running).toMatchObject({ state: 'succeeded' });
  });
});
