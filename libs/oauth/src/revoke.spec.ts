import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../test/token-server.js';
import { revokeToken } from './revoke.js';
import type { Wire } from './wire.js';

const wire: Wire = { fetch: (url, init) => fetch(url, init) };
const client = { clientId: 'client-1', clientSecret: 'secret' };

let server: TokenServer;
beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());

const revoke = () => revokeToken({ provider: testProvider({ url: server.url }), client, refreshToken: 'rt' }, wire);

describe('revokeToken', () => {
  it('sends token and hint to the revocation endpoint (RFC 7009 section 2.1)', async () => {
    server.answer = (response) => response.writeHead(200).end();
    await revoke();
    expect(server.received[0]?.path).toBe('/revoke');
    expect(Object.fromEntries(server.received[0]?.form ?? [])).toEqual({ token: 'rt', token_type_hint: 'refresh_token' });
  });

  it('takes a body or an empty 204 as the same receipt', async () => {
    server.answer = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>ok');
    await revoke();
    server.answer = (response) => response.writeHead(204).end();
    await revoke();
  });

  it.each([
    [503, {}, 'transient'],
    [429, {}, 'transient'],
    [400, { error: 'unsupported_token_type' }, 'rejected'],
    [401, { error: 'invalid_client' }, 'invalid_client'],
    [302, {}, 'malformed'],
  ])('status %i with %j is no receipt but %s', async (status, body, failure) => {
    server.answer = (response) => json(response, status, body);
    await expect(revoke()).rejects.toMatchObject({ failure });
  });

  it('ends the refresh token first, and takes for done what the server does not know or does not take', async () => {
    const revokeBoth = () =>
      revokeToken({ provider: testProvider({ url: server.url }), client, accessToken: 'at', refreshToken: 'rt' }, wire);
    server.received.length = 0;
    server.answer = (response, { form }) =>
      json(response, 400, { error: form.get('token') === 'rt' ? 'invalid_grant' : 'unsupported_token_type' });
    await revokeBoth();
    expect(server.received.map(({ form }) => form.get('token'))).toEqual(['rt', 'at']);
    server.answer = (response, { form }) => response.writeHead(form.get('token') === 'at' ? 503 : 200).end();
    await expect(revokeBoth()).rejects.toMatchObject({ failure: 'transient' });
  });
});
