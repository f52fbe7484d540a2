import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, newId } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { HostileServer } from '@keyward/testing/hostile-server';
import { Call } from '../../apps/tool-executor/src/execute/call.js';
import { execute } from '../../apps/tool-executor/src/execute/execute.js';
import { refusedRefresh, Workbench } from './workbench.js';

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => bench.reset());
afterAll(() => bench.stop());

/** Answers with these statuses in turn, then with 200. */
function statuses(...list: (number | 'reset')[]): void {
  const left = [...list];
  bench.upstream.answer = (request, response) => {
    const next = left.shift() ?? 200;
    if (next === 'reset') request.socket.destroy();
    else response.writeHead(next, { 'content-type': 'application/json' }).end(`{"status":${next}}`);
  };
}

describe('a call that goes out', () => {
  it('carries the token where the manifest says, and answers with the output', async () => {
    const result = await bench.call('acme_get');
    expect(result).toMatchObject({ state: 'succeeded', output: { ok: true }, attempts: 1, connection: bench.connection.id });
    expect(bench.upstream.requests).toMatchObject([
      { method: 'GET', url: '/api/things/one', headers: { authorization: 'Bearer access-token-of-generation-1' } },
    ]);
    expect(bench.audited).toMatchObject([
      {
        type: 'execution.completed',
        org: bench.org,
        actor: { kind: 'agent', id: bench.agent },
        agent: bench.agent,
        user: 'usr_ada',
        provider: 'acme',
        connection: bench.connection.id,
        execution: result.id,
        tool: 'acme_get',
        state: 'succeeded',
        attempts: 1,
        traceId: result.traceId,
      },
    ]);
    expect(JSON.stringify(bench.audited)).not.toContain('one"');
  });

  it('hides a token that the provider echoes, in success and in failure', async () => {
    for (const status of [200, 400]) {
      bench.upstream.answer = (request, response) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ seen: request.headers }));
      const result = await bench.call('acme_get');
      expect(JSON.stringify(result)).toContain('Bearer [redacted]');
      expect(JSON.stringify([result, bench.audited])).not.toContain('access-token');
    }
  });

  it('does not follow a redirect to another origin, where the token would go along', async () => {
    const other = await HostileServer.start();
    bench.upstream.answer = (_request, response) => response.writeHead(302, { location: other.origin }).end();
    const result = await bench.call('acme_get');
    await other.stop();
    expect(result).toMatchObject({ state: 'denied', error: { code: 'egress_denied' }, attempts: 1 });
    expect(other.requests).toEqual([]);
  });

  it('answers a 4xx with status and body of the provider, at once', async () => {
    statuses(422);
    expect(await bench.call('acme_create')).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: 'provider_error', providerStatus: 422, providerBody: { status: 422 } },
    });
    expect(bench.audited).toMatchObject([{ errorCode: 'provider_error', providerStatus: 422 }]);
  });

  it('asks for more scopes where the provider finds them missing', async () => {
    bench.upstream.answer = (_request, response) =>
      response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="things:admin"' }).end();
    expect(await bench.call('acme_get')).toMatchObject({
      error: { code: 'missing_scopes', missingScopes: ['things:admin'], connectUrl: 'https://connect.example/c1' },
    });
    expect(bench.links).toEqual([{ scopes: ['things:read', 'things:write', 'things:admin'], alias: 'default', parameters: {} }]);
  });

  it('ends at its deadline while the provider is silent', async () => {
    bench.upstream.answer = () => undefined;
    expect(await bench.call('acme_get', { timeoutMs: 100 })).toMatchObject({
      state: 'failed',
      error: { code: 'deadline_exceeded' },
    });
    bench.upstream.requests.length = 0;
    expect(await bench.call('acme_create', { timeoutMs: 150 })).toMatchObject({
      state: 'unknown',
      error: { code: 'outcome_unknown' },
    });
    expect(bench.upstream.requests).toHaveLength(1);
  });
});

describe('retries', () => {
  it.each<[string, (number | 'reset')[], string, string, number]>([
    ['acme_get', [503, 'reset'], 'succeeded', '', 3],
    ['acme_get', [429, 500], 'succeeded', '', 3],
    ['acme_get', [500, 502, 503, 504], 'failed', 'provider_error', 3],
    ['acme_get', ['reset', 'reset', 'reset'], 'failed', 'provider_unavailable', 3],
    ['acme_get', [429, 429, 429], 'failed', 'rate_limited', 3],
    ['acme_get', [400], 'failed', 'provider_error', 1],
    ['acme_create', [500], 'unknown', 'outcome_unknown', 1],
    ['acme_create', ['reset'], 'unknown', 'outcome_unknown', 1],
    ['acme_create', [429], 'succeeded', '', 2],
    ['acme_create', [429, 503], 'unknown', 'outcome_unknown', 2],
    ['acme_wipe', [502], 'unknown', 'outcome_unknown', 1],
    ['acme_put', ['reset', 503], 'succeeded', '', 3],
    ['acme_put', [500, 500, 500], 'unknown', 'outcome_unknown', 3],
    ['acme_put', [500, 429, 429], 'unknown', 'outcome_unknown', 3],
    ['acme_put', [500, 400], 'failed', 'provider_error', 2],
  ])('%s against %j ends as %s %s after %i requests', async (tool, list, state, code, attempts) => {
    statuses(...list);
    const result = await bench.call(tool);
    expect([result.state, result.error?.code ?? '', result.attempts]).toEqual([state, code, attempts]);
    expect(bench.upstream.requests).toHaveLength(attempts);
    expect(bench.audited).toHaveLength(1);
    const keys = new Set(bench.upstream.requests.map((request) => request.headers['idempotency-key']));
    expect([...keys]).toEqual([tool === 'acme_put' ? result.id : undefined]);
  });

  it('a write to where nobody listens is repeated, as nothing can have happened', async () => {
    const gone = await Workbench.start();
    await gone.upstream.stop();
    const result = await gone.call('acme_create', { idempotencyKey: 'again' });
    expect(result).toMatchObject({ state: 'failed', error: { code: 'provider_unavailable' }, attempts: 3 });
    expect(await gone.rows.findByKey(gone.org, gone.agent, 'again')).toBeUndefined();
    await gone.stop();
  });

  it('waits as long as the provider asks, but not beyond the deadline', async () => {
    bench.upstream.answer = (_request, response) => response.writeHead(429, { 'retry-after': '3600' }).end();
    const began = Date.now();
    expect(await bench.call('acme_get')).toMatchObject({ error: { code: 'rate_limited', retryAfterMs: 3_600_000 }, attempts: 1 });
    expect(Date.now() - began).toBeLessThan(2_000);
  });
});

describe('a token', () => {
  it('that the provider refuses is renewed once, for that generation, and the call repeated', async () => {
    statuses(401);
    const result = await bench.call('acme_create');
    expect(result).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect(bench.refreshes).toMatchObject([
      { newerThan: 1, reason: 'rejected_by_provider', org: bench.org, connection: bench.connection.id },
    ]);
    expect(bench.authorizations).toEqual(['Bearer access-token-of-generation-1', 'Bearer access-token-of-generation-2']);
  });

  it('that the provider refuses and that was renewed meanwhile is replaced without asking', async () => {
    bench.upstream.answer = (_request, response) => {
      const isFirst = bench.connection.generation === 1;
      if (isFirst) bench.renew();
      response.writeHead(isFirst ? 401 : 200, { 'content-type': 'application/json' }).end('{}');
    };
    expect(await bench.call('acme_create')).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect(bench.refreshes).toEqual([]);
    expect(bench.authorizations[1]).toBe('Bearer access-token-of-generation-2');
  });

  it('refused twice needs the person', async () => {
    statuses(401, 401);
    expect(await bench.call('acme_get')).toMatchObject({
      state: 'failed',
      attempts: 2,
      error: { code: 'needs_reauthorization', connectUrl: 'https://connect.example/c1' },
    });
    expect(bench.refreshes).toHaveLength(1);
  });

  it('refused twice is not redeemed anew by every call: a request may be refused whatever its token', async () => {
    bench.upstream.answer = (_request, response) => response.writeHead(401).end();
    const results = [];
    for (let call = 0; call < 5; call++) results.push(await bench.call('acme_get'));
    expect(results.map(({ error }) => error?.code)).toEqual(Array(5).fill('needs_reauthorization'));
    expect(results.map(({ attempts }) => attempts)).toEqual([2, 1, 1, 1, 1]);
    expect(bench.refreshes).toHaveLength(1);
    // Nobody else's is held against it.
    bench.connection.id = newId('conn');
    statuses(401);
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.refreshes).toHaveLength(2);
  });

  it('refused and not renewable needs the person at once', async () => {
    bench.connection.refreshable = false;
    statuses(401);
    expect(await bench.call('acme_get')).toMatchObject({ error: { code: 'needs_reauthorization' }, attempts: 1 });
    expect(bench.refreshes).toEqual([]);
  });

  it('whose renewal the provider refuses needs the person; a passing failure is told as such', async () => {
    statuses(401, 401);
    bench.onRefresh = () => refusedRefresh('needs_reauthorization');
    expect((await bench.call('acme_get')).error).toMatchObject({ code: 'needs_reauthorization', connectUrl: expect.any(String) });
    bench.onRefresh = () => refusedRefresh('provider_unavailable');
    expect((await bench.call('acme_get')).error).toMatchObject({ code: 'provider_unavailable' });
    expect(bench.upstream.requests).toHaveLength(2);
  });

  it('about to expire is renewed before it is used', async () => {
    bench.connection.accessExpiresInMs = 1_000;
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.refreshes).toMatchObject([{ newerThan: 1, reason: 'expiring' }]);
    expect(bench.authorizations).toEqual(['Bearer access-token-of-generation-2']);
  });

  it('about to expire is still used where the refresher is away', async () => {
    bench.connection.accessExpiresInMs = 4_000;
    bench.onRefresh = () => Promise.reject(new KeywardError('deadline_exceeded', 'No answer arrived in time.'));
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.authorizations).toEqual(['Bearer access-token-of-generation-1']);
  });

  it('that has expired is never sent', async () => {
    bench.connection.accessExpiresInMs = -1;
    bench.onRefresh = () => refusedRefresh('provider_unavailable');
    expect((await bench.call('acme_get')).error?.code).toBe('provider_unavailable');
    bench.connection.refreshable = false;
    expect((await bench.call('acme_get')).error?.code).toBe('needs_reauthorization');
    expect(bench.upstream.requests).toEqual([]);
  });

  it('without a known end is used as it is', async () => {
    bench.connection.accessExpiresInMs = null;
    expect((await bench.call('acme_get')).state).toBe('succeeded');
    expect(bench.refreshes).toEqual([]);
  });

  it('is not used when connection or assignment have gone while it was renewed', async () => {
    bench.connection.accessExpiresInMs = -1;
    bench.onRefresh = () => {
      bench.renew();
      bench.grant.permission = null;
      return { outcome: 'refreshed', generation: 2 };
    };
    expect((await bench.call('acme_get')).state).toBe('denied');
    expect(bench.upstream.requests).toEqual([]);
  });

  it('is the one of the row, whatever generation was announced', async () => {
    statuses(401);
    bench.onRefresh = () => ({ outcome: 'refreshed', generation: 9 });
    const result = await bench.call('acme_create');
    expect(result).toMatchObject({ error: { code: 'dependency_unavailable' }, attempts: 1 });
  });
});

describe('a connection that is disconnected while it is used', () => {
  it.each([
    ['acme_get', 'failed', 'revoked'],
    ['acme_create', 'unknown', 'outcome_unknown'],
  ])('ends %s at once, as %s', async (tool, state, code) => {
    bench.upstream.answer = () => undefined;
    const call = new Call(bench.request(tool));
    const running = execute(bench.parts, call);
    await waitFor(() => bench.upstream.requests.length === 1);
    call.abort(new KeywardError('revoked', 'This connection was disconnected while the call was running.'));
    expect(await running).toMatchObject({ state, error: { code } });
  });
});
