import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import type { JetStreamContext } from '@keyward/jetstream';
import { trace } from '@opentelemetry/api';
import { pino } from 'pino';
import { InFlight } from '../../apps/tool-executor/src/bus/in-flight.js';
import { Cancellations } from '../../apps/tool-executor/src/cancel/cancellations.js';
import { Executor } from '../../apps/tool-executor/src/executor.js';
import { Workbench } from './workbench.js';

let bench: Workbench;
let executor: Executor;
let lines: Record<string, unknown>[];
let published: [string, object, string][];
let replies: object[];

beforeAll(async () => {
  bench = await Workbench.start();
});
afterAll(() => bench.stop());
beforeEach(() => {
  bench.reset();
  [lines, published, replies] = [[], [], []];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  executor = new Executor({
    parts: bench.parts,
    inFlight: new InFlight(),
    ...{ cancellations: new Cancellations(), notices: { send: async () => undefined }, clock: { now: Date.now } },
    publisher: { publish: async (subject, payload, { msgId }) => void published.push([subject, payload, msgId]) },
    ...{ tracer: trace.getTracer('test'), logsCalls: true },
    logger: pino({ messageKey: 'message', formatters: { level: (level) => ({ level }) } }, sink),
  });
});

function handle(tool: string, change: object = {}): Promise<void> {
  const request = bench.request(tool, change);
  const context: JetStreamContext = {
    subject: `execution.requested.${request.org}.${request.agent}.${request.id}`,
    headers: undefined,
    deliveries: 1,
    storedAt: Date.now(),
    replyTo: '_INBOX.x',
    signal: new AbortController().signal,
    reply: async (payload) => void replies.push(payload),
  };
  return executor.handle(request, context);
}

describe('what is seen of an execution', () => {
  it('one line in the log, with who, what, how and how long, and nothing of its content', async () => {
    await handle('acme_get', { arguments: { id: 'secret-argument' } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 'info',
      org_id: bench.org,
      agent_id: bench.agent,
      user_id: 'usr_ada',
      tool_name: 'acme_get',
      status: 'succeeded',
      duration_ms: expect.any(Number),
      attempts: 1,
      message: 'tool call',
    });
    expect(JSON.stringify(lines)).not.toMatch(/secret-argument|access-token/);
  });

  it('the same result for the caller and for keeping, under the execution’s id', async () => {
    await handle('acme_get');
    const [[subject, payload, msgId] = []] = published;
    expect(replies).toEqual([payload]);
    expect(subject).toBe(`execution.completed.${bench.org}.${bench.agent}.${msgId}`);
    expect(payload).toMatchObject({ id: msgId, state: 'succeeded' });
  });

  it('metrics, in which neither people nor made-up tools become labels', async () => {
    await handle('acme_get');
    bench.upstream.answer = (_request, response) => response.writeHead(500).end();
    await handle('acme_create');
    await handle(`made_up_${newId('msg')}`);
    const text = await bench.metrics.metrics();
    expect(text).toMatch(/tool_executions_total\{connector="acme",tool="acme_get",state="succeeded"\} \d/);
    expect(text).toMatch(/tool_executions_total\{connector="acme",tool="acme_create",state="unknown"\} \d/);
    expect(text).toContain('tool_executions_total{connector="unknown",tool="unknown",state="failed"} 1');
    expect(text).toMatch(/tool_execution_duration_seconds_count\{connector="acme",tool="acme_get"\} \d/);
    expect(text).toMatch(/tool_broker_overhead_seconds_count \d/);
    for (const id of [bench.org, bench.agent, 'usr_ada', bench.connection.id, 'made_up']) expect(text).not.toContain(id);
  });

  it('connectors that organizations posted as one label, whatever they and their tools are called', async () => {
    const origin = 'https://own.example';
    const manifest = `name: org_own\ntitle: Own\nauth: { kind: api_key }\nbase_url: ${origin}\norigins: ['${origin}']\n`;
    const tools = `
- name: org_own_get
  title: Get
  description: A tool of the tests.
  effect: read
  input: { type: object }
  request: { method: GET, path: /things }
`;
    bench.posted = [{ name: 'org_own', version: 1, manifest, tools }];
    await handle('org_own_get', { dryRun: true });
    const text = await bench.metrics.metrics();
    expect(text).not.toContain('org_own');
    expect(text).toMatch(/tool_executions_total\{connector="posted",tool="posted",state="[a-z]+"\} 1/);
  });

  it('each decision whether an agent may call a tool, and how long it took', async () => {
    const decided = async (decision: string) => {
      const found = new RegExp(`policy_decisions_total\\{decision="${decision}"\\} (\\d+)`).exec(await bench.metrics.metrics());
      return Number(found?.[1]);
    };
    const before = [await decided('allow'), await decided('deny')];
    await handle('acme_get');
    bench.grant.permission = 'read';
    await handle('acme_create');
    expect([await decided('allow'), await decided('deny')]).toEqual(before.map((count) => count + 1));
  });

  it('no line, no metric and no answer where the audit trail does not acknowledge', async () => {
    bench.auditIsDown = true;
    await expect(handle('acme_get')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect([lines, published, replies]).toEqual([[], [], []]);
  });
});
