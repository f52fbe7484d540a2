import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningService } from '@keyward/service-host';
import { waitFor } from '@keyward/testing';
import { System, type Person } from './system.js';

let system: System;
let executor: RunningService;
let ada: Person;
beforeAll(async () => {
  system = await System.start();
  executor = await system.startExecutor();
  await executor.started;
  ada = await system.person('canary-access-token-0123456789');
}, 60_000);
beforeEach(() => {
  system.upstream.requests.length = 0;
  system.upstream.answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
});
afterAll(() => system.stop());

const status = async (path: string) => (await fetch(new URL(path, executor.opsUrl))).status;

describe('without its database', () => {
  it('a call waits on the bus while its deadline allows, and is answered once the database is back', async () => {
    expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
    await system.database.kill();
    const waiting = system.call(ada, 'acme_create');
    await waitFor(async () => (await status('/readyz')) === 503);
    expect(await status('/healthz')).toBe(200);
    await system.database.restart();
    expect(await waiting).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(system.upstream.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    await waitFor(async () => (await status('/readyz')) === 200);
  });

  it('a call whose deadline comes first is told that we are at fault, and is audited', async () => {
    await system.database.kill();
    const result = await system.call(ada, 'acme_get', { timeoutMs: 700 });
    expect(['failed', 'expired']).toContain(result.state);
    expect(['dependency_unavailable', 'deadline_exceeded']).toContain(result.error?.code);
    expect(JSON.stringify(result)).not.toMatch(/127\.0\.0\.1|postgres|executor_test/i);
    expect(await system.auditEvents(result.id)).toHaveLength(1);
    await system.database.restart();
    expect((await system.call(ada, 'acme_get')).state).toBe('succeeded');
  });
});

it('without the bus in the middle of a write, the answer is kept until it is back, and the write happens once', async () => {
  let answer: (() => void) | undefined;
  system.upstream.answer = (_request, response) => (answer = () => response.end('done'));
  const request = system.request(ada, 'acme_create');
  await system.ask(request);
  await waitFor(() => answer);
  await system.nats.kill();
  answer?.();
  await system.nats.restart();
  const kept = await waitFor(async () => (await system.kept(request.id))[0], { timeoutMs: 25_000 });
  expect(kept).toMatchObject({ state: 'succeeded', output: { text: 'done' } });
  expect(system.upstream.requests).toHaveLength(1);
  await waitFor(async () => (await system.queued()) === 0, { timeoutMs: 25_000 });
  expect(await system.auditEvents(request.id)).toHaveLength(1);
}, 60_000);

it('started before what it needs, it is alive, not ready, and serves once all is there', async () => {
  await system.database.kill();
  await system.nats.kill();
  const early = await system.startExecutor();
  const ready = async () => (await fetch(new URL('/readyz', early.opsUrl))).status;
  expect(await ready()).toBe(503);
  expect((await fetch(new URL('/healthz', early.opsUrl))).status).toBe(200);
  await system.database.restart();
  await system.nats.restart();
  await early.started;
  await waitFor(async () => (await ready()) === 200);
  // A bus that has just started takes its time with the first message.
  const result = await waitFor(() => system.call(ada, 'acme_get'), { timeoutMs: 30_000 });
  expect(result.state).toBe('succeeded');
}, 60_000);

it('with settings that contradict each other, it names each and starts nothing', async () => {
  const start = system.startExecutor({ KEYWARD_KMS_KEY_FILE: '', KEYWARD_EGRESS_PRIVATE_ORIGINS: 'http://127.0.0.1/' });
  await expect(start).rejects.toThrow(/KEYWARD_KMS_KEY_FILE is missing[\s\S]*KEYWARD_EGRESS_PRIVATE_ORIGINS is not valid/);
  const service = await system.startExecutor({ KEYWARD_CONNECTOR_VARIABLES: '{}' });
  await expect(service.started).rejects.toThrow('set it in KEYWARD_CONNECTOR_VARIABLES');
});
