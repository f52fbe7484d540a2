import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../test/token-server.js';
import { InterruptedRenewal, OAuthError } from './errors.js';
import { renewToken } from './renew.js';
import type { Wire } from './wire.js';

const wire: Wire = { fetch: (url, init) => fetch(url, init) };

let server: TokenServer;
/** Status of each step, first to last; every one that is not named succeeds. */
let statuses: Record<string, number>;
/** What each step answers besides an access token. */
let extra: Record<string, object>;
let rotates: boolean;
let current: string;
/** Refresh tokens that came again after they were redeemed: this server ends the grant for that. */
let reused: string[];

beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  [statuses, extra, rotates, current, reused] = [{}, {}, true, 'rt-canary-1', []];
  server.received.length = 0;
  server.answer = (response, { path, form }) => {
    if (path !== '/token') {
      const status = statuses[path] ?? 200;
      return json(response, status, status === 200 ? { access_token: `at${path}`, ...extra[path] } : { error: 'invalid_grant' });
    }
    const sent = form.get('refresh_token') ?? '';
    if (sent !== current) reused.push(sent);
    if (sent !== current) return json(response, 400, { error: 'invalid_grant' });
    if (rotates) current = `rt-canary-${server.received.length + 1}`;
    json(response, 200, { access_token: 'at-first', ...(rotates ? { refresh_token: current } : {}) });
  };
});

function renew(refreshToken: string) {
  const steps = ['/one', '/two'].map((path) => ({ endpoint: `${server.url}${path}`, authentication: 'bearer' }));
  const provider = testProvider({ url: server.url, auth: { steps }, refresh: { rotates, repeat_steps: true } });
  return renewToken({ provider, client: { clientId: 'c', clientSecret: 's' }, scopes: [], refreshToken }, wire);
}

async function interruption(refreshToken: string): Promise<InterruptedRenewal> {
  const thrown: unknown = await renew(refreshToken).catch((error: unknown) => error);
  if (!(thrown instanceof InterruptedRenewal)) throw new Error('it was not interrupted');
  return thrown;
}

describe('a renewal that stops at one of its steps', () => {
  it.each(['/one', '/two'])(
    'at %s holds the refresh token that was redeemed, and the next attempt goes through with it',
    async (path) => {
      statuses[path] = 503;
      const error = await interruption(current);
      expect(error).toMatchObject({ failure: 'transient', maybeRedeemed: true });
      expect(error.nextRefreshToken()).toBe(current);
      statuses = {};
      expect(await renew(error.nextRefreshToken())).toMatchObject({ accessToken: 'at/two', refreshToken: current });
      expect(reused).toEqual([]);
    },
  );

  it('again and again holds the latest each time', async () => {
    statuses['/two'] = 500;
    let held = current;
    for (let attempt = 0; attempt < 5; attempt++) held = (await interruption(held)).nextRefreshToken();
    expect([held, reused]).toEqual([current, []]);
  });

  it('holds the one of a step that answered with its own', async () => {
    extra['/one'] = { refresh_token: 'rt-canary-of-step' };
    statuses['/two'] = 503;
    expect((await interruption(current)).nextRefreshToken()).toBe('rt-canary-of-step');
  });

  it('holds the one that was sent where the server does not rotate', async () => {
    rotates = false;
    statuses['/one'] = 503;
    expect((await interruption('rt-canary-1')).nextRefreshToken()).toBe('rt-canary-1');
  });

  it('because of a refusal says so, and holds it all the same', async () => {
    statuses['/one'] = 400;
    const error = await interruption(current);
    expect([error.failure, error.nextRefreshToken()]).toEqual(['invalid_grant', current]);
  });

  it('shows the token to nobody who only looks', async () => {
    statuses['/one'] = 503;
    const error = await interruption(current);
    const shown = [
      inspect(error, { depth: 9, showHidden: true, getters: true }),
      JSON.stringify(error),
      String(error),
      error.stack,
    ];
    expect(shown.join('\n')).not.toContain('canary');
    expect(JSON.stringify({ ...error })).not.toContain('canary');
  });

  it('at the token endpoint itself is an ordinary failure', async () => {
    const thrown: unknown = await renew('rt-canary-0').catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(OAuthError);
    expect(thrown).not.toBeInstanceOf(InterruptedRenewal);
  });
});

describe('an answer with a rotated refresh token, of which the rest is not as declared', () => {
  const site = {
    site: { title: 'Site', type: 'hostname', host_suffixes: ['.example.com'], source: { token_response: '/site' } },
  };
  const provider = () => testProvider({ url: server.url, connection_parameters: site });
  const answered = (changes: object) => {
    server.answer = (response) =>
      json(response, 200, { access_token: 'at-next', token_type: 'Bearer', refresh_token: 'rt-canary-next', ...changes });
    const client = { clientId: 'c', clientSecret: 's' };
    return renewToken({ provider: provider(), client, scopes: [], refreshToken: 'rt-canary-0' }, wire).catch(
      (error: unknown) => error,
    );
  };

  it.each<[string, object]>([
    ['another host than may be', { site: 'elsewhere.test' }],
    ['a type of token that nobody knows', { token_type: 'mac' }],
    ['no access token', { access_token: undefined }],
  ])('(%s) is malformed, and holds that refresh token', async (_what, changes) => {
    const thrown = await answered(changes);
    if (!(thrown instanceof InterruptedRenewal)) throw new Error('it dropped the refresh token');
    expect([thrown.failure, thrown.nextRefreshToken()]).toEqual(['malformed', 'rt-canary-next']);
  });

  it('is an ordinary answer otherwise, and an ordinary failure where it holds none', async () => {
    expect(await answered({ site: 'one.example.com' })).toMatchObject({
      accessToken: 'at-next',
      captured: { site: 'one.example.com' },
    });
    const thrown = await answered({ refresh_token: undefined, token_type: 'mac' });
    expect(thrown).not.toBeInstanceOf(InterruptedRenewal);
    expect(thrown).toMatchObject({ failure: 'malformed' });
  });
});
