import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { providerManifestSchema, renewalOf, type ProviderManifest } from '@keyward/connectors';
import { testProvider } from '../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../test/token-server.js';
import { renewToken } from './renew.js';
import { isRenewable } from './renewal.js';
import type { Wire } from './wire.js';

const client = { clientId: 'client-1', clientSecret: 'secret' };
const wire: Wire = { fetch: (url, init) => fetch(url, init) };

let server: TokenServer;
beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.received.length = 0;
});

const ofKind = (auth: Record<string, unknown>, refresh: Record<string, unknown> = {}): ProviderManifest =>
  providerManifestSchema.parse({
    name: 'example',
    title: 'Example',
    auth,
    refresh,
    base_url: 'https://api.example.com',
    origins: ['https://api.example.com'],
  });
const token_endpoint = 'https://as.example.com/token';
const exchange = { endpoint: 'https://as.example.com/extend' };

describe('renewalOf', () => {
  it.each([
    [testProvider(), 'refresh_token'],
    [
      ofKind({ kind: 'oauth2_device_authorization', token_endpoint, device_authorization_endpoint: token_endpoint }),
      'refresh_token',
    ],
    [ofKind({ kind: 'oauth2_client_credentials', token_endpoint }), 'reissue'],
    [ofKind({ kind: 'oauth2_jwt_bearer', token_endpoint }), 'reissue'],
    [ofKind({ kind: 'oauth2_token_exchange', token_endpoint }), 'reissue'],
    [ofKind({ kind: 'app_installation', token_endpoint, installation_url: token_endpoint }), 'reissue'],
    [ofKind({ kind: 'signed_jwt', assertion: {} }), 'reissue'],
    [ofKind({ kind: 'mcp_oauth2', resource: 'https://mcp.example.com' }), 'refresh_token'],
    [ofKind({ kind: 'api_key' }), 'none'],
    [ofKind({ kind: 'basic' }), 'none'],
    [ofKind({ kind: 'none' }), 'none'],
    [testProvider({ refresh: { method: 'none' } }), 'none'],
    [testProvider({ refresh: { exchange } }), 'exchange'],
    [testProvider({ refresh: { exchange, method: 'refresh_token' } }), 'refresh_token'],
    [ofKind({ kind: 'oauth2_token_exchange', token_endpoint }, { method: 'refresh_token' }), 'refresh_token'],
  ])('of kind $auth.kind with $refresh.method is %#', (provider, renewal) => {
    expect(renewalOf(provider)).toBe(renewal);
  });

  it('says who can go on without the person', () => {
    const [refresh, extend, none] = [
      testProvider(),
      testProvider({ refresh: { exchange } }),
      testProvider({ refresh: { method: 'none' } }),
    ];
    expect([refresh, extend, none].map((provider) => isRenewable(provider, {}))).toEqual([false, true, false]);
    expect([refresh, extend, none].map((provider) => isRenewable(provider, { refreshToken: 'rt' }))).toEqual([true, true, false]);
  });
});

describe('renewToken', () => {
  it.each([
    ['without a refresh token', {}],
    ['without a token to extend', { exchange }],
    ['where the manifest says that nothing is renewed', { method: 'none' }],
  ])('refuses %s, before anything is sent', async (_name, refresh) => {
    const provider = testProvider({ url: server.url, refresh });
    await expect(renewToken({ provider, client, scopes: [] }, wire)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(server.received).toHaveLength(0);
  });

  it('keeps the refresh token that was held where the answer has none', async () => {
    server.answer = (response) => json(response, 200, { access_token: 'at-2', token_type: 'bearer' });
    const provider = testProvider({ url: server.url });
    const tokens = await renewToken({ provider, client, scopes: [], refreshToken: 'rt' }, wire);
    expect(tokens).toEqual({ accessToken: 'at-2', lifetimeMs: null, scopes: null, captured: {} });
  });

  it('reissues a grant that needs nobody', async () => {
    server.answer = (response) => json(response, 200, { access_token: 'at-2', token_type: 'bearer', expires_in: 60 });
    const provider = ofKind({ kind: 'oauth2_client_credentials', token_endpoint: `${server.url}/token` });
    const tokens = await renewToken({ provider, client, scopes: ['a', 'b'] }, wire);
    expect(tokens.accessToken).toBe('at-2');
    expect(Object.fromEntries(server.received[0]?.form ?? [])).toEqual({ grant_type: 'client_credentials', scope: 'a b' });
  });
});

describe('tls_client_auth', () => {
  const provider = testProvider({ auth: { token_endpoint_auth_method: 'tls_client_auth' } });

  it('shows certificate and key in the handshake, and of itself only the client id in the request (RFC 8705 section 2.1)', async () => {
    const sent: Parameters<Wire['fetch']>[1][] = [];
    const recording: Wire = {
      fetch: (_url, init) => {
        sent.push(init);
        return Promise.resolve(Response.json({ access_token: 'at', token_type: 'bearer' }));
      },
    };
    const withKey = { ...client, certificate: 'a certificate', privateKey: 'a key' };
    await renewToken({ provider, client: withKey, scopes: [], refreshToken: 'rt' }, recording);
    expect(sent.map(({ tls }) => tls)).toEqual([{ certificate: 'a certificate', privateKey: 'a key' }]);
    expect(sent[0]?.body).toBe('refresh_token=rt&grant_type=refresh_token&client_id=client-1');
    expect(sent[0]?.headers).not.toHaveProperty('authorization');
  });

  it.each(['certificate', 'privateKey'])('is refused without its %s', async (missing) => {
    const { [missing]: _none, ...rest }: Record<string, string> = { certificate: 'c', privateKey: 'k' };
    const attempt = renewToken({ provider, client: { ...client, ...rest }, scopes: [], refreshToken: 'rt' }, wire);
    await expect(attempt).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
