import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { resolveProvider } from '@keyward/connectors';
import { jwtVerify, type JWTPayload } from 'jose';
import { testKey } from '../../test/keys.js';
import { grantProvider, StrictServer, type StrictRequest } from '../../test/strict-server.js';
import type { Wire } from '../wire.js';
import { obtainToken } from './obtain-token.js';

const TOKEN = { access_token: 'at-1', token_type: 'Bearer', expires_in: 600, scope: 'notes:read' };
const wire: Wire = { fetch: (url, init) => fetch(url, init) };
const BASIC = `Basic ${Buffer.from('client1:secret1').toString('base64')}`;
const client = { clientId: 'client1', clientSecret: 'secret1' };

let server: StrictServer;
beforeAll(async () => {
  server = await StrictServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.refusals.length = 0;
});

/** The form must be exactly this. */
function demandForm({ form }: StrictRequest, expected: Record<string, unknown>): void {
  expect(Object.fromEntries(form)).toEqual(expected);
}

const demand = (holds: boolean, why: string): void => {
  if (!holds) throw new Error(why);
};

describe('client credentials (RFC 6749 section 4.4)', () => {
  const provider = (more: Record<string, unknown> = {}) =>
    grantProvider(server.url, { kind: 'oauth2_client_credentials', token_endpoint: `${server.url}/token`, ...more });

  it('are the registration, the scopes and the resource, and nothing else', async () => {
    server.answer = (request) => {
      demandForm(request, {
        grant_type: 'client_credentials',
        scope: 'notes:read,notes:write',
        resource: 'https://api.example/',
      });
      expect(request.headers.authorization).toBe(BASIC);
      return [200, TOKEN];
    };
    const odd = provider({ resource: 'https://api.example/', scopes: { separator: ',' } });
    const tokens = await obtainToken({ provider: odd, client, scopes: ['notes:read', 'notes:write'] }, wire);
    expect([tokens.accessToken, tokens.scopes, server.refusals]).toEqual(['at-1', ['notes:read'], []]);
    expect(tokens.lifetimeMs).toBe(600_000);
  });

  it('send no scope parameter where none is asked for', async () => {
    server.answer = (request) => {
      demandForm(request, { grant_type: 'client_credentials' });
      return [200, TOKEN];
    };
    await obtainToken({ provider: provider(), client, scopes: [] }, wire);
    expect(server.refusals).toEqual([]);
  });

  it('are followed by the steps that the manifest has', async () => {
    server.answer = ({ path, headers }) => {
      if (path === '/token') return [200, TOKEN];
      demand(headers.authorization === 'Bearer at-1', 'not the token before');
      return [200, { access_token: 'at-2', expires_in: 60 }];
    };
    const steps = [{ endpoint: `${server.url}/second`, authentication: 'bearer' }];
    const tokens = await obtainToken({ provider: provider({ steps }), client, scopes: [] }, wire);
    expect([tokens.accessToken, tokens.scopes]).toEqual(['at-2', ['notes:read']]);
  });

  it('bring along what the provider says of the connection, and their lifetime is asked for where it is not stated', async () => {
    let instance_url = 'https://eu7.example.com';
    server.answer = ({ path, form }) => {
      if (path === '/token') return [200, { access_token: 'at-1', instance_url }];
      demand(path === '/introspect' && form.get('token') === 'at-1', 'not an introspection');
      return [200, { active: true, exp: Math.floor(Date.now() / 1000) + 900 }];
    };
    const auth = {
      kind: 'oauth2_client_credentials',
      token_endpoint: `${server.url}/token`,
      introspection_endpoint: `${server.url}/introspect`,
    };
    const source = { token_response: '/instance_url' };
    const instance = { title: 'Instance', type: 'origin', source, host_suffixes: ['.example.com'] };
    const manifest = grantProvider(server.url, auth, { connection_parameters: { instance } });
    const tokens = await obtainToken({ provider: manifest, client, scopes: [] }, wire);
    expect(tokens.captured).toEqual({ instance: instance_url });
    // A moment, by clocks that count in whole seconds.
    expect(tokens.lifetimeMs).toBeGreaterThanOrEqual(898_000);
    expect(tokens.lifetimeMs).toBeLessThanOrEqual(900_000);
    for (instance_url of ['https://eu7.example.com.evil.example', '']) {
      await expect(obtainToken({ provider: manifest, client, scopes: [] }, wire)).rejects.toMatchObject({ failure: 'malformed' });
    }
  });

  it('that are refused say so in our terms', async () => {
    server.answer = () => [401, { error: 'invalid_client', error_description: 'secret1 is wrong' }];
    const attempt = obtainToken({ provider: provider(), client, scopes: [] }, wire);
    await expect(attempt).rejects.toMatchObject({ failure: 'invalid_client', message: expect.not.stringContaining('secret1') });
  });
});

describe('JWT bearer (RFC 7523 section 2.1)', () => {
  const provider = (assertion: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    grantProvider(
      server.url,
      {
        ...more,
        kind: 'oauth2_jwt_bearer',
        issuer: server.url,
        token_endpoint: `${server.url}/token`,
        token_endpoint_auth_method: 'none',
        assertion,
      },
      { app_parameters: { account: { title: 'Service account', type: 'email' } } },
    );

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('quirk: one-shot key to assertion, %s', async (algorithm) => {
    const { publicKey, pem } = testKey(algorithm);
    server.answer = async ({ form }) => {
      demand(form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'grant type');
      const options = { algorithms: [algorithm], audience: server.url, issuer: 'client1', subject: 'client1' };
      const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, { ...options, requiredClaims: ['jti', 'iat'] });
      demand((payload.exp ?? 0) - (payload.iat ?? 0) === 300, 'lifetime');
      return [200, TOKEN];
    };
    const request = {
      provider: provider({ algorithm }),
      client: { clientId: 'client1', privateKey: pem },
      scopes: ['notes:read'],
    };
    expect((await obtainToken(request, wire)).accessToken).toBe('at-1');
    expect(server.refusals).toEqual([]);
  });

  it('fills ${client.id}, ${app.…} and the key’s fingerprint in claims and header', async () => {
    const { publicKey, pem } = testKey('RS256');
    let seen: { payload: JWTPayload; kid: string | undefined } | undefined;
    server.answer = async ({ form }) => {
      const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', publicKey);
      seen = { payload, kid: protectedHeader.kid };
      return [200, TOKEN];
    };
    const manifest = provider({
      header: { kid: '${key.fingerprint_sha256}' },
      claims: { iss: '${app.account}', sub: '${client.id}', aud: 'https://elsewhere.example/' },
    });
    const app = { account: 'robot@project.example.com' };
    const resolved = resolveProvider(manifest, { app, clientId: 'client1' });
    await obtainToken(
      { provider: resolved, client: { clientId: 'client1', privateKey: pem, parameters: app }, scopes: [] },
      wire,
    );
    expect(seen?.payload).toMatchObject({ iss: app.account, sub: 'client1', aud: 'https://elsewhere.example/' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    expect(seen?.kid).toBe(`SHA256:${createHash('sha256').update(spki).digest('base64')}`);
  });

  it('carries the scopes inside, and leaves out what would mean something else, where the manifest says so', async () => {
    const { publicKey, pem } = testKey('RS256');
    server.answer = async ({ form }) => {
      demand(!form.has('scope'), 'scopes beside the assertion');
      const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey);
      demand(payload['scope'] === 'notes:read notes:write', 'scopes in the assertion');
      demand(payload.sub === undefined && payload.iss === 'client1' && payload.aud === server.url, 'sub, iss and aud');
      return [200, TOKEN];
    };
    const manifest = provider({}, { assertion_scope_claim: 'scope', assertion_omit: ['sub'] });
    const asked = { client: { clientId: 'client1', privateKey: pem }, scopes: ['notes:read', 'notes:write'] };
    await obtainToken({ provider: manifest, ...asked }, wire);
    expect(server.refusals).toEqual([]);
  });

  it.each([
    ['no key at all', undefined],
    ['what is no key', 'canary, not a key'],
    ['a key of another kind', () => testKey('EdDSA').pem],
  ])('asks nothing of anybody with %s', async (_, key) => {
    const before = server.received;
    const privateKey = typeof key === 'function' ? key() : key;
    const request = {
      provider: provider({}),
      client: { clientId: 'client1', ...(privateKey === undefined ? {} : { privateKey }) },
      scopes: [],
    };
    const refused = { code: 'invalid_request', message: expect.not.stringContaining('canary') };
    await expect(obtainToken(request, wire)).rejects.toMatchObject(refused);
    expect(server.received).toBe(before);
  });
});

describe('token exchange (RFC 8693)', () => {
  const provider = () =>
    grantProvider(server.url, {
      kind: 'oauth2_token_exchange',
      token_endpoint: `${server.url}/token`,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'api://notes',
    });

  it('sends the subject token as what the manifest says it is', async () => {
    server.answer = (request) => {
      demandForm(request, {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: 'subject-1',
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: 'api://notes',
        scope: 'notes:read',
      });
      return [200, { ...TOKEN, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }];
    };
    const tokens = await obtainToken({ provider: provider(), client, scopes: ['notes:read'], secret: 'subject-1' }, wire);
    expect([tokens.accessToken, server.refusals]).toEqual(['at-1', []]);
  });

  it('is missed before anything is sent where there is no subject token', async () => {
    const before = server.received;
    await expect(obtainToken({ provider: provider(), client, scopes: [] }, wire)).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect(server.received).toBe(before);
  });
});

describe('quirk: installation tokens', () => {
  const provider = () =>
    grantProvider(server.url, {
      kind: 'app_installation',
      installation_url: `${server.url}/apps/keyward/installations/new`,
      token_endpoint: `${server.url}/app/installations/\${connection.installation_id}/access_tokens`,
      token_request: { headers: { accept: 'application/vnd.github+json' } },
      token_response: { access_token: '/token', scope: '/permissions', expires: { at: '/expires_at', format: 'date_time' } },
      assertion: { lifetime_seconds: 600 },
    });

  it('a JWT of the app, ten minutes at most, becomes a token of the installation with its permissions as scopes', async () => {
    const { publicKey, pem } = testKey('RS256');
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    server.answer = async ({ method, path, headers, form }) => {
      demand(method === 'POST' && path === '/app/installations/42/access_tokens', `${method} ${path}`);
      demand(headers.accept === 'application/vnd.github+json' && form.size === 0, 'headers or body');
      const jwt = headers.authorization?.replace('Bearer ', '') ?? '';
      const { payload } = await jwtVerify(jwt, publicKey, { algorithms: ['RS256'], issuer: 'client1' });
      demand((payload.exp ?? 0) - Date.now() / 1000 <= 600 && (payload.iat ?? 0) <= Date.now() / 1000, 'time');
      return [201, { token: 'ghs_1', expires_at: expiresAt, permissions: { contents: 'read', issues: 'write' } }];
    };
    const resolved = resolveProvider(provider(), { connection: { installation_id: '42' } });
    const tokens = await obtainToken({ provider: resolved, client: { clientId: 'client1', privateKey: pem }, scopes: [] }, wire);
    expect(server.refusals).toEqual([]);
    expect(tokens).toMatchObject({ accessToken: 'ghs_1', scopes: ['contents:read', 'issues:write'] });
    expect(Math.abs((tokens.lifetimeMs ?? 0) - 3_598_000)).toBeLessThanOrEqual(2_000);
  });
});
