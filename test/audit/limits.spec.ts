import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMIN_TOKEN, AuditHarness, type Replica } from './harness.js';

const LIMIT = 4;
let audit: AuditHarness;
let replica: Replica;
beforeAll(async () => {
  audit = await AuditHarness.start(undefined, {
    KEYWARD_TRUSTED_PROXIES: '1',
    KEYWARD_PUBLIC_REQUESTS_PER_MINUTE: String(LIMIT),
    KEYWARD_FAILED_AUTHENTICATIONS: String(LIMIT),
  });
  replica = await audit.startReplica();
});
afterAll(() => audit.stop());

const from = (address: string, token?: string) => ({
  'x-forwarded-for': address,
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
});

it('the document is answered so often in a minute and address', async () => {
  const ask = (address: string) => audit.ask(replica, '/openapi.json', from(address));
  for (let i = 0; i < LIMIT; i++) expect((await ask('198.51.100.1')).status).toBe(200);
  const { status, headers, body } = await ask('198.51.100.1');
  expect([status, body['code']]).toEqual([429, 'rate_limited']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await ask('198.51.100.2')).status).toBe(200);
});

it('who guesses tokens has to wait; who has one that was good does not', async () => {
  const ask = (token: string, address = '198.51.100.3') => audit.ask(replica, '/v1/events', from(address, token));
  expect((await ask(ADMIN_TOKEN)).status).toBe(200);
  for (let i = 0; i < LIMIT; i++) expect((await ask(`guess ${i}`)).status).toBe(401);
  const { status, headers, body } = await ask('guess');
  expect([status, body['code'], headers.get('retry-after')]).toEqual([429, 'rate_limited', '1']);
  expect((await ask(ADMIN_TOKEN)).status).toBe(200);
  expect((await ask('guess', '198.51.100.4')).status).toBe(401);
});
