import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { newId, REQUEST_BOUNDS, streams, subjects } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { mintServiceCreds } from '@keyward/nats-accounts';
import { AgentClient } from './agent-client.js';
import { startOperatedHarness, type OperatedHarness } from './harness.js';
import type { SeededAgent } from './seed.js';

/**
 * The gateway's own login may do everything in account AGENTS here, so what holds, holds because of the gateway; what nats-server
 * stops by the agents' own permissions is told apart.
 */
let harness: OperatedHarness;
let mallory: SeededAgent;
let victim: SeededAgent;
let attacker: AgentClient;
let bystander: AgentClient;
/** Hears everything in account AGENTS. */
let wiretap: NatsConnection;
const heard: string[] = [];

beforeAll(async () => {
  harness = await startOperatedHarness();
  const assigned = { connector: 'sandbox', permission: 'read', tools: null } as const;
  const org = await harness.seed.organization();
  mallory = await harness.seed.agent(org, assigned);
  victim = await harness.seed.agent(await harness.seed.organization(), assigned);
  attacker = await login(mallory);
  bystander = await login(victim);
  const creds = await mintServiceCreds(harness.operator, 'AGENTS', 'wiretap');
  wiretap = await connect({ servers: harness.nats.url, authenticator: credsAuthenticator(new TextEncoder().encode(creds)) });
  wiretap.subscribe('>', { callback: (_error, { subject }) => void heard.push(subject) });
  await wiretap.flush();
});
afterAll(async () => {
  for (const nc of [attacker.nc, bystander.nc, wiretap]) await nc.close();
  await harness.stop();
});
afterEach(() => {
  heard.length = 0;
});

async function login(who: { org: string; agent: string }): Promise<AgentClient> {
  return AgentClient.connect(harness.nats.url, await harness.agentCreds(who), who);
}

const echo = { tool: 'sandbox_echo', user: 'usr_ada', arguments: { message: 'hello' } };

describe('an agent that lies about who it is', () => {
  it('is taken for whom the server let publish, whatever its headers say', async () => {
    const forged: [string, string][] = [
      ['Keyward-Org', victim.org],
      ['Keyward-Agent', victim.agent],
      ['Keyward-Reply-To', `_INBOX.${victim.agent}.x`],
      ['Nats-Expected-Stream', streams.audit],
      ['Nats-Rollup', 'all'],
      ['Nats-Msg-Id', 'mine'],
      ['tracestate', 'evil=1'],
      ['baggage', 'org=other'],
    ];
    const receipt = await attacker.receipt(attacker.send(echo, { headers: forged }));
    await attacker.outcome(receipt['id']);
    const taken = harness.executor.taken.find(({ requested }) => requested.id === receipt['id']);
    expect(taken?.requested).toMatchObject({ org: mallory.org, agent: mallory.agent });
    expect(Object.keys(taken?.headers ?? {}).sort()).toEqual(['Keyward-Reply-To', 'Nats-Msg-Id', 'traceparent']);
    expect(taken?.headers['Nats-Msg-Id']).toBe(receipt['id']);
    expect(taken?.headers['Keyward-Reply-To']).not.toContain(victim.agent);
    expect(bystander.outcomes).toEqual([]);
    expect(bystander.receipts).toEqual([]);
  });

  it('can not publish as another agent, nor as one of another organization', async () => {
    const before = harness.executor.taken.length;
    for (const subject of [
      subjects.toolExecute(victim.org, victim.agent),
      subjects.toolExecute(mallory.org, victim.agent),
      subjects.toolExecute(victim.org, mallory.agent),
      subjects.toolResult(victim.org, victim.agent, newId('exe')),
      `tool.execute.${mallory.org}.${mallory.agent}.more`,
      'execution.requested.x.y',
      'control.revoked',
    ]) {
      attacker.refusals.length = 0;
      attacker.send(echo, { subject });
      await waitFor(() => attacker.refusals.some((text) => text.includes(subject)), { what: `a refusal of ${subject}` });
    }
    expect(harness.executor.taken.length).toBe(before);
    expect(heard).toEqual([]);
  });

  it('can not listen to others', async () => {
    for (const subject of [
      '>',
      'tool.>',
      'tool.execute.>',
      `tool.result.${victim.org}.>`,
      `_INBOX.${victim.agent}.>`,
      '_INBOX.>',
    ]) {
      attacker.refusals.length = 0;
      attacker.nc.subscribe(subject, { callback: () => undefined });
      await waitFor(() => attacker.refusals.some((text) => text.includes(`"${subject}"`)), { what: `a refusal of ${subject}` });
    }
  });

  it.each([
    ['an agent nobody knows', () => ({ org: mallory.org, agent: newId('agt') })],
    ['an organization nobody knows', () => ({ org: newId('org'), agent: newId('agt') })],
    ['an agent in an organization that is not its own', () => ({ org: victim.org, agent: mallory.agent })],
  ])('is denied as %s, and that is audited', async (_what, who) => {
    const stranger = await login(who());
    const problem = await stranger.receipt(stranger.send(echo));
    expect(problem['code']).toBe('tool_not_assigned');
    expect((await harness.auditEvents()).at(-1)).toMatchObject({
      ...who,
      org: stranger.org,
      agent: stranger.agent,
      state: 'denied',
    });
    await stranger.nc.close();
  });

  it('is not heard at all under an id in another case', async () => {
    const shouting = await login({ org: mallory.org, agent: mallory.agent.toUpperCase() });
    const before = harness.executor.taken.length;
    shouting.send(echo);
    await waitFor(async () => /gateway_ignored_messages_total\{reason="subject"[^}]*\} 1/.test(await harness.metrics()));
    expect(shouting.receipts).toEqual([]);
    expect(harness.executor.taken.length).toBe(before);
    await shouting.nc.close();
  });
});

describe('an agent that chooses where the gateway answers', () => {
  it.each([
    ['JetStream’s API', () => `$JS.API.STREAM.PURGE.${streams.executions}`],
    ['the system', () => '$SYS.REQ.SERVER.PING'],
    ['another agent’s inbox', () => `_INBOX.${victim.agent}.gotcha`],
    ['another agent’s result', () => subjects.toolResult(victim.org, victim.agent, newId('exe'))],
    ['a service', () => 'auth.v1.create_connect_session'],
    ['nowhere', () => null],
  ])('gets no answer at %s, and its outcome where it belongs', async (_what, reply) => {
    const subject = reply();
    attacker.outcomes.length = 0;
    attacker.send(echo, { reply: subject });
    const outcome = await attacker.outcome();
    expect(outcome['state']).toBe('succeeded');
    await wiretap.flush();
    const own = [
      `tool.execute.${mallory.org}.${mallory.agent}`,
      `tool.result.${mallory.org}.${mallory.agent}.${String(outcome['id'])}`,
    ];
    expect(heard).toEqual(own);
    expect(bystander.receipts).toEqual([]);
    const manager = await jetstreamManager(harness.nc);
    expect((await manager.streams.info(streams.results)).state.messages).toBeGreaterThan(0);
  });

  it('is not even let through with the reply subject of an acknowledgement', async () => {
    const reply = `$JS.ACK.${streams.executions}.tool-executor.1.1.1.1.0`;
    attacker.refusals.length = 0;
    attacker.send(echo, { reply });
    await waitFor(() => attacker.refusals.some((text) => text.includes(reply)), { what: 'a refusal' });
    expect(heard).toEqual([]);
  });

  it('hears of a refusal where it belongs, too', async () => {
    attacker.outcomes.length = 0;
    attacker.send({ ...echo, tool: 'no_such_tool' }, { reply: `_INBOX.${victim.agent}.x` });
    expect(await attacker.outcome()).toMatchObject({ state: 'failed', error: { code: 'unknown_tool' }, connection: null });
    expect(bystander.receipts).toEqual([]);
  });
});

describe('an agent that reuses message ids', () => {
  it('swallows nobody’s call', async () => {
    const before = harness.executor.taken.length;
    const first = attacker.send(echo, { headers: [['Nats-Msg-Id', 'the-same']] });
    const second = bystander.send(echo, { headers: [['Nats-Msg-Id', 'the-same']] });
    const [one, two] = [await attacker.receipt(first), await bystander.receipt(second)];
    expect((await attacker.outcome(one['id']))['state']).toBe('succeeded');
    expect((await bystander.outcome(two['id']))['state']).toBe('succeeded');
    expect(harness.executor.taken.length - before).toBe(2);
  });
});

describe('a traceparent of an agent', () => {
  const trace = 'a'.repeat(32);
  const traceOf = async (headers: [string, string][]) => {
    const receipt = await attacker.receipt(attacker.send(echo, { headers }));
    const taken = await waitFor(() => harness.executor.taken.find(({ requested }) => requested.id === receipt['id']));
    return taken.headers['traceparent'] ?? '';
  };

  it('is continued where it is valid', async () => {
    expect(await traceOf([['traceparent', `00-${trace}-${'b'.repeat(16)}-01`]])).toContain(trace);
  });

  it.each([
    [[['traceparent', `00-${trace}-${'0'.repeat(16)}-01`]]],
    [[['traceparent', `00-${trace.toUpperCase()}-${'b'.repeat(16)}-01`]]],
    [[['traceparent', `00-${trace}-${'b'.repeat(16)}-01 evil`]]],
    [[['traceparent', trace]]],
    [
      [
        ['traceparent', `00-${trace}-${'b'.repeat(16)}-01`],
        ['traceparent', `00-${trace}-${'d'.repeat(16)}-01`],
      ],
    ],
  ] as [string, string][][][])('is not where it is not: %j', async (headers) => {
    const sent = await traceOf(headers);
    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(sent).not.toContain(trace);
  });
});

describe('an agent that sends anything', () => {
  test.prop([fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json())], { numRuns: 200 })('gets a problem', async (payload) => {
    const problem = await attacker.receipt(attacker.send(payload));
    expect(problem['code']).toBe('invalid_request');
  });
});

describe('an agent that sends too much', () => {
  const cutArguments = (bytes: number) => JSON.stringify({ ...echo, arguments: { message: 'x'.repeat(bytes) } }).slice(0, bytes);
  const nested = (bytes: number) => '['.repeat(bytes);

  it.each([
    ['arguments, up to our bound', () => cutArguments(REQUEST_BOUNDS.maxBytes), 'invalid_request'],
    ['nesting, up to our bound', () => nested(REQUEST_BOUNDS.maxBytes), 'invalid_request'],
    ['arguments, up to what the server lets through', () => cutArguments(serverLimit()), 'request_too_large'],
    ['nesting, up to what the server lets through', () => nested(serverLimit()), 'request_too_large'],
  ])('of %s, gets a problem, and nobody else notices', async (_what, payload, code) => {
    const before = harness.executor.taken.length;
    const reply = attacker.send(payload());
    const receipt = await bystander.receipt(bystander.send(echo));
    expect((await attacker.receipt(reply))['code']).toBe(code);
    expect((await bystander.outcome(receipt['id']))['state']).toBe('succeeded');
    expect(harness.executor.taken.length - before).toBe(1);
  });

  const serverLimit = () => attacker.nc.info?.max_payload ?? 0;
});
