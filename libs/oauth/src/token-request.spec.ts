import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { resolveProvider } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { testProvider } from '../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../test/token-server.js';
import { readCallback } from './callback.js';
import { OAuthError } from './errors.js';
import { exchangeCode } from './exchange.js';
import { createPkcePair } from './pkce.js';
import { renewToken } from './renew.js';
import type { Wire } from './wire.js';

const SECRET = 'secret-canary:+/%';
const REFRESH_TOKEN = 'refresh-canary';
const NOW = new Date('2030-01-01T00:00:00.000Z');
const client = { clientId: 'client 1', clientSecret: SECRET };
const wire: Wire = { fetch: (url, init) => fetch(url, init), now: () => NOW };

let server: TokenServer;
beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.received.length = 0;
});

const provider = (auth: Record<string, unknown> = {}) => testProvider({ url: server.url, auth });
const refresh = (overrides: Partial<Wire> = {}, auth: Record<string, unknown> = {}) =>
  renewToken({ provider: provider(auth), client, scopes: [], refreshToken: REFRESH_TOKEN }, { ...wire, ...overrides });
const failure = async (attempt: Promise<unknown>): Promise<OAuthError> => {
  const thrown = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof OAuthError)) throw new Error('expected an OAuthError', { cause: thrown });
  return thrown;
};

describe('code exchange', () => {
  it('sends code, redirect URI and verifier, authenticated by HTTP Basic as RFC 6749 section 2.3.1 encodes it', async () => {
    server.answer = (response) =>
      json(response, 200, {
        access_token: 'at',
        token_type: 'Bearer',
        expires_in: 120,
        refresh_token: 'rt',
        scope: 'notes:read',
      });
    const { verifier } = await createPkcePair(provider());
    const callback = readCallback(provider(), client, new URLSearchParams('code=c-1&state=s'), 's');
    if (callback.kind !== 'code') throw new Error('expected a code');
    const redirectUri = 'https://auth.example/oauth/callback/abc';
    const tokens = await exchangeCode(
      { provider: provider(), client, parameters: callback.parameters, redirectUri, codeVerifier: verifier },
      wire,
    );
    expect(tokens).toEqual({
      accessToken: 'at',
      refreshToken: 'rt',
      lifetimeMs: 120_000,
      scopes: ['notes:read'],
      captured: {},
    });
    expect(server.received).toHaveLength(1);
    expect(Object.fromEntries(server.received[0]?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'c-1',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const basic = Buffer.from(server.received[0]?.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    const [user, password] = basic.split(':');
    expect([...new URLSearchParams(`${user}=${password}`)]).toEqual([['client 1', SECRET]]);
  });
});

describe('client authentication', () => {
  beforeEach(() => {
    server.answer = (response) => json(response, 200, { access_token: 'at', token_type: 'bearer' });
  });

  it('goes into the body where the manifest says so', async () => {
    await refresh({}, { token_endpoint_auth_method: 'client_secret_post' });
    expect(server.received[0]?.form.get('client_secret')).toBe(SECRET);
    expect(server.received[0]?.authorization).toBeUndefined();
  });

  it('is the client id alone for a public client, even if a secret is known', async () => {
    await refresh({}, { token_endpoint_auth_method: 'none' });
    expect(server.received[0]?.form.get('client_id')).toBe('client 1');
    expect([...(server.received[0]?.form.values() ?? [])]).not.toContain(SECRET);
  });

  it('is missed before anything is sent', async () => {
    const request = { provider: provider(), client: { clientId: 'c' }, scopes: [], refreshToken: REFRESH_TOKEN };
    await expect(renewToken(request, wire)).rejects.toThrow(/client secret/);
    expect(server.received).toHaveLength(0);
  });
});

describe('a registration that a server refuses', () => {
  const asked = (address: string) => {
    const parameters = { x: { title: 'X', type: 'origin', one_of: [server.url] } };
    const manifest = testProvider({ url: server.url, auth: { token_endpoint: address }, connection_parameters: parameters });
    const named = resolveProvider(manifest, { connection: { x: server.url } });
    return failure(renewToken({ provider: named, client, scopes: [], refreshToken: REFRESH_TOKEN }, wire));
  };

  it.each(['invalid_client', 'unauthorized_client'])(
    'is refused for all (%s), unless a connection names the server',
    async (error) => {
      server.answer = (response) => json(response, 401, { error });
      const ofAll = await asked(`${server.url}/token/\${connection.x}`);
      expect([ofAll.failure, ofAll.oauthError]).toEqual(['invalid_client', error]);
      const ofOne = await asked('${connection.x}/token');
      expect([ofOne.failure, ofOne.oauthError]).toEqual(['invalid_client', undefined]);
      expect(server.received).toHaveLength(2);
    },
  );

  it('says so of everything else wherever it is', async () => {
    server.answer = (response) => json(response, 400, { error: 'invalid_grant' });
    expect((await asked('${connection.x}/token')).oauthError).toBe('invalid_grant');
  });
});

describe('answers that are no tokens', () => {
  it.each([
    [400, { error: 'invalid_grant' }, 'invalid_grant', false],
    [401, { error: 'invalid_client' }, 'invalid_client', false],
    [401, 'nope', 'invalid_client', false],
    [400, { error: 'unauthorized_client' }, 'invalid_client', false],
    [400, { error: 'invalid_scope' }, 'rejected', false],
    [400, { error: 'constructor' }, 'rejected', false],
    [400, { error: { code: 7 } }, 'rejected', false],
    [400, { message: 'no' }, 'malformed', true],
    [404, '<html>Not here</html>', 'malformed', true],
    [302, '', 'malformed', true],
    [204, '', 'malformed', true],
    [200, { error: 'invalid_grant' }, 'invalid_grant', false],
    [200, { error: 'temporarily_unavailable' }, 'transient', false],
    [200, '<html>Welcome</html>', 'malformed', true],
    [200, '', 'malformed', true],
    [200, '[]', 'malformed', true],
    [200, 'null', 'malformed', true],
    [200, '{"access_token":', 'malformed', true],
    [200, '['.repeat(10_000), 'malformed', true],
    [200, '{"__proto__":{"access_token":"at"},"token_type":"bearer"}', 'malformed', true],
    [200, { token_type: 'bearer' }, 'malformed', true],
    [200, { access_token: 'at', token_type: 'mac' }, 'malformed', true],
    [429, { error: 'slow_down' }, 'transient', false],
    [429, 'slow', 'transient', false],
    [500, 'oops', 'transient', true],
    [500, { error: 'invalid_grant' }, 'transient', false],
    [503, '<html>', 'transient', true],
  ])('status %i with %j is %s', async (status, body, expected, maybeRedeemed) => {
    server.answer = (response) =>
      typeof body === 'string'
        ? response.writeHead(status, { 'content-type': 'text/html', location: 'https://evil.example/' }).end(body)
        : json(response, status, body);
    const error = await failure(refresh());
    expect({ failure: error.failure, maybeRedeemed: error.maybeRedeemed }).toEqual({ failure: expected, maybeRedeemed });
    expect(error.code).toBe(expected === 'transient' ? 'provider_unavailable' : 'provider_error');
    expect(server.received).toHaveLength(1);
  });

  it('stops reading a body that is too large, also one that never ends', async () => {
    server.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    };
    expect(await failure(refresh())).toMatchObject({ failure: 'malformed', maybeRedeemed: true });
  });

  it.each([
    ['7', 7000],
    ['0', 0],
    ['-5', undefined],
    ['soon', undefined],
    ['99999999999999', undefined],
    ['86400', 3_600_000],
    ['Tue, 01 Jan 2030 00:00:30 GMT', 3_600_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
  ])('reads Retry-After %j as %j ms', async (value, retryAfterMs) => {
    server.answer = (response) => json(response, 503, {}, { 'retry-after': value });
    expect((await failure(refresh())).retryAfterMs).toBe(retryAfterMs);
  });
});

describe('a server that can’t be reached', () => {
  it('is transient and may have redeemed the token when it hangs up', async () => {
    server.answer = (response) => response.destroy();
    expect(await failure(refresh())).toMatchObject({ failure: 'transient', maybeRedeemed: true });
  });

  it('is transient and may have redeemed the token when it does not answer in time', async () => {
    server.answer = () => undefined;
    expect(await failure(refresh({ timeoutMs: 50 }))).toMatchObject({ failure: 'transient', maybeRedeemed: true });
  });

  it('is transient when the body stalls', async () => {
    server.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"access_token":');
    };
    expect(await failure(refresh({ timeoutMs: 50 }))).toMatchObject({ failure: 'transient', maybeRedeemed: true });
  });

  it('has surely not redeemed it when the egress gate says that nothing was sent', async () => {
    const notSent = Object.assign(new KeywardError('provider_unavailable', 'no connection'), {
      requestMayHaveBeenProcessed: false,
    });
    const error = await failure(refresh({ fetch: () => Promise.reject(notSent) }));
    expect(error).toMatchObject({ failure: 'transient', maybeRedeemed: false });
  });

  it('keeps a refusal of the egress gate what it is', async () => {
    const denied = new KeywardError('egress_denied', 'not one of its origins');
    await expect(refresh({ fetch: () => Promise.reject(denied) })).rejects.toBe(denied);
  });
});

it('no error holds a token, a secret or what the server wrote', async () => {
  const bodies = [
    [400, { error: 'invalid_grant', error_description: `bad token ${REFRESH_TOKEN}` }],
    [400, { error: REFRESH_TOKEN }],
    [200, { access_token: 'access-canary', token_type: 'odd' }],
    [200, { access_token: 'access-canary\n', token_type: 'bearer' }],
    [500, { error: SECRET }],
  ] as const;
  for (const [status, body] of bodies) {
    server.answer = (response) => json(response, status, body);
    expect(inspect(await failure(refresh()), { depth: 12, showHidden: true })).not.toMatch(/canary/);
  }
});
