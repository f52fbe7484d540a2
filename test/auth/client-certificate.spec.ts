import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Connection, ConnectionTest } from '@keyward/contracts';
import { otherClient, startMtlsServer, testCa, testClient } from '@keyward/testing/mtls';
import { AuthHarness } from './harness.js';

const CLIENT = { clientId: 'client1', clientSecret: 'canary0123456789' };
const BASIC = `Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`;
const trusted = getCACertificates('default');

type Problem = { code: string; detail: string; errors?: { pointer: string }[] };

let bank: Awaited<ReturnType<typeof startMtlsServer>>;
let auth: AuthHarness;
let directory: string;
let asked: string[];
let org: string;
let agent: string;

beforeAll(async () => {
  setDefaultCACertificates([...trusted, testCa]);
  // Tokens are bound to the certificate that they were asked for with (RFC 8705 section 3).
  bank = await startMtlsServer((subject, _body, { url, authorization }) => {
    asked.push(`${url} ${subject ?? 'nobody'}`);
    if (url !== '/token') return authorization === `Bearer of-${subject}` ? [200, { id: subject }] : [401, {}];
    if (authorization !== BASIC || subject === undefined) return [401, { error: 'invalid_client' }];
    return [200, { access_token: `of-${subject}`, token_type: 'Bearer', expires_in: 3600 }];
  });
  directory = mkdtempSync(join(tmpdir(), 'keyward-bank-'));
  deploy('bank', 'client_certificate: true');
  deploy('shop', '');
  auth = await AuthHarness.start({
    env: { KEYWARD_CONNECTORS_DIR: directory, KEYWARD_CONNECTOR_VARIABLES: '{}' },
    privateOrigins: [bank.origin],
  });
});
afterAll(async () => {
  await auth.stop();
  await bank.stop();
  rmSync(directory, { recursive: true, force: true });
  setDefaultCACertificates(trusted);
});
beforeEach(async () => {
  asked = [];
  ({ org, agent } = await auth.team());
});

function deploy(name: string, more: string): void {
  const grant = `auth: { kind: oauth2_client_credentials, token_endpoint: '${bank.origin}/token' }`;
  const api = `base_url: ${bank.origin}\norigins: ['${bank.origin}']\nprobe: { path: /me, account: { id: /id } }`;
  mkdirSync(join(directory, name));
  writeFileSync(join(directory, name, 'connector.yaml'), `name: ${name}\ntitle: ${name}\n${grant}\n${api}\n${more}\n`);
}

const register = <T = { id: string }>(more: object, provider = 'bank') =>
  auth.ask<T>('/v1/provider-apps', { body: { organization: org, provider, ...CLIENT, ...more } });
const connect = <T = Connection>(provider = 'bank', more: object = {}) =>
  auth.ask<T>('/v1/connections', { body: { organization: org, agent, user: 'usr_ada', provider, ...more } });
const test = <T = ConnectionTest>(id: string) =>
  auth.ask<T>(`/v1/connections/${id}/test?organization=${org}`, { method: 'POST' });

describe('a registration at a provider that wants to see a certificate', () => {
  it.each<[string, object, string]>([
    ['without certificate and key', {}, '/privateKey'],
    ['without the key', { certificate: testClient.certificate }, '/privateKey'],
    ['without the certificate', { privateKey: testClient.privateKey }, '/certificate'],
    ['with a key in the place of the certificate', { ...testClient, certificate: testClient.privateKey }, '/certificate'],
    ['with another certificate before its own', { ...testClient, certificate: testCa + testClient.certificate }, '/certificate'],
    ['with a key of another certificate', { ...testClient, privateKey: otherClient.privateKey }, '/certificate'],
  ])('is refused %s', async (_what, more, pointer) => {
    const { status, body } = await register<Problem>(more);
    expect([status, body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
    expect(JSON.stringify(body)).not.toContain('PRIVATE KEY');
  });

  it('has both, and answers neither; where clients have none, none is taken', async () => {
    const { status, body } = await register(testClient);
    expect(status).toBe(201);
    expect(JSON.stringify(body)).not.toMatch(/CERTIFICATE|PRIVATE KEY/);
    expect((await register<Problem>(testClient, 'shop')).body.errors).toMatchObject([{ pointer: '/privateKey' }]);
  });
});

describe('a connection to it', () => {
  it('is made, probed and tested with the certificate, beside the client secret', async () => {
    // With its chain.
    await register({ ...testClient, certificate: testClient.certificate + testCa });
    const { status, body } = await connect();
    expect([status, body.account]).toMatchObject([201, { id: 'client.test' }]);
    expect((await test(body.id)).body).toMatchObject({ outcome: 'working', account: { id: 'client.test' } });
    expect(asked).toEqual(['/token client.test', '/me client.test', '/me client.test']);
  });

  it('is not made where the manifest asks for no certificate and the provider does', async () => {
    await register({}, 'shop');
    expect((await connect<Problem>('shop')).status).toBeGreaterThanOrEqual(400);
    expect(asked).toEqual(['/token nobody']);
  });

  it('does not work with the token of another certificate', async () => {
    const { body: app } = await register(testClient);
    const { body: connection } = await connect();
    const path = `/v1/provider-apps/${app.id}`;
    const replaced = await auth.ask(path, { method: 'PUT', body: { organization: org, ...CLIENT, ...otherClient } });
    expect(replaced.status).toBe(200);
    expect((await test(connection.id)).body).toMatchObject({ outcome: 'refused', providerStatus: 401 });
    expect(asked.at(-1)).toBe('/me other.test');
  });

  it('says that the registration lacks the certificate, and sends nothing', async () => {
    const { body: app } = await register(testClient);
    const { body: connection } = await connect();
    // As of a registration that was made before the manifest asked for it.
    await auth.database.query('UPDATE vault.provider_app SET certificate = NULL, sealed_key = NULL WHERE id = $1', [app.id]);
    asked = [];
    const { status, body } = await test<Problem>(connection.id);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
    expect(body.detail).toContain('certificate');
    expect((await connect<Problem>()).body.code).toBe('invalid_request');
    expect(asked).toEqual([]);
  });
});
