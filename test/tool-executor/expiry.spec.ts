import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, passingRefreshFailures, type RefreshReply } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Call } from '../../apps/tool-executor/src/execute/call.js';
import { execute } from '../../apps/tool-executor/src/execute/execute.js';
import { refusedRefresh, Workbench } from './workbench.js';

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => bench.reset());
afterAll(() => bench.stop());

const [FIRST, SECOND] = [1, 2].map((generation) => `Bearer access-token-of-generation-${generation}`);
const silence = () => new Promise<RefreshReply>(() => undefined);
const PASSING = [...passingRefreshFailures];

/** Until a token with so much left has surely expired. */
const outlast = (ms: number) => delay(ms + 5);

async function sentExpired(): Promise<number> {
  const { values } = (await bench.metrics.getSingleMetric('credential_expired_in_use_total')?.get()) ?? { values: [] };
  return values.reduce((sum, { value }) => sum + value, 0);
}

describe('a token with enough left', () => {
  it('is used at once, while the refresher is silent, and nobody is asked', async () => {
    bench.onRefresh = silence;
    bench.connection.accessExpiresInMs = 5_500;
    const began = performance.now();
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(performance.now() - began).toBeLessThan(1_000);
    expect([bench.refreshes, bench.authorizations]).toEqual([[], [FIRST]]);
  });

  it('counts as a use of its connection; what can not be renewed need not be kept awake', async () => {
    await bench.call('acme_get');
    expect([...bench.uses]).toEqual([bench.connection.id]);
    bench.uses.clear();
    await bench.call('acme_get', { dryRun: true });
    bench.connection.refreshable = false;
    await bench.call('acme_get');
    expect([...bench.uses]).toEqual([]);
  });
});

describe('a token that is about to end', () => {
  it('is used all the same where the refresher is silent, before it ends', async () => {
    bench.onRefresh = silence;
    bench.connection.accessExpiresInMs = 800;
    const began = performance.now();
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(performance.now() - began).toBeLessThan(800);
    expect(bench.authorizations).toEqual([FIRST]);
  });

  it.each(PASSING)('is used all the same where it can not be renewed for now: %s', async (code) => {
    bench.onRefresh = () => refusedRefresh(code);
    bench.connection.accessExpiresInMs = 4_000;
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect([bench.refreshes.length, bench.authorizations]).toEqual([1, [FIRST]]);
  });

  it('is used all the same where a newer one is announced and not there', async () => {
    bench.onRefresh = () => ({ outcome: 'refreshed', generation: 2 });
    bench.connection.accessExpiresInMs = 4_000;
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.authorizations).toEqual([FIRST]);
  });

  it('and can not be renewed is used to its end', async () => {
    [bench.connection.refreshable, bench.connection.accessExpiresInMs] = [false, 2_000];
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.refreshes).toEqual([]);
  });
});

describe('a token that has ended', () => {
  beforeEach(() => {
    bench.connection.accessExpiresInMs = -1;
  });
  const succeeds = async () => {
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.authorizations).toEqual([SECOND]);
  };

  it('is waited for', async () => {
    bench.onRefresh = async () => (await delay(300), bench.renew());
    await succeeds();
  });

  it('is waited for by all calls with one question', async () => {
    const asked = Promise.withResolvers<void>();
    bench.onRefresh = async () => (await asked.promise, bench.renew());
    const calls = Array.from({ length: 50 }, () => bench.call('acme_get'));
    await waitFor(() => bench.queries.length === 50);
    asked.resolve();
    expect((await Promise.all(calls)).every(({ state }) => state === 'succeeded')).toBe(true);
    expect(bench.refreshes).toHaveLength(1);
    expect(new Set(bench.authorizations)).toEqual(new Set([SECOND]));
  });

  it('is waited for no longer than the call may last', async () => {
    bench.onRefresh = silence;
    const began = performance.now();
    expect(await bench.call('acme_get', { timeoutMs: 300 })).toMatchObject({
      ...{ state: 'expired', attempts: 0, error: { code: 'deadline_exceeded' } },
    });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(bench.upstream.requests).toEqual([]);
  });

  it.each(PASSING.filter((code) => code !== 'dependency_unavailable'))(
    'is told as what keeps from renewing it: %s',
    async (code) => {
      bench.onRefresh = () => refusedRefresh(code);
      expect((await bench.call('acme_get')).error?.code).toBe(code);
      expect(bench.upstream.requests).toEqual([]);
    },
  );

  it.each<[string, () => RefreshReply]>([
    ['the refresher’s dependencies are away', () => refusedRefresh('dependency_unavailable')],
    ['a newer one is announced and not there', () => ({ outcome: 'refreshed', generation: 2 })],
  ])('lets the call come again where %s', async (_what, answer) => {
    bench.onRefresh = answer;
    await expect(bench.call('acme_get')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect(bench.upstream.requests).toEqual([]);
  });

  it('is found renewed where the answer that says so got lost', async () => {
    bench.onRefresh = () => (bench.renew(), silence());
    await succeeds();
    expect(bench.refreshes).toHaveLength(1);
  });

  it('gives way to whatever newer generation is there', async () => {
    bench.onRefresh = () => (bench.renew(7), { outcome: 'refreshed', generation: 2 });
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.authorizations).toEqual(['Bearer access-token-of-generation-7']);
  });

  it('ends the wait at once when the connection is disconnected', async () => {
    bench.onRefresh = silence;
    const call = new Call(bench.request('acme_get'));
    const running = execute(bench.parts, call);
    await waitFor(() => bench.refreshes.length === 1);
    call.abort(new KeywardError('revoked', 'This connection was disconnected while the call was running.'));
    expect(await running).toMatchObject({ error: { code: 'revoked' }, attempts: 0 });
  });

  it.each([
    ['revoked', 'revoked'],
    ['needs_reauthorization', 'needs_reauthorization'],
  ] as const)('is not used when the connection is %s by the time it was renewed', async (status, code) => {
    bench.onRefresh = () => {
      const reply = bench.renew();
      [bench.connection.status, bench.connection.sealedAccess] = [status, null];
      return reply;
    };
    expect((await bench.call('acme_get')).error?.code).toBe(code);
    expect(bench.upstream.requests).toEqual([]);
  });
});

describe('a token that ends while a call waits', () => {
  beforeEach(() => {
    bench.connection.accessExpiresInMs = 700;
    // At first it can not be had, so the old one is used while it holds.
    bench.onRefresh = () => (bench.refreshes.length === 1 ? refusedRefresh('provider_unavailable') : bench.renew());
  });

  it('between two requests is renewed before the second', async () => {
    bench.upstream.answer = (_request, response) =>
      bench.upstream.requests.length === 1
        ? response.writeHead(503, { 'retry-after': '1' }).end()
        : response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    expect(await bench.call('acme_get')).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect([bench.authorizations, await sentExpired()]).toEqual([[FIRST, SECOND], 0]);
  });

  it('while it is opened is renewed before the request leaves, which counts once', async () => {
    bench.onOpen = () => (bench.opened.length === 1 ? outlast(700) : undefined);
    expect(await bench.call('acme_create')).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect([bench.authorizations, await sentExpired()]).toEqual([[SECOND], 0]);
  });

  it('and can not be renewed is not sent', async () => {
    [bench.connection.refreshable, bench.connection.accessExpiresInMs] = [false, 700];
    bench.onOpen = () => outlast(700);
    expect(await bench.call('acme_create')).toMatchObject({
      ...{ state: 'failed', attempts: 0, error: { code: 'needs_reauthorization' } },
    });
    expect(bench.upstream.requests).toEqual([]);
  });

  it('every time is told as the provider’s fault, and asked for no more than a few times', async () => {
    bench.connection.accessExpiresInMs = -1;
    bench.onRefresh = () => {
      const reply = bench.renew();
      bench.connection.accessExpiresInMs = 0;
      return reply;
    };
    expect(await bench.call('acme_get')).toMatchObject({ error: { code: 'provider_error' }, attempts: 0 });
    expect([bench.refreshes.length, bench.upstream.requests]).toEqual([3, []]);
  });

  it('and leaves all the same, where nothing holds it back, is counted', async () => {
    const { egress } = bench.parts;
    bench.parts.egress = { send: (request) => egress.send({ ...request, mayLeave: undefined }) };
    try {
      [bench.connection.refreshable, bench.connection.accessExpiresInMs] = [false, 700];
      bench.onOpen = () => outlast(700);
      expect((await bench.call('acme_get')).state).toBe('succeeded');
      expect(await sentExpired()).toBe(1);
    } finally {
      bench.parts.egress = egress;
    }
  });
});
