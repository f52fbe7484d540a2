import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
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
      deadline: expect.any(String),
    });
    expect(Date.parse(String(requested?.deadline)) - Date.parse(String(requested?.requestedAt))).toBe(5_000);
    expect(headers?.['Nats-Msg-Id']).toBe(answer.body['id']);
  });
});
