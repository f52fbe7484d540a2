import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, toProblem } from '@keyward/contracts';
import type { RunningService } from '@keyward/service-host';
import { withClockSetBy } from '@keyward/testing';
import { System, type Person } from './system.js';

const TOKEN = 'canary-access-token-0123456789';
const [FIRST, RENEWED] = [`Bearer ${TOKEN}`, 'Bearer renewed-token-2'];

let system: System;
let executor: RunningService;
let ada: Person;
beforeAll(async () => {
  system = await System.start();
  executor = await system.startExecutor();
  await executor.started;
}, 60_000);
beforeEach(async () => {
  system.upstream.requests.length = system.refreshes.length = 0;
  system.onRefresh = (request) => system.renew(request);
  system.upstream.answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
  ada = await system.person(TOKEN);
});
afterAll(() => system.stop());

const expireIn = (seconds: number) =>
  system.sql('UPDATE vault.credential SET access_expires_at = now() + make_interval(secs => $2) WHERE connection_id = $1', [
    ...[ada.connection, seconds],
  ]);
const used = () => system.upstream.requests.map(({ headers }) => headers.authorization);

describe('renewing for calls', () => {
  it('is one message on the bus for a hundred calls that find the same token expired', async () => {
    await expireIn(-1);
    const results = await Promise.all(Array.from({ length: 100 }, () => system.call(ada, 'acme_get')));
    expect(results.filter(({ state }) => state !== 'succeeded')).toEqual([]);
    expect(system.refreshes).toMatchObject([{ connection: ada.connection, newerThan: 1, reason: 'expiring' }]);
    expect(new Set(used())).toEqual(new Set([RENEWED]));
  });

  it('is asked for one generation by calls whose token the provider refuses, and each goes out again', async () => {
    system.upstream.answer = (request, response) =>
      response.writeHead(request.headers.authorization === FIRST ? 401 : 200).end('{}');
    const results = await Promise.all(Array.from({ length: 20 }, () => system.call(ada, 'acme_create')));
    expect(results.filter(({ state, attempts }) => state !== 'succeeded' || attempts !== 2)).toEqual([]);
    expect(new Set(system.refreshes.map(({ newerThan, reason }) => `${reason} ${newerThan}`))).toEqual(
      new Set(['rejected_by_provider 1']),
    );
  });

  it('is nobody’s wait while the token has enough left, and short while it holds, with the refresher away', async () => {
    system.onRefresh = async () => undefined;
    await expireIn(6);
    expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
    expect(system.refreshes).toEqual([]);
    await expireIn(2);
    expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
    expect(used()).toEqual([FIRST, FIRST]);
    await expireIn(-1);
    expect((await system.call(ada, 'acme_get', { timeoutMs: 500 })).error?.code).toBe('deadline_exceeded');
    expect(used()).toHaveLength(2);
  });

  it('begins again with the message where it failed for want of something of ours', async () => {
    const problem = toProblem(new KeywardError('dependency_unavailable', 'The database is away.'));
    system.onRefresh = async (request) =>
      system.refreshes.length < 3 ? { outcome: 'failed', error: problem } : system.renew(request);
    await expireIn(-1);
    expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
    expect([system.refreshes.length, used()]).toEqual([3, [RENEWED]]);
  });

  it.each([
    ['ahead', 5],
    ['behind', -5],
  ])('goes by the clock of the database where ours is minutes %s', async (_where, minutes) => {
    await withClockSetBy(minutes * 60_000, async () => {
      await expireIn(60);
      expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
      expect([used(), system.refreshes]).toEqual([[FIRST], []]);
      await expireIn(-10);
      expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
      expect([used(), system.refreshes.length]).toEqual([[FIRST, RENEWED], 1]);
    });
  });

  it('is not stretched nor cut short by a clock that is set while a call waits', async () => {
    const asked = Promise.withResolvers<void>();
    const clockIsSet = Promise.withResolvers<void>();
    system.onRefresh = async (request) => (asked.resolve(), await clockIsSet.promise, system.renew(request));
    await expireIn(-1);
    const call = system.call(ada, 'acme_get');
    await asked.promise;
    await withClockSetBy(5 * 60_000, async () => {
      clockIsSet.resolve();
      expect(await call).toMatchObject({ state: 'succeeded', attempts: 1 });
    });
    expect(used()).toEqual([RENEWED]);
  });

  it('wakes a connection that slept, by the time the executor has drained', async () => {
    await system.sql(
      `UPDATE vault.credential SET last_used_at = now() - interval '8 days', refresh_at = NULL, awake_refresh_at = now() + interval '50 minutes'
       WHERE connection_id = $1`,
      [ada.connection],
    );
    const replica = await system.startExecutor();
    await replica.started;
    await executor.stop();
    expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
    await replica.stop();
    const woken =
      'SELECT refresh_at = awake_refresh_at AS awake, now() - last_used_at < $2 AS used FROM vault.credential WHERE connection_id = $1';
    expect(await system.sql(woken, [ada.connection, '1 minute'])).toEqual([{ awake: true, used: true }]);
  });
});
