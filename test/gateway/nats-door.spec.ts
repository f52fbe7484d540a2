import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { AgentClient } from './agent-client.js';
import { ask, startOperatedHarness, type OperatedHarness } from './harness.js';
import type { SeededAgent } from './seed.js';

let harness: OperatedHarness;
let ada: SeededAgent;
let agent: AgentClient;
const clients: AgentClient[] = [];

beforeAll(async () => {
  harness = await startOperatedHarness({ publish: ['_INBOX.>', 'tool.result.>'], subscribe: ['tool.execute.>'] });
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'read', tools: null });
  agent = await login(ada);
});
afterAll(async () => {
  for (const client of clients) await client.nc.close();
  await harness.stop();
});
afterEach(() => {
  harness.executor.behaviour = async () => ({ state: 'succeeded', output: { ok: true } });
});

async function login(who: { org: string; agent: string }): Promise<AgentClient> {
  const client = await AgentClient.connect(harness.nats.url, await harness.agentCreds(who), who);
  clients.push(client);
  return client;
}

const echo = { tool: 'sandbox_echo', user: 'usr_ada', arguments: { message: 'hello' } };

describe('tool.execute over NATS', () => {
  it.each(['result', 'none'])('with wait=%s answers a receipt first, then the outcome on the result subject', async (wait) => {
    const receipt = await agent.receipt(agent.send({ ...echo, wait, idempotencyKey: 'k' }));
    expect(receipt).toEqual({ id: expect.stringMatching(/^exe_[0-9a-f]{32}$/), state: 'queued' });
    const outcome = await agent.outcome(receipt['id']);
    expect(outcome).toMatchObject({ id: receipt['id'], tool: 'sandbox_echo', state: 'succeeded', output: { ok: true } });
    expect(agent.outcomes.at(-1)?.subject).toBe(`tool.result.${ada.org}.${ada.agent}.${String(receipt['id'])}`);
    expect(harness.executor.taken.at(-1)?.requested).toMatchObject({ org: ada.org, agent: ada.agent, idempotencyKey: 'k' });
  });

  it('is the same call that HTTP finds afterwards', async () => {
    const receipt = await agent.receipt(agent.send(echo));
    const outcome = await agent.outcome(receipt['id']);
    const kept = await ask(harness.url, `/v1/executions/${String(receipt['id'])}`, { key: ada.key });
    expect([kept.status, kept.body]).toEqual([200, outcome]);
  });

  it('hands on what ended a call that failed', async () => {
    harness.executor.behaviour = async () => ({ state: 'denied' });
    const receipt = await agent.receipt(agent.send(echo));
    expect((await agent.outcome(receipt['id']))['state']).toBe('denied');
  });

  it.each([
    ['a tool that does not exist', { ...echo, tool: 'no_such_tool' }, 'unknown_tool', 'failed'],
    [
      'a tool beyond its permission',
      { ...echo, tool: 'sandbox_delete_note', arguments: { id: 'x' } },
      'tool_not_assigned',
      'denied',
    ],
    ['arguments that do not fit', { ...echo, arguments: { message: 1 } }, 'invalid_arguments', 'failed'],
  ])('refuses %s with a problem, audited and not handed over', async (_what, payload, code, state) => {
    const before = harness.executor.taken.length;
    const problem = await agent.receipt(agent.send(payload));
    expect(problem['code']).toBe(code);
    const audited = (await harness.auditEvents()).at(-1);
    expect(audited).toMatchObject({ org: ada.org, agent: ada.agent, state, errorCode: code, traceId: problem['traceId'] });
    expect(harness.executor.taken.length).toBe(before);
  });

  it.each([
    ['nothing', ''],
    ['something else than JSON', 'hello'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a prototype key', '{"__proto__":{"org":"x"}}'],
    ['an organization of its choice', { ...echo, org: newId('org') }],
    ['an agent of its choice', { ...echo, agent: newId('agt') }],
    ['an execution id of its choice', { ...echo, id: newId('exe') }],
    ['a tool name with a wildcard', { ...echo, tool: '>' }],
    ['an array of calls', [echo]],
  ])('refuses a payload with %s', async (_what, payload) => {
    const before = harness.executor.taken.length;
    const problem = await agent.receipt(agent.send(payload));
    expect(problem['code']).toBe('invalid_request');
    expect(harness.executor.taken.length).toBe(before);
  });

  it('is answered once, whichever of two replicas takes it', async () => {
    const replica = await harness.startReplica();
    const before = harness.executor.taken.length;
    const replies = Array.from({ length: 40 }, () => agent.send(echo));
    const receipts = await Promise.all(replies.map((reply) => agent.receipt(reply)));
    for (const { id } of receipts) await agent.outcome(id);
    expect(harness.executor.taken.length - before).toBe(40);
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(40);
    await replica.service.stop();
  });

  it('brings the outcome of a call that was under way when the bus went away and came back', async () => {
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    harness.executor.behaviour = async () => {
      await finished;
      return { state: 'succeeded', output: 'late' };
    };
    const before = harness.executor.taken.length;
    const receipt = await agent.receipt(agent.send(echo));
    await waitFor(() => harness.executor.taken.length > before);
    await harness.nats.kill();
    const ready = async () => (await fetch(new URL('/readyz', harness.gateway.opsUrl))).status;
    await waitFor(async () => (await ready()) === 503);
    await harness.nats.restart();
    await waitFor(async () => (await ready()) === 200);
    for (const nc of [agent.nc, harness.nc]) await waitFor(() => nc.flush().then(() => true));
    finish();
    expect((await agent.outcome(receipt['id']))['output']).toBe('late');
  });

  it('says unknown for a call that the gateway can not wait for to the end, and its outcome is kept all the same', async () => {
    const replica = await harness.startReplica({ KEYWARD_DRAIN_TIMEOUT_MS: '200' });
    await harness.gateway.stop();
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    harness.executor.behaviour = async () => {
      await finished;
      return { state: 'succeeded', output: 'late' };
    };
    const receipt = await agent.receipt(agent.send(echo));
    const pending = await ask(replica.url, `/v1/executions/${String(receipt['id'])}`, { key: ada.key });
    expect([pending.status, pending.body['id']]).toEqual([202, receipt['id']]);
    await replica.service.stop();
    expect(await agent.outcome(receipt['id'])).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' } });
    finish();
    const { url } = await harness.startReplica();
    const kept = await waitFor(async () => {
      const answer = await ask(url, `/v1/executions/${String(receipt['id'])}`, { key: ada.key });
      return answer.status === 200 ? answer.body : undefined;
    });
    expect(kept['output']).toBe('late');
  });

  it('lets calls in flight end when the gateway is asked to stop', async () => {
    await Promise.all(harness.replicas.map((earlier) => earlier.stop()));
    const replica = await harness.startReplica();
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    harness.executor.behaviour = async () => {
      await finished;
      return { state: 'succeeded', output: 'late' };
    };
    const receipt = await agent.receipt(agent.send(echo));
    expect(receipt['state']).toBe('queued');
    const stopped = replica.service.stop();
    finish();
    await stopped;
    expect((await agent.outcome(receipt['id']))['output']).toBe('late');
  });
});
