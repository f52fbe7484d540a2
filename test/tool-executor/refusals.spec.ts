import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Workbench } from './workbench.js';

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => bench.reset());
afterAll(() => bench.stop());

describe('a call that may not go on', () => {
  const url = 'https://connect.example/c1';
  it.each<[string, string, string, () => void, object]>([
    ['an unknown tool', 'failed', 'unknown_tool', () => undefined, {}],
    ['a connector that is not assigned', 'denied', 'tool_not_assigned', () => (bench.grant.permission = null), {}],
    ['a tool that is not named', 'denied', 'tool_not_assigned', () => (bench.grant.tools = ['acme_put']), {}],
    ['an effect beyond the permission', 'denied', 'tool_not_assigned', () => (bench.grant.permission = 'read'), {}],
    ['no connection', 'failed', 'connection_required', () => (bench.grant.connection = null), { connectUrl: url }],
    ['a pending one', 'failed', 'connection_required', () => (bench.connection.status = 'pending'), { connectUrl: url }],
    [
      'one to be renewed',
      'failed',
      'needs_reauthorization',
      () => (bench.connection.status = 'needs_reauthorization'),
      { connectUrl: url },
    ],
    ['one without a token', 'failed', 'needs_reauthorization', () => (bench.connection.sealedAccess = null), { connectUrl: url }],
    ['a revoked one', 'failed', 'revoked', () => (bench.connection.status = 'revoked'), {}],
    ['one revoked a moment ago', 'failed', 'revoked', () => bench.revoked.add(bench.connection.id), {}],
    [
      'scopes that are missing',
      'failed',
      'missing_scopes',
      () => (bench.connection.scopes = ['things:read']),
      { connectUrl: url, missingScopes: ['things:write'] },
    ],
  ])('ends with %s as %s, %s: nothing opened, nothing sent, audited', async (what, state, code, given, details) => {
    given();
    const result = await bench.call(what === 'an unknown tool' ? 'acme_none' : 'acme_create', { idempotencyKey: what });
    expect(result).toMatchObject({ state, attempts: 0, error: { code, ...details } });
    expect(bench.opened).toEqual([]);
    expect(bench.upstream.requests).toEqual([]);
    expect(bench.audited).toMatchObject([{ type: 'execution.completed', state, errorCode: code, execution: result.id }]);
    // Nothing has happened under the key, so it is free.
    expect(await bench.rows.findByKey(bench.org, bench.agent, what)).toBeUndefined();
  });

  it('names the place of an invalid argument', async () => {
    const result = await bench.call('acme_get', { arguments: { id: 7, extra: true } });
    expect(result).toMatchObject({ state: 'failed', error: { code: 'invalid_arguments' } });
    expect(result.error?.errors?.map((error) => error.pointer).sort()).toEqual(['/extra', '/id']);
  });

  it('asks for the scopes that are needed when it offers a link', async () => {
    bench.grant.connection = null;
    await bench.call('acme_create');
    bench.reset();
    bench.connection.scopes = ['a'];
    await bench.call('acme_create');
    expect(bench.links).toEqual([{ scopes: ['a', 'things:write'], alias: 'default', parameters: {} }]);
  });

  it('offers a link that keeps alias and parameters of the connection that was named, except what the provider states anew', async () => {
    Object.assign(bench.connection, {
      status: 'needs_reauthorization',
      alias: 'second',
      parameters: { subdomain: 'acme', region: 'eu' },
    });
    await bench.call('acme_create', { connection: bench.connection.id });
    expect(bench.links).toEqual([
      { scopes: ['things:read', 'things:write', 'things:write'], alias: 'second', parameters: { subdomain: 'acme' } },
    ]);
  });

  it.each<[string, string, () => unknown]>([
    ['needs_reauthorization', 'an admin must authorize it again', () => (bench.connection.status = 'needs_reauthorization')],
    ['missing_scopes', 'an admin must authorize it again', () => (bench.connection.scopes = [])],
  ])('of a workspace’s connection, %s carries no link for a person but says whose work it is', async (code, sentence, given) => {
    bench.connection.kind = 'workspace';
    given();
    const { error } = await bench.call('acme_create');
    expect(error).toMatchObject({ code, detail: expect.stringContaining(sentence) });
    expect(error).not.toHaveProperty('connectUrl');
    expect(bench.links).toEqual([]);
  });

  it('answers without a link where none is to be had', async () => {
    bench.grant.connection = null;
    const links = bench.parts.links;
    bench.parts.links = { create: async () => ({}) };
    const result = await bench.call('acme_get');
    bench.parts.links = links;
    expect(result.error?.code).toBe('connection_required');
    expect(result.error).not.toHaveProperty('connectUrl');
  });

  it('is expired when its deadline has passed on arrival, and is audited as that', async () => {
    const result = await bench.call('acme_create', { timeoutMs: -1 });
    expect(result).toMatchObject({ state: 'expired', error: { code: 'deadline_exceeded' }, attempts: 0, connection: null });
    expect(bench.audited).toMatchObject([{ state: 'expired' }]);
    expect(bench.upstream.requests).toEqual([]);
  });

  it('stops before sending on a dry run, with what it would have sent and no credential in it', async () => {
    const result = await bench.call('acme_create', { dryRun: true, idempotencyKey: 'dry' });
    expect(result).toMatchObject({
      state: 'succeeded',
      output: { dryRun: true, request: { method: 'POST', url: `${bench.upstream.origin}/api/things`, body: '{"id":"one"}' } },
    });
    expect(JSON.stringify(result)).not.toMatch(/authorization|access-token/i);
    expect(bench.upstream.requests).toEqual([]);
    expect(bench.audited).toHaveLength(1);
    expect(await bench.rows.findByKey(bench.org, bench.agent, 'dry')).toBeUndefined();
  });

  it('refuses on a dry run what it would refuse otherwise', async () => {
    bench.grant.permission = 'read';
    expect((await bench.call('acme_create', { dryRun: true })).state).toBe('denied');
  });
});
