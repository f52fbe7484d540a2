import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startMtlsServer, testCa, testClient } from '@keyward/testing/mtls';
import { createEgress, type Egress } from './index.js';

let server: Awaited<ReturnType<typeof startMtlsServer>>;
let egress: Egress;
const trusted = getCACertificates('default');

beforeAll(async () => {
  setDefaultCACertificates([...trusted, testCa]);
  server = await startMtlsServer((subject) => [200, { subject: subject ?? null }]);
  egress = createEgress({ privateOrigins: [server.origin] });
});
afterAll(async () => {
  await egress.close();
  await server.stop();
  setDefaultCACertificates(trusted);
});

const ask = async (tls?: typeof testClient) => {
  const fetch = egress.fetchFor({ provider: 'bank', origins: [server.origin] });
  const response = await fetch(`${server.origin}/token`, { method: 'POST', body: 'a=b', ...(tls === undefined ? {} : { tls }) });
  return response.json();
};

it('a client certificate is shown for the request it is given for, and for no other', async () => {
  expect(await ask()).toEqual({ subject: null });
  expect(await ask(testClient)).toEqual({ subject: 'client.test' });
  expect(await ask()).toEqual({ subject: null });
});

it('a key that is not the certificate’s is refused before anything is sent, unquoted', async () => {
  const wrong = { certificate: testClient.certificate, privateKey: 'canary' };
  await expect(ask(wrong)).rejects.toMatchObject({ code: 'invalid_request', message: expect.not.stringContaining('canary') });
});
