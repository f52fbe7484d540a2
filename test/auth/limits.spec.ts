import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN_TOKEN } from './harness.js';
import { AuthHarness } from './harness.js';

const PER_MINUTE = 5;
const FAILURES = 4;
let auth: AuthHarness;

beforeAll(async () => {
  auth = await AuthHarness.start({
    env: { KEYWARD_PUBLIC_REQUESTS_PER_MINUTE: String(PER_MINUTE), KEYWARD_FAILED_AUTHENTICATIONS: String(FAILURES) },
  });
});
afterAll(() => auth.stop());

let addresses = 0;
const nextAddress = (): string => `198.51.100.${++addresses}`;

async function ask(
  path: string,
  address: string,
  init: RequestInit = {},
): Promise<{ status: number; headers: Headers; code: string | undefined }> {
  const headers = { ...(init.headers as Record<string, string>), 'x-forwarded-for': address };
  const response = await fetch(auth.url + path, { ...init, headers, redirect: 'manual' });
  const text = await response.text();
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  return {
    status: response.status,
    headers: response.headers,
    code: isProblem ? (JSON.parse(text) as { code: string }).code : undefined,
  };
}

/** The target as it is written here: fetch would send the one that it has normalised. */
function askFor(path: string, address: string): Promise<number> {
  const { hostname, port } = new URL(auth.url);
  const headers = { authorization: `Bearer kwp_${'x'.repeat(43)}`, 'x-forwarded-for': address };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, headers }, (response) => resolve(response.resume().statusCode ?? 0));
    sent.on('error', reject).end();
  });
}

const json = { 'content-type': 'application/json' };

describe('one address', () => {
  it.each([
    ['GET', '/connect/x', {}],
    ['POST', '/connect/x', { method: 'POST', body: new URLSearchParams({ csrf: 'x', decision: 'cancel' }) }],
    ['GET', '/oauth/callback/x', {}],
    ['GET', '/login', {}],
    ['GET', '/login/callback', {}],
    ['POST', '/logout', { method: 'POST' }],
    ['GET', '/openapi.json', {}],
    ['POST', '/v1/cli-sessions', { method: 'POST', headers: json, body: '{}' }],
  ])('may ask %s %s so often in a minute; another is not held back', async (_method, path, init: RequestInit) => {
    const address = nextAddress();
    for (let i = 0; i < PER_MINUTE; i++) expect((await ask(path, address, init)).status).not.toBe(429);
    const refused = await ask(path, address, init);
    expect([refused.status, refused.code]).toEqual([429, 'rate_limited']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect((await ask(path, nextAddress(), init)).status).not.toBe(429);
  });

  it('that claims to be others is still one: only what our own proxy saw counts', async () => {
    const address = nextAddress();
    for (let i = 0; i < PER_MINUTE; i++) await ask('/login', `10.0.0.${i}, ${address}`);
    expect((await ask('/login', `10.0.0.99, ${address}`)).status).toBe(429);
  });

  it('may fail to authenticate so often in a row; a token that was good before is not locked out', async () => {
    const address = nextAddress();
    const good = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
    const bad = { headers: { authorization: `Bearer kwp_${'x'.repeat(43)}` } };
    expect((await ask('/v1/organizations', address, good)).status).toBe(200);
    for (let i = 0; i < FAILURES; i++) expect((await ask('/v1/organizations', address, bad)).status).toBe(401);
    for (const init of [bad, {}]) {
      const refused = await ask('/v1/organizations', address, init);
      expect([refused.status, refused.code, refused.headers.get('retry-after')]).toEqual([429, 'rate_limited', '1']);
    }
    expect((await ask('/v1/organizations', address, good)).status).toBe(200);
    expect((await ask('/v1/organizations', nextAddress(), bad)).status).toBe(401);
  });

  // The router decodes a path before it looks for the route, and takes a target that names the host (RFC 9112 section 3.2.2).
  it.each([
    ['percent-encoded', '/%76%31/organizations'],
    ['absolute', 'http://keyward.example/v1/organizations'],
  ])('has to wait however it writes the path: %s', async (_how, target) => {
    const address = nextAddress();
    const statuses: number[] = [];
    for (let i = 0; i <= FAILURES; i++) statuses.push(await askFor(target, address));
    expect(statuses).toEqual([...Array.from({ length: FAILURES }, () => 401), 429]);
  });

  it('is not limited where it is somebody', async () => {
    const address = nextAddress();
    for (let i = 0; i < 4 * PER_MINUTE; i++) {
      const { status } = await ask('/v1/organizations', address, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
      expect(status).toBe(200);
    }
  });
});
