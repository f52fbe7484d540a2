import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import {
  KeywardError,
  REQUEST_BOUNDS,
  toProblem,
  type ErrorCode,
  type ErrorDetails,
  type ExecutionState,
} from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { ask, startHarness, type Harness } from './harness.js';
import type { SeededAgent } from './seed.js';

let harness: Harness;
let ada: SeededAgent;

beforeAll(async () => {
  harness = await startHarness();
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'write', tools: null });
});
afterAll(() => harness.stop());
afterEach(() => {
  harness.executor.behaviour = async () => ({ state: 'succeeded', output: { ok: true } });
});

const call = (body: unknown, tool = 'sandbox_echo', key = ada.key) =>
  ask(harness.url, `/v1/tools/${tool}/execute`, { key, body });
const echo = { user: 'usr_ada', arguments: { message: 'hello' } };

function endsAs(state: ExecutionState, code: ErrorCode, details: ErrorDetails = {}): void {
  harness.executor.behaviour = async () => ({ state, error: toProblem(new KeywardError(code, 'So it ended.', { details })) });
}

describe('POST /v1/tools/{tool}/execute', () => {
  it('answers with the outcome and hands over exactly what was authenticated and validated', async () => {
    const answer = await call({ ...echo, idempotencyKey: 'run-7/step-3', timeoutMs: 5_000 });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ tool: 'sandbox_echo', state: 'succeeded', output: { ok: true } });
    const { requested, headers } = harness.executor.taken.at(-1) ?? {};
    expect(requested).toEqual({
      id: answer.body['id'],
      org: ada.org,
      agent: ada.agent,
      tool: 'sandbox_echo',
      arguments: { message: 'hello' },
      user: 'usr_ada',
      idempotencyKey: 'run-7/step-3',
      dryRun: false,
      requestedAt: expect.any(String),
      timeoutMs: 5_000,
    });
    expect(headers?.['Nats-Msg-Id']).toBe(answer.body['id']);
  });

  it('gives a call that failed the status of its error, as a problem with the execution’s id', async () => {
    endsAs('failed', 'provider_error', { providerStatus: 500 });
    const answer = await call(echo);
    expect(answer.status).toBe(502);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      code: 'provider_error',
      providerStatus: 500,
      executionId: harness.executor.taken.at(-1)?.requested.id,
      traceId: 'c'.repeat(32),
      attempts: 1,
    });
  });

  it('tells when to try again', async () => {
    endsAs('failed', 'rate_limited', { retryAfterMs: 1_200 });
    const answer = await call(echo);
    expect([answer.status, answer.headers.get('retry-after'), answer.body['retryAfterMs']]).toEqual([429, '2', 1_200]);
  });

  it('gives a denied call the status of its error', async () => {
    endsAs('denied', 'needs_reauthorization', { connectUrl: 'https://keyward.example/connect/x' });
    const answer = await call(echo);
    expect([answer.status, answer.body['connectUrl']]).toEqual([409, 'https://keyward.example/connect/x']);
  });

  it('answers a receipt at once for wait=none, and the outcome is found where Location says', async () => {
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    harness.executor.behaviour = async () => {
      await finished;
      return { state: 'succeeded', output: 42 };
    };
    const receipt = await call({ ...echo, wait: 'none' });
    expect([receipt.status, receipt.body['state']]).toEqual([202, 'queued']);
    const location = receipt.headers.get('location') ?? '';
    expect(location).toBe(`/v1/executions/${String(receipt.body['id'])}`);
    const pending = await ask(harness.url, location, { key: ada.key });
    expect([pending.status, pending.body['id']]).toEqual([202, receipt.body['id']]);
    expect(['queued', 'running']).toContain(pending.body['state']);
    finish();
    const outcome = await waitFor(async () => {
      const now = await ask(harness.url, location, { key: ada.key });
      return now.status === 200 ? now : undefined;
    });
    expect(outcome.body).toMatchObject({ id: receipt.body['id'], state: 'succeeded', output: 42 });
  });

  it('answers a receipt when the deadline passes without an outcome', async () => {
    harness.executor.behaviour = async () => undefined;
    const answer = await call({ ...echo, timeoutMs: 100 });
    expect([answer.status, answer.body['state']]).toEqual([202, 'queued']);
    expect(answer.headers.get('location')).toMatch(/^\/v1\/executions\/exe_/);
    expect(await harness.metrics()).toMatch(/gateway_waits_in_flight\{[^}]*\} 0/);
  });

  it('stops waiting when the caller leaves, and the call goes on', async () => {
    harness.executor.behaviour = async () => undefined;
    const before = harness.executor.taken.length;
    const leaving = new AbortController();
    const request = fetch(`${harness.url}/v1/tools/sandbox_echo/execute`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...echo, timeoutMs: 300_000 }),
      signal: leaving.signal,
    });
    await waitFor(() => harness.executor.taken.length > before);
    leaving.abort();
    await expect(request).rejects.toThrow();
    await waitFor(async () => /gateway_waits_in_flight\{[^}]*\} 0/.test(await harness.metrics()));
  });
});

describe('a call that is refused before it is handed over', () => {
  let reader: SeededAgent;
  beforeAll(async () => {
    reader = await harness.seed.agent(ada.org, {
      connector: 'sandbox',
      permission: 'read',
      tools: ['sandbox_echo', 'sandbox_get_note'],
    });
  });

  const cases: [string, string, unknown, number, ErrorCode, ExecutionState][] = [
    ['of a tool that does not exist', 'no_such_tool', {}, 404, 'unknown_tool', 'failed'],
    ['of a tool beyond its permission', 'sandbox_create_note', { title: 'x' }, 403, 'tool_not_assigned', 'denied'],
    ['of a tool that its assignment does not name', 'sandbox_list_notes', {}, 403, 'tool_not_assigned', 'denied'],
    ['with arguments that do not fit the schema', 'sandbox_get_note', { id: 7 }, 400, 'invalid_arguments', 'failed'],
  ];

  it.each(cases)('%s is answered, audited and not published', async (_what, tool, args, status, code, state) => {
    const [before, events] = [harness.executor.taken.length, (await harness.auditEvents()).length];
    const answer = await call({ user: 'usr_ada', arguments: args }, tool, reader.key);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    const audited = (await harness.auditEvents()).slice(events);
    expect(audited).toEqual([
      expect.objectContaining({
        type: 'execution.completed',
        org: reader.org,
        actor: { kind: 'agent', id: reader.agent },
        agent: reader.agent,
        user: 'usr_ada',
        tool,
        state,
        errorCode: code,
        traceId: answer.body['traceId'],
        execution: expect.stringMatching(/^exe_/),
      }),
    ]);
    expect(harness.executor.taken.length).toBe(before);
  });

  it('says where in the arguments it went wrong', async () => {
    const answer = await call({ user: 'usr_ada', arguments: { id: 7 } }, 'sandbox_get_note', reader.key);
    expect(answer.body['errors']).toEqual([expect.objectContaining({ pointer: '/id' })]);
  });

  it('says nothing more to an agent without any assignment', async () => {
    const stranger = await harness.seed.agent(await harness.seed.organization());
    expect((await call(echo, 'sandbox_echo', stranger.key)).body['code']).toBe('tool_not_assigned');
  });

  it('is counted, under a name that the caller did not make up', async () => {
    await call(echo, 'made_up_by_the_caller', reader.key);
    const metrics = await harness.metrics();
    expect(metrics).toMatch(/tool_executions_total\{connector="unknown",tool="unknown",state="failed"[^}]*\} [1-9]/);
    expect(metrics).not.toContain('made_up_by_the_caller');
  });
});

describe('a call that is as large as a body may be', () => {
  const MANIFEST = `
name: loose
title: Loose
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: https://loose.example/auth
  token_endpoint: https://loose.example/token
  scopes: { default: [] }
refresh: { rotates: false }
base_url: https://loose.example
origins: [https://loose.example]
`;
  const TOOLS = `
- name: loose_tool
  title: Takes anything
  description: Takes any text.
  effect: read
  input: { type: object, properties: { text: { type: string } } }
  request: { method: POST, path: /x, body: { text: $.text } }
`;

  it('fits the bus together with what we add', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'keyward-connectors-'));
    mkdirSync(join(dir, 'loose'));
    writeFileSync(join(dir, 'loose', 'connector.yaml'), MANIFEST);
    writeFileSync(join(dir, 'loose', 'tools.yaml'), TOOLS);
    const { url } = await harness.startReplica({ KEYWARD_CONNECTORS_DIR: dir, KEYWARD_CONNECTOR_VARIABLES: '{}' });
    const agent = await harness.seed.agent(ada.org, { connector: 'loose', permission: 'read', tools: null });
    const send = (length: number) =>
      ask(url, '/v1/tools/loose_tool/execute', {
        key: agent.key,
        body: { user: 'usr_ada', arguments: { text: 'x'.repeat(length) } },
      });
    const around = JSON.stringify({ user: 'usr_ada', arguments: { text: '' } }).length;
    expect((await send(REQUEST_BOUNDS.maxBytes - around)).status).toBe(200);
    const answer = await send(REQUEST_BOUNDS.maxBytes - around + 1);
    expect([answer.status, answer.body['code']]).toEqual([413, 'request_too_large']);
    rmSync(dir, { recursive: true });
  });
});

describe('a body that is not what it should be', () => {
  const nested = (depth: number) => `{"user":"usr_ada","arguments":{"message":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
  it.each([
    ['not JSON', '{"user":', 400, 'invalid_request'],
    ['too large', JSON.stringify({ ...echo, arguments: { message: 'x'.repeat(1_100_000) } }), 413, 'request_too_large'],
    ['too deep', nested(10_000), 400, 'invalid_request'],
    ['a prototype key', '{"user":"usr_ada","__proto__":{"org":"x"}}', 400, 'invalid_request'],
    ['an organization of the caller’s choice', JSON.stringify({ ...echo, org: 'org_x' }), 400, 'invalid_request'],
    ['an execution id of the caller’s choice', JSON.stringify({ ...echo, id: 'exe_x' }), 400, 'invalid_request'],
    ['a user with a line break', JSON.stringify({ ...echo, user: 'usr\r\nada' }), 400, 'invalid_request'],
    ['a time-out out of range', JSON.stringify({ ...echo, timeoutMs: 1e9 }), 400, 'invalid_request'],
    ['a connection id in upper case', JSON.stringify({ ...echo, connection: `CONN_${'0'.repeat(32)}` }), 400, 'invalid_request'],
    ['nothing', '', 400, 'invalid_request'],
  ])('is refused: %s', async (_what, text, status, code) => {
    const before = harness.executor.taken.length;
    const response = await fetch(`${harness.url}/v1/tools/sandbox_echo/execute`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' },
      body: text,
    });
    const problem = (await response.json()) as { code: string; type: string };
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(harness.executor.taken.length).toBe(before);
  });

  test.prop([fc.oneof(fc.json(), fc.string(), fc.json({ depthSize: 'large', stringUnit: 'binary' }))], { numRuns: 200 })(
    'is refused without an error of ours, whatever it is',
    async (text) => {
      const response = await fetch(`${harness.url}/v1/tools/sandbox_echo/execute`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' },
        body: text,
      });
      await response.body?.cancel();
      expect([400, 413]).toContain(response.status);
    },
  );

  const hostileArguments = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('message', 'constructor', 'toString', 'hasOwnProperty', '$ref')),
    fc.jsonValue(),
  );
  test.prop([hostileArguments], { numRuns: 200 })(
    'is taken or refused by its schema, whatever the arguments are',
    async (args) => {
      const { status, body } = await call({ user: 'usr_ada', arguments: args });
      expect([status, body['code']]).toEqual(
        Object.keys(args).join() === 'message' && typeof args['message'] === 'string'
          ? [200, undefined]
          : [400, expect.stringMatching(/^invalid_/)],
      );
    },
  );

  it.each(['sandbox_echo%2f..', '..%2f..%2fadmin', 'a'.repeat(65), 'sandbox%00echo'])(
    'is refused in the path: %s',
    async (tool) => {
      const { status } = await call(echo, tool);
      expect([400, 404]).toContain(status);
    },
  );
});
