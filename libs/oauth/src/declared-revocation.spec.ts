import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { jwtVerify } from 'jose';
import { testProvider } from '../test/provider.js';
import { startTokenServer, type TokenServer } from '../test/token-server.js';
import { canRevoke, revokeToken } from './revoke.js';
import type { Wire } from './wire.js';

const client = { clientId: 'app-1', clientSecret: 'secret' };
const wire: Wire = { fetch: (url, init) => fetch(url, init) };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let server: TokenServer;
beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.received.length = 0;
  server.answer = (response) => response.writeHead(204).end();
});

const installation = (revocation: Record<string, unknown> = {}) =>
  providerManifestSchema.parse({
    name: 'apps',
    title: 'Apps',
    auth: { kind: 'app_installation', installation_url: `${server.url}/install`, token_endpoint: `${server.url}/token` },
    revocation: { method: 'DELETE', endpoint: `${server.url}/installations/7`, authentication: 'app_assertion', ...revocation },
    base_url: server.url,
    origins: [server.url],
  });

describe('revocation in the name of the app', () => {
  it('is asked for with a JWT of the app itself', async () => {
    await revokeToken({ provider: installation(), client: { ...client, privateKey: pem } }, wire);
    expect(server.received[0]?.path).toBe('/installations/7');
    const { payload } = await jwtVerify(server.received[0]?.authorization?.replace('Bearer ', '') ?? '', publicKey);
    expect(payload.iss).toBe('app-1');
  });

  it('is refused without the key, before anything is sent', async () => {
    await expect(revokeToken({ provider: installation(), client }, wire)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(server.received).toHaveLength(0);
  });
});

describe('declared revocation', () => {
  it.each([
    ['bearer', {}],
    ['none', { request: { parameters: { token: '${token.access_token}' } } }],
  ])('by %s is refused without its token, before anything is sent', async (authentication, more) => {
    const provider = installation({ authentication, ...more });
    await expect(revokeToken({ provider, client }, wire)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(server.received).toHaveLength(0);
  });

  it.each([
    [503, 'transient'],
    [401, 'invalid_client'],
    [404, 'malformed'],
    [302, 'malformed'],
  ])('status %i is no receipt but %s', async (status, failure) => {
    server.answer = (response) => response.writeHead(status, { location: 'https://evil.example' }).end();
    const provider = installation({ authentication: 'bearer' });
    await expect(revokeToken({ provider, client, accessToken: 'at' }, wire)).rejects.toMatchObject({ failure });
    expect(server.received).toHaveLength(1);
  });

  it('takes the status that the manifest says means done', async () => {
    server.answer = (response) => response.writeHead(404).end();
    const provider = installation({ authentication: 'bearer', success: [204, 404] });
    await revokeToken({ provider, client, accessToken: 'at' }, wire);
  });

  it.each(['..', 'a/b?c#d', '%2e%2e'])('keeps the token %s in its segment', async (accessToken) => {
    const provider = installation({ authentication: 'none', endpoint: `${server.url}/tokens/\${token.access_token}` });
    const asked = await revokeToken({ provider, client, accessToken }, wire).then(
      () => server.received[0]?.path,
      () => 'refused',
    );
    expect(asked).toBe(accessToken === '..' ? 'refused' : `/tokens/${encodeURIComponent(accessToken)}`);
  });
});

describe('canRevoke', () => {
  it('knows who has a way', () => {
    expect(canRevoke(testProvider())).toBe(true);
    expect(canRevoke(testProvider({ auth: { revocation_endpoint: undefined } }))).toBe(false);
    expect(canRevoke(installation())).toBe(true);
  });
});
