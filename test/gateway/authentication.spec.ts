import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatAgentKey, newId } from '@keyward/contracts';
import { broadcastRevoked } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import { ask, startHarness, type Harness } from './harness.js';
import { sendRaw } from './raw-http.js';
import type { SeededAgent } from './seed.js';

let harness: Harness;
let ada: SeededAgent;

beforeAll(async () => {
  harness = await startHarness();
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'read', tools: null });
});
afterAll(() => harness.stop());

const tools = (key?: string, url = harness.url) => ask(url, '/v1/tools', key === undefined ? {} : { key });
const randomSecret = () => randomBytes(32).toString('base64url');

describe('an agent key', () => {
  it('opens the door', async () => {
    expect((await tools(ada.key)).status).toBe(200);
  });

  it.each([
    ['is missing', () => undefined],
    ['is malformed', () => 'kwa_nonsense'],
    ['is unknown', () => formatAgentKey({ id: newId('key'), secret: randomSecret() })],
    ['has the wrong secret', () => formatAgentKey({ id: ada.keyId, secret: randomSecret() })],
    ['is in upper case', () => ada.key.toUpperCase()],
    ['has something after it', () => `${ada.key}x`],
  ])('that %s is unauthenticated', async (_what, key) => {
    const answer = await tools(key());
    expect([answer.status, answer.body['code']]).toEqual([401, 'unauthenticated']);
    expect(JSON.stringify(answer.body)).not.toContain('kwa_');
  });

  it('is asked for at every door but the document', async () => {
    for (const [method, path] of [
      ['GET', '/v1/tools'],
      ['POST', '/v1/tools/sandbox_echo/execute'],
      ['GET', `/v1/executions/${newId('exe')}`],
      ['GET', '/v1/connections'],
      ['POST', '/v1/connect-sessions'],
    ] as const) {
      const { status } = await ask(harness.url, path, { method });
      expect([path, status]).toEqual([path, 401]);
    }
    expect((await ask(harness.url, '/openapi.json')).status).toBe(200);
  });

  it('that is revoked is refused at once everywhere', async () => {
    const replica = await harness.startReplica();
    const { keyId, key } = await harness.seed.key(ada.org, ada.agent);
    for (const url of [harness.url, replica.url]) expect((await tools(key, url)).status).toBe(200);
    await harness.seed.revokeKey(keyId);
    await broadcastRevoked(harness.nc, { kind: 'agent_key', org: ada.org, agent: ada.agent, key: keyId });
    for (const url of [harness.url, replica.url]) await waitFor(async () => (await tools(key, url)).status === 401);
    expect((await tools(ada.key)).status).toBe(200);
  });
});

describe('the Authorization header', () => {
  const request = (...lines: string[]) =>
    `GET /v1/tools HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('\r\n')}\r\n\r\n`;

  it('given twice is refused, whichever of the two is valid', async () => {
    const other = formatAgentKey({ id: newId('key'), secret: randomSecret() });
    for (const [first, second] of [
      [ada.key, other],
      [other, ada.key],
      [ada.key, ada.key],
    ]) {
      const lines = [`Authorization: Bearer ${String(first)}`, `aUTHORIZATION: Bearer ${String(second)}`];
      const { status, body } = await sendRaw(harness.url, request(...lines));
      expect(status).toBe(400);
      expect(body).toContain('invalid_request');
    }
  });

  it.each(['Basic YTpi', 'Bearer', 'Bearer  ', 'Token x', 'Bearer a b', 'Bearer a, Bearer b'])(
    'of another kind is refused: %s',
    async (value) => {
      expect((await sendRaw(harness.url, request(`Authorization: ${value}`))).status).toBe(401);
    },
  );

  it('may spell the scheme as it likes', async () => {
    expect((await sendRaw(harness.url, request(`authorization: bEARER ${ada.key}`))).status).toBe(200);
  });
});

describe('guessing keys', () => {
  it('is slowed down for the address, not for whoever holds a valid key', async () => {
    const replica = await harness.startReplica();
    await tools(ada.key, replica.url);
    const guesses = await Promise.all(
      Array.from({ length: 60 }, () => tools(formatAgentKey({ id: newId('key'), secret: randomSecret() }), replica.url)),
    );
    const refused = guesses.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(20);
    expect(refused[0]?.body).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
    expect((await tools(ada.key, replica.url)).status).toBe(200);
  });
});
