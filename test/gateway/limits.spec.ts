import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startHarness, type Harness } from './harness.js';

const LIMIT = 4;
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({
    env: {
      KEYWARD_TRUSTED_PROXIES: '1',
      KEYWARD_PUBLIC_REQUESTS_PER_MINUTE: String(LIMIT),
      KEYWARD_FAILED_AUTHENTICATIONS: String(LIMIT),
    },
  });
});
afterAll(() => harness.stop());

it.each([
  ['/openapi.json', 200],
  ['/v1/tools', 401],
])('%s is answered with %i so often to one address, and then not at once', async (path, status) => {
  const ask = async (address: string) => {
    const response = await fetch(harness.url + path, { headers: { 'x-forwarded-for': address } });
    const body = (await response.json()) as { code?: string };
    return { status: response.status, code: body.code, retryAfter: Number(response.headers.get('retry-after')) };
  };
  for (let i = 0; i < LIMIT; i++) expect((await ask('198.51.100.1')).status).toBe(status);
  const refused = await ask('198.51.100.1');
  expect(refused).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(refused.retryAfter).toBeGreaterThan(0);
  expect((await ask('198.51.100.2')).status).toBe(status);
});
