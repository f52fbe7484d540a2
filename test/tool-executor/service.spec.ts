import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { broadcastRevoked } from '@keyward/jetstream';
import type { RunningService } from '@keyward/service-host';
import { waitFor } from '@keyward/testing';
import { System, type Person } from './system.js';

const TOKEN = 'canary-access-token-0123456789';

let system: System;
let executor: RunningService;
let ada: Person;
beforeAll(async () => {
  system = await System.start();
  executor = await system.startExecutor();
  await executor.started;
  ada = await system.person(TOKEN);
}, 60_000);
beforeEach(() => {
  system.upstream.requests.length = 0;
  system.upstream.answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
});
afterAll(() => system.stop());

const settled = () => waitFor(async () => (await system.queued()) === 0);

describe('an execution on the bus', () => {
  it('is carried out with the sealed token, answered, kept, audited and acknowledged', async () => {
    const result = await system.call(ada, 'acme_get');
    expect(result).toMatchObject({ state: 'succeeded', output: { ok: true }, connection: ada.connection, attempts: 1 });
    expect(system.upstream.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    await settled();
    expect(await system.kept(result.id)).toEqual([result]);
    expect(await system.auditEvents(result.id)).toMatchObject([
      { state: 'succeeded', agent: ada.agent, traceId: result.traceId },
    ]);
  });

  it('of someone else’s connection, user, agent or organization looks like one of nobody’s', async () => {
    const eve = await system.person('eves-own-token-000000000');
    const foreign = [
      system.call(eve, 'acme_get', { connection: ada.connection }),
      system.call(eve, 'acme_get', { connection: newId('conn') }),
      system.call({ ...ada, user: 'usr_eve' }, 'acme_get'),
      system.call({ ...ada, user: 'USR_ADA' }, 'acme_get'),
      system.call({ ...ada, user: 'usr_nobody' }, 'acme_get'),
    ];
    const answers = (await Promise.all(foreign)).map(({ state, error, connection, attempts, output }) => {
      return JSON.stringify({ state, error: { ...error, traceId: '' }, connection, attempts, output });
    });
    expect(new Set(answers).size).toBe(1);
    expect(JSON.parse(answers[0] ?? '{}')).toMatchObject({
      state: 'failed',
      connection: null,
      error: { code: 'connection_required', connectUrl: 'https://connect.example/s' },
    });
    const strangers = [
      await system.call({ ...ada, agent: newId('agt') }, 'acme_get'),
      await system.call({ ...ada, org: eve.org }, 'acme_get'),
      await system.call({ ...ada, org: newId('org') }, 'acme_get'),
    ];
    expect(strangers.map((result) => result.error?.code)).toEqual([
      'tool_not_assigned',
      'tool_not_assigned',
      'tool_not_assigned',
    ]);
    expect(system.upstream.requests).toEqual([]);
  });

  it('does more than its permission allows in no case', async () => {
    const reader = await system.person(TOKEN, 'read');
    expect((await system.call(reader, 'acme_create')).state).toBe('denied');
    expect((await system.call(reader, 'acme_get')).state).toBe('succeeded');
  });

  it('gets a newer token when the provider refuses the one that is stored', async () => {
    const person = await system.person('token-that-was-revoked-0000');
    system.upstream.answer = (request, response) =>
      response.writeHead(request.headers.authorization === 'Bearer renewed-token-2' ? 200 : 401).end('{}');
    const result = await system.call(person, 'acme_create');
    expect(result).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect(system.refreshes.at(-1)).toMatchObject({
      connection: person.connection,
      newerThan: 1,
      reason: 'rejected_by_provider',
    });
  });

  it('ends at once when its connection is disconnected', async () => {
    const person = await system.person(TOKEN);
    system.upstream.answer = () => undefined;
    const running = system.call(person, 'acme_get');
    await waitFor(() => system.upstream.requests.length === 1);
    await broadcastRevoked(system.nc, { kind: 'connection', org: newId('org'), connection: person.connection });
    await broadcastRevoked(system.nc, { kind: 'connection', org: person.org, connection: person.connection });
    expect(await running).toMatchObject({ state: 'failed', error: { code: 'revoked' } });
  });

  it.each<[string, (request: ReturnType<System['request']>) => string]>([
    ['is no JSON', () => '{"id":'],
    ['is no execution', () => '{"id":"exe_1"}'],
    ['names another organization than its subject', (request) => JSON.stringify({ ...request, org: newId('org') })],
    ['names another agent than its subject', (request) => JSON.stringify({ ...request, agent: newId('agt') })],
  ])('that %s becomes a dead letter and nothing else', async (_what, payloadOf) => {
    const before = (await system.deadLetters()).length;
    const request = system.request(ada, 'acme_get');
    await system.ask(request, payloadOf(request));
    await waitFor(async () => (await system.deadLetters()).length === before + 1);
    expect((await system.deadLetters()).at(-1)).toMatchObject({ stream: 'EXECUTIONS', code: 'invalid_request' });
    await settled();
    expect(system.upstream.requests).toEqual([]);
  });
});

it('without the audit trail’s acknowledgement nobody learns the result; with it, everyone does, and the write happened once', async () => {
  await system.call(ada, 'acme_get');
  await system.setAuditFull(true);
  const request = system.request(ada, 'acme_create');
  const { reply } = await system.ask(request);
  const writes = () => system.upstream.requests.filter(({ method }) => method === 'POST').length;
  await waitFor(() => writes() === 1);
  let answered = false;
  void reply.then(() => (answered = true));
  await expect(waitFor(() => answered, { timeoutMs: 1_500 })).rejects.toThrow();
  expect(await system.kept(request.id)).toEqual([]);
  await system.setAuditFull(false);
  const result = await reply;
  expect(result).toMatchObject({ state: 'succeeded', output: { ok: true } });
  expect(writes()).toBe(1);
  expect(await system.auditEvents(request.id)).toHaveLength(1);
  await settled();
});

it('two replicas under load make each write once and answer each call', async () => {
  const second = await system.startExecutor();
  await second.started;
  const results = await Promise.all(
    Array.from({ length: 200 }, (_v, n) => system.call(ada, 'acme_create', { arguments: { id: `n${n}` } })),
  );
  expect(results.filter((result) => result.state !== 'succeeded')).toEqual([]);
  const bodies = system.upstream.requests.map((request) => request.body);
  expect(new Set(bodies).size).toBe(200);
  expect(bodies).toHaveLength(200);
  await second.stop();
});

it('asked to stop, it finishes what it has in hand', async () => {
  const leaving = await system.startExecutor();
  await leaving.started;
  await executor.stop();
  let answer: (() => void) | undefined;
  system.upstream.answer = (_request, response) => (answer = () => response.end('done'));
  const running = system.call(ada, 'acme_create');
  await waitFor(() => answer);
  const stopping = leaving.stop();
  answer?.();
  expect(await running).toMatchObject({ state: 'succeeded', output: { text: 'done' } });
  await stopping;
  await settled();
});
