import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { streams } from '@keyward/contracts';
import { dedicatedPostgres, waitFor } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { ask, startHarness, type Harness } from './harness.js';
import type { SeededAgent } from './seed.js';

let harness: Harness;
let ada: SeededAgent;

beforeEach(async () => {
  harness = await startHarness();
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'read', tools: null });
});
afterEach(() => harness.stop());

const execute = (body: object = {}, tool = 'sandbox_echo') =>
  ask(harness.url, `/v1/tools/${tool}/execute`, {
    key: ada.key,
    body: { user: 'usr_ada', arguments: { message: 'x' }, ...body },
  });

describe('the gateway', () => {
  it('gives no refusal out while the audit stream does not take it', async () => {
    const manager = await jetstreamManager(harness.nc);
    await manager.streams.delete(streams.audit);
    const answer = await execute({}, 'no_such_tool');
    expect([answer.status, answer.body['code']]).toEqual([503, 'dependency_unavailable']);
  });

  it('says with the execution’s id that a call may or may not have been handed over, and does not wait on', async () => {
    const manager = await jetstreamManager(harness.nc);
    await manager.streams.delete(streams.executions);
    const answer = await execute({ timeoutMs: 60_000 });
    expect([answer.status, answer.body['code']]).toEqual([503, 'dependency_unavailable']);
    expect(answer.body['executionId']).toMatch(/^exe_/);
    expect(await harness.metrics()).toMatch(/gateway_waits_in_flight\{[^}]*\} 0/);
  });

  it('is not ready without the bus, and serves again by itself once it is back', async () => {
    const ready = async () => (await fetch(new URL('/readyz', harness.gateway.opsUrl))).status;
    expect((await execute()).status).toBe(200);
    expect(await ready()).toBe(200);
    await harness.nats.kill();
    await waitFor(async () => (await ready()) === 503);
    expect((await fetch(new URL('/healthz', harness.gateway.opsUrl))).status).toBe(200);
    await harness.nats.restart();
    await waitFor(async () => (await ready()) === 200);
    await waitFor(async () => (await execute({ timeoutMs: 1_000 })).status === 200, { timeoutMs: 20_000 });
  });

  it('notices a revocation that it could not hear because the bus was away', async () => {
    const { keyId, key } = await harness.seed.key(ada.org, ada.agent);
    const listed = async () => (await ask(harness.url, '/v1/tools', { key })).status;
    expect(await listed()).toBe(200);
    await harness.nats.kill();
    await harness.seed.revokeKey(keyId);
    await waitFor(async () => (await listed()) === 401);
    await harness.nats.restart();
  });

  it('asked to stop, finishes the calls in flight and takes no new ones', async () => {
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    harness.executor.behaviour = async () => {
      await finished;
      return { state: 'succeeded', output: 'late' };
    };
    const underWay = execute();
    await waitFor(() => harness.executor.taken.length === 1);
    const stopped = harness.gateway.stop();
    await waitFor(async () =>
      execute().then(
        () => false,
        () => true,
      ),
    );
    finish();
    expect((await underWay).body).toMatchObject({ state: 'succeeded', output: 'late' });
    await stopped;
  });

  it('asked to stop, sends callers whose calls take too long to the kept result', async () => {
    const replica = await harness.startReplica({ KEYWARD_DRAIN_TIMEOUT_MS: '200' });
    harness.executor.behaviour = async () => undefined;
    const underWay = ask(replica.url, '/v1/tools/sandbox_echo/execute', {
      key: ada.key,
      body: { user: 'usr_ada', arguments: { message: 'x' }, timeoutMs: 300_000 },
    });
    await waitFor(() => harness.executor.taken.length === 1);
    await replica.service.stop();
    const answer = await underWay;
    expect([answer.status, answer.headers.get('location')]).toEqual([202, `/v1/executions/${String(answer.body['id'])}`]);
  });
});

describe('the gateway without its database', () => {
  it('serves what it has verified, refuses to guess about the rest, and recovers by itself', async () => {
    const database = await dedicatedPostgres();
    const own = await startHarness({ database });
    try {
      const agent = await own.seed.agent(await own.seed.organization(), {
        connector: 'sandbox',
        permission: 'read',
        tools: null,
      });
      const { key: unseen } = await own.seed.key(agent.org, agent.agent);
      const tools = async (key: string) => (await ask(own.url, '/v1/tools', { key })).status;
      expect(await tools(agent.key)).toBe(200);
      await own.seed.close();
      await database.kill();
      expect(await tools(agent.key)).toBe(200);
      const unverified = await ask(own.url, '/v1/tools', { key: unseen });
      expect([unverified.status, unverified.body['code']]).toEqual([503, 'dependency_unavailable']);
      expect((await ask(own.url, '/v1/connections', { key: agent.key })).status).toBe(503);
      await database.restart();
      await waitFor(async () => (await tools(unseen)) === 200);
    } finally {
      await own.stop();
    }
  });
});
