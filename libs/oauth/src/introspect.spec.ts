import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LAB_CLIENT, startQuirkLab } from '@keyward/testing/quirk-lab';
import { runFlow } from '../test/quirk-flow.js';
import { testProvider } from '../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../test/token-server.js';
import { introspect, introspectRefreshToken } from './introspect.js';
import type { Wire } from './wire.js';

const wire: Wire = { fetch: (url, init) => fetch(url, init), timeoutMs: 5_000 };
const client = { clientId: 'client-1', clientSecret: 'canary-secret' };
const refreshToken = 'canary-refresh-token';

let server: TokenServer;
beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.received.length = 0;
});

const provider = (auth: Record<string, unknown> = {}) =>
  testProvider({ url: server.url, auth: { introspection_endpoint: `${server.url}/introspect`, ...auth } });
const ask = (manifest = provider()) => introspectRefreshToken({ provider: manifest, client, refreshToken }, wire);

describe('introspectRefreshToken', () => {
  it('sends token and hint, authenticated, to the introspection endpoint (RFC 7662 section 2.1)', async () => {
    server.answer = (response) => json(response, 200, { active: true, exp: 1, username: 'ada' });
    expect(await ask()).toEqual({ active: true });
    const [{ path, authorization, form } = { path: '', authorization: '', form: new URLSearchParams() }] = server.received;
    expect({ path, form: Object.fromEntries(form) }).toEqual({
      path: '/introspect',
      form: { token: refreshToken, token_type_hint: 'refresh_token' },
    });
    expect(authorization).toBe(`Basic ${Buffer.from('client%2D1:canary%2Dsecret').toString('base64')}`);
  });

  it('a token that the server does not know is not active (section 2.2)', async () => {
    server.answer = (response) => json(response, 200, { active: false });
    expect(await ask()).toEqual({ active: false });
  });

  it('redeems nothing: it can be asked again, and says when the token is spent', async () => {
    const lab = await startQuirkLab({ refresh: { rotates: true }, introspection: { secondsLeft: 60 } });
    const declared = (url: string) => ({ auth: { introspection_endpoint: `${url}/introspect` }, refresh: { rotates: true } });
    try {
      const { provider: odd, tokens, renew } = await runFlow(lab, { row: '', quirks: {}, declared });
      const again = () =>
        introspectRefreshToken({ provider: odd, client: LAB_CLIENT, refreshToken: tokens.refreshToken ?? '' }, wire);
      expect([await again(), await again(), lab.canRefresh(tokens.refreshToken ?? '')]).toEqual([
        { active: true },
        { active: true },
        true,
      ]);
      await renew();
      expect(await again()).toEqual({ active: false });
    } finally {
      await lab.stop();
    }
  });

  it.each<[number, unknown, string]>([
    [503, {}, 'transient'],
    [500, { active: false }, 'transient'],
    [429, {}, 'transient'],
    [401, { error: 'invalid_client' }, 'invalid_client'],
    [403, { error: 'unauthorized_client' }, 'invalid_client'],
    [400, { error: 'unsupported_token_type' }, 'rejected'],
    [404, {}, 'malformed'],
    [302, {}, 'malformed'],
    [200, {}, 'malformed'],
    [200, { active: 'false' }, 'malformed'],
    [200, { active: 0 }, 'malformed'],
    [200, { active: null }, 'malformed'],
    [200, [], 'malformed'],
    [200, { error: 'server_error', active: false }, 'transient'],
  ])('status %i with %j says nothing of the token: %s', async (status, body, failure) => {
    server.answer = (response) => json(response, status, body, { location: `${server.url}/elsewhere` });
    await expect(ask()).rejects.toMatchObject({ name: 'OAuthError', failure });
    expect(server.received).toHaveLength(1);
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a page', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>{"active":true}'), 'malformed'],
    [
      'a body without end',
      (response) => response.writeHead(200).end(`{"active":true,"x":"${'x'.repeat(300_000)}"}`),
      'malformed',
    ],
    ['a connection that breaks', (response) => response.destroy(), 'transient'],
    [
      'half an answer',
      (response) => response.writeHead(200, { 'content-length': '99' }).write('{"active":', () => response.destroy()),
      'transient',
    ],
  ])('neither does %s', async (_what, answer, failure) => {
    server.answer = answer;
    const thrown: unknown = await ask().catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: 'OAuthError', failure });
    expect(inspect(thrown, { depth: 10, showHidden: true })).not.toMatch(/canary/);
  });

  it('asks nobody where the provider has no such endpoint', async () => {
    await expect(ask(provider({ introspection_endpoint: undefined }))).rejects.toMatchObject({ code: 'invalid_request' });
    expect(server.received).toEqual([]);
  });
});

describe('introspect', () => {
  const lifetimeOf = async (exp: unknown, date?: string) => {
    server.answer = (response) => {
      if (date === undefined) response.sendDate = false;
      json(response, 200, { active: true, exp }, date === undefined ? {} : { date });
    };
    const now = () => new Date('2030-01-01T00:00:00.000Z');
    const answer = await introspect({ provider: provider(), client, accessToken: 'at' }, { ...wire, now });
    expect(Object.fromEntries(server.received.at(-1)?.form ?? [])).toEqual({ token: 'at', token_type_hint: 'access_token' });
    return answer.lifetimeMs;
  };

  it.each([
    [1_893_456_600, 600_000],
    [1_893_456_000, null],
    [1_893_455_000, null],
    ['soon', null],
    [undefined, null],
  ])('exp %j is so many ms away: %j', async (exp, ms) => {
    expect(await lifetimeOf(exp)).toBe(ms);
  });

  it('is away as far as the server’s own clock says, whatever ours does', async () => {
    expect(await lifetimeOf(1_893_456_600, 'Tue, 01 Jan 2030 00:05:00 GMT')).toBe(299_000);
    expect(await lifetimeOf(1_893_456_600, 'Mon, 31 Dec 2029 23:55:00 GMT')).toBe(899_000);
    expect(await lifetimeOf(1_893_456_600, 'yesterday')).toBe(600_000);
  });
});
