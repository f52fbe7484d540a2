import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authRequests, newId } from '@keyward/contracts';
import { serveRequests, type RequestServer } from '@keyward/jetstream';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ask, startHarness, type Answer, type Harness } from './harness.js';
import type { SeededAgent } from './seed.js';

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: { 'application/json': { schema: object } } };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

let harness: Harness;
let ada: SeededAgent;
let auth: RequestServer;
let paths: Record<string, Record<string, Operation>>;
let ajv: Ajv2020;

beforeAll(async () => {
  harness = await startHarness();
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'read', tools: null });
  await harness.seed.connection(ada, 'usr_ada');
  auth = serveRequests(harness.nc, authRequests.createConnectSession, 'auth-service', async () => ({
    outcome: 'created',
    session: { id: newId('cse'), url: 'https://keyward.example/connect/x', expiresAt: new Date().toISOString() },
  }));
  const document = (await ask(harness.url, '/openapi.json')).body as { paths: typeof paths; components: { schemas: object } };
  paths = document.paths;
  ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true, validateFormats: false });
  ajv.addKeyword('components');
  // The schemas refer to each other by their place in the document.
  ajv.addSchema({ $id: 'openapi', components: document.components });
});
afterAll(async () => {
  await auth.close();
  await harness.stop();
});

const resolved = (schema: object) =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')) as object;

/** @returns what the document says against this answer; empty where they agree. */
function disagreements(method: string, template: string, answer: Answer): unknown {
  const responses = paths[template]?.[method]?.responses ?? {};
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  const schema = (responses[String(answer.status)] ?? responses['default'])?.content[type]?.schema;
  if (schema === undefined) return `${answer.status} as ${type} is not documented`;
  const validate = ajv.compile(resolved(schema));
  return validate(answer.body) ? '' : validate.errors;
}

describe('what the OpenAPI document says is what the gateway answers', () => {
  const echo = { user: 'usr_ada', arguments: { message: 'x' } };

  it('for a call that succeeds, one that is accepted, and the outcome later', async () => {
    const template = '/v1/tools/{tool}/execute';
    const done = await ask(harness.url, '/v1/tools/sandbox_echo/execute', { key: ada.key, body: echo });
    expect([done.status, disagreements('post', template, done)]).toEqual([200, '']);
    const receipt = await ask(harness.url, '/v1/tools/sandbox_echo/execute', { key: ada.key, body: { ...echo, wait: 'none' } });
    expect([receipt.status, disagreements('post', template, receipt)]).toEqual([202, '']);
    const kept = await ask(harness.url, `/v1/executions/${String(done.body['id'])}`, { key: ada.key });
    expect([kept.status, disagreements('get', '/v1/executions/{id}', kept)]).toEqual([200, '']);
    const late = await ask(harness.url, `/v1/executions/${String(done.body['id'])}/cancel`, { key: ada.key, method: 'POST' });
    expect([late.status, disagreements('post', '/v1/executions/{id}/cancel', late)]).toEqual([200, '']);
  });

  it('for lists and connect sessions', async () => {
    for (const [template, query] of [
      ['/v1/tools', '?user=usr_ada'],
      ['/v1/connections', ''],
    ] as const) {
      const answer = await ask(harness.url, template + query, { key: ada.key });
      expect([answer.status, disagreements('get', template, answer)]).toEqual([200, '']);
    }
    const body = { user: 'usr_ada', provider: 'sandbox' };
    const session = await ask(harness.url, '/v1/connect-sessions', { key: ada.key, body });
    expect([session.status, disagreements('post', '/v1/connect-sessions', session)]).toEqual([201, '']);
  });

  it('for every kind of refusal', async () => {
    const template = '/v1/tools/{tool}/execute';
    const execute = (tool: string, body: unknown, key?: string) =>
      ask(harness.url, `/v1/tools/${tool}/execute`, { body, ...(key === undefined ? {} : { key }) });
    for (const answer of [
      await execute('sandbox_echo', echo),
      await execute('sandbox_echo', { user: 1 }, ada.key),
      await execute('sandbox_echo', { user: 'usr_ada', arguments: {} }, ada.key),
      await execute('no_such_tool', echo, ada.key),
      await execute('sandbox_delete_note', echo, ada.key),
    ]) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(disagreements('post', template, answer)).toBe('');
    }
    const absent = await ask(harness.url, `/v1/executions/${newId('exe')}`, { key: ada.key });
    expect([absent.status, disagreements('get', '/v1/executions/{id}', absent)]).toEqual([404, '']);
  });

  it('for what is sent: the same bodies are taken and refused', async () => {
    const schema = paths['/v1/tools/{tool}/execute']?.['post']?.requestBody?.content['application/json'].schema;
    const documented = ajv.compile(resolved(schema ?? {}));
    for (const body of [
      echo,
      { user: 'usr_ada', arguments: { message: 'x' }, timeoutMs: 100, wait: 'none', dryRun: true, idempotencyKey: 'k' },
      { ...echo, timeoutMs: 99 },
      { ...echo, timeoutMs: 1.5 },
      { ...echo, user: '' },
      { ...echo, idempotencyKey: '' },
      { ...echo, unknown: 1 },
      { arguments: {} },
      { ...echo, arguments: [] },
    ]) {
      const { status } = await ask(harness.url, '/v1/tools/sandbox_echo/execute', { key: ada.key, body });
      expect([body, status < 400]).toEqual([body, documented(body)]);
    }
  });
});
