import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { KeywardError, newId, toProblem } from '@keyward/contracts';
import { mintAgentCreds } from '@keyward/nats-accounts';
import { connectAgent, type Agent } from '@keyward/sdk';
import { waitFor } from '@keyward/testing';
import { startOperatedHarness, type OperatedHarness } from './harness.js';
import type { SeededAgent } from './seed.js';

let harness: OperatedHarness;
let ada: SeededAgent;
let credsFile: string;
const agents: Agent[] = [];

beforeAll(async () => {
  harness = await startOperatedHarness({ publish: ['_INBOX.>', 'tool.result.>'], subscribe: ['tool.execute.>'] });
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'read', tools: null });
  credsFile = await harness.agentCreds(ada);
});
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
  harness.executor.behaviour = async ({ arguments: args }) => ({ state: 'succeeded', output: args['message'] });
});
afterAll(() => harness.stop());

async function open(doors: { nats?: boolean; http?: boolean }, creds = credsFile): Promise<Agent> {
  const agent = await connectAgent({
    ...(doors.nats === true ? { natsUrl: harness.nats.url, credsFile: creds } : {}),
    ...(doors.http === true ? { gatewayUrl: harness.url, agentKey: ada.key } : {}),
  });
  agents.push(agent);
  return agent;
}

const echo = (message: string) => ({ user: 'usr_ada', arguments: { message } });

describe.each([
  ['NATS', { nats: true }],
  ['HTTP', { http: true }],
] as const)('an agent over %s', (_name, doors) => {
  it('gets each call’s own result, however many are under way', async () => {
    const agent = await open(doors);
    harness.executor.behaviour = async ({ arguments: args }) => ({ state: 'succeeded', output: args['message'] });
    const results = await Promise.all(Array.from({ length: 200 }, (_, i) => agent.execute('sandbox_echo', echo(`${i}`))));
    expect(results.map(({ output }) => output)).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`));
  });

  it('gets a receipt for a call that waits, and asks for it to end', async () => {
    const agent = await open({ ...doors, http: true });
    const waitingFor = {
      reason: 'connection_required',
      detail: 'Not connected.',
      expiresAt: '2026-11-21T00:00:00.000Z',
    } as const;
    harness.executor.behaviour = async ({ waitForMs }) =>
      waitForMs === 3_600_000 ? { state: 'waiting_for_authorization', waitingFor } : { state: 'failed' };
    const receipt = await agent.execute('sandbox_echo', { ...echo('x'), wait: 'authorization', waitForMs: 3_600_000 });
    expect(receipt).toEqual({ id: expect.any(String), state: 'waiting_for_authorization', waitingFor });
    harness.executor.waiting = () => ({ outcome: 'waiting', waitingFor });
    expect(await agent.execution(receipt.id)).toEqual(receipt);
    await agent.cancel(receipt.id);
    harness.executor.waiting = () => ({ outcome: 'absent' });
    expect(harness.executor.cancelled.at(-1)).toEqual({ org: ada.org, agent: ada.agent, execution: receipt.id });
  });

  it('gets an error with its code for what did not succeed', async () => {
    const agent = await open(doors);
    await expect(agent.execute('no_such_tool', echo('x'))).rejects.toMatchObject({ code: 'unknown_tool' });
    await expect(agent.execute('sandbox_echo', { user: 'usr_ada' })).rejects.toMatchObject({
      code: 'invalid_arguments',
      details: { errors: [expect.objectContaining({ pointer: expect.any(String) })] },
    });
    const error = toProblem(
      new KeywardError('connection_required', 'Connect first.', { details: { connectUrl: 'https://k.example/c' } }),
    );
    harness.executor.behaviour = async () => ({ state: 'denied', error });
    await expect(agent.execute('sandbox_echo', echo('x'))).rejects.toMatchObject({
      code: 'connection_required',
      details: { connectUrl: 'https://k.example/c', executionId: expect.stringMatching(/^exe_/) },
    });
    await expect(agent.execute('sandbox_echo', echo('x'))).rejects.toBeInstanceOf(KeywardError);
  });

  it('learns that an outcome did not come in time, and which call that was', async () => {
    const agent = await open(doors);
    harness.executor.behaviour = async () => undefined;
    const error = await agent.execute('sandbox_echo', { ...echo('x'), timeoutMs: 100 }).catch((thrown: unknown) => thrown);
    const executionId = harness.executor.taken.at(-1)?.requested.id;
    expect(error).toMatchObject({ code: 'outcome_unknown', details: { executionId } });
  });
});

describe('an agent over both doors', () => {
  it('lists its tools and looks up earlier outcomes', async () => {
    const agent = await open({ nats: true, http: true });
    harness.executor.behaviour = async () => ({ state: 'succeeded', output: 1 });
    const tools = await agent.tools({ search: 'echo' });
    expect(tools.map(({ name }) => name)).toEqual(['sandbox_echo']);
    const result = await agent.execute('sandbox_echo', echo('x'));
    expect(await agent.execution(result.id)).toEqual(result);
    await expect(agent.execution(newId('exe'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('finds the kept outcome where the bus did not bring it', async () => {
    const agent = await open({ nats: true, http: true });
    harness.executor.behaviour = async () => ({ state: 'succeeded', output: 'kept' });
    harness.executor.replies = false;
    await expect(agent.execute('sandbox_echo', { ...echo('x'), timeoutMs: 100 })).resolves.toMatchObject({ output: 'kept' });
    harness.executor.replies = true;
  });

  it('needs the HTTP door for lists', async () => {
    const agent = await open({ nats: true });
    await expect(agent.tools()).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('agents over NATS', () => {
  it('of the same identity in two processes each get their own results', async () => {
    const [one, two] = [await open({ nats: true }), await open({ nats: true })];
    const calls = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : two).execute('sandbox_echo', echo(`${i}`)));
    const results = await Promise.all(calls);
    expect(results.map(({ output }) => output)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
  });

  it('are told when their credentials are not accepted', async () => {
    const expired = await harness.agentCreds({ org: ada.org, agent: newId('agt') }, -10);
    await expect(open({ nats: true }, expired)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('keep working past the end of their credentials, once the file holds new ones', async () => {
    const endsAt = Date.now() + 2_000;
    const creds = await harness.agentCreds(ada, 2);
    const agent = await open({ nats: true }, creds);
    await agent.execute('sandbox_echo', echo('before'));
    writeFileSync(creds, await mintAgentCreds(harness.operator, ada, 600));
    // From the next full second on, the server has ended the first login.
    const result = await waitFor(async () => {
      if (Date.now() < endsAt + 1_000) return undefined;
      return agent.execute('sandbox_echo', { ...echo('after'), timeoutMs: 1_000 });
    });
    expect(result.output).toBe('after');
  });

  it('say so at once when nothing can be sent, and work again when the server is back', async () => {
    const agent = await open({ nats: true });
    await agent.execute('sandbox_echo', echo('before'));
    await harness.nats.kill();
    await waitFor(() =>
      agent.execute('sandbox_echo', { ...echo('x'), timeoutMs: 100 }).then(
        () => false,
        (error: KeywardError) => error.code === 'dependency_unavailable',
      ),
    );
    await harness.nats.restart();
    const result = await waitFor(() => agent.execute('sandbox_echo', { ...echo('after'), timeoutMs: 1_000 }), {
      timeoutMs: 20_000,
    });
    expect(result.output).toBe('after');
  });

  it('end what is under way when they are closed', async () => {
    const agent = await open({ nats: true });
    const before = harness.executor.taken.length;
    harness.executor.behaviour = async () => undefined;
    const call = agent.execute('sandbox_echo', echo('x'));
    const ended = expect(call).rejects.toMatchObject({ code: 'outcome_unknown' });
    await waitFor(() => harness.executor.taken.length > before);
    await agent.close();
    await ended;
  });

  it('learn that nobody is there to take the call', async () => {
    const agent = await open({ nats: true });
    await harness.gateway.stop();
    await expect(agent.execute('sandbox_echo', echo('x'))).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });
});
