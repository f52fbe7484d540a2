import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Browser } from '../test/browser.js';
import { MANAGEMENT_TOKEN, PASSWORD, sandboxConfig } from '../test/config.js';
import { startSandbox, type Sandbox } from './server.js';

const REDIRECT_URI = 'https://keyward.example/oauth/callback/abc';

interface Client {
  client_id: string;
  client_secret: string;
}

let sandbox: Sandbox;
let client: Client;

async function manage(path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}

const counters = async () => (await manage('tokens'))['counters'] as Record<string, number>;
const register = async (extra: object = {}) =>
  (await manage('clients', { redirect_uris: [REDIRECT_URI], ...extra })) as unknown as Client;

async function post(path: string, form: Record<string, string>, as: Client = client) {
  const response = await fetch(`${sandbox.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${as.client_id}:${as.client_secret}`).toString('base64')}` },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text.endsWith('}') ? JSON.parse(text) : {} };
}

const refresh = (token: string, as = client) => post('/token', { grant_type: 'refresh_token', refresh_token: token }, as);
const me = (token: string) => fetch(`${sandbox.url}/api/me`, { headers: { authorization: `Bearer ${token}` } });

function authorization(verifier: string | undefined, extra: Record<string, string> = {}): string {
  const challenge =
    verifier === undefined
      ? {}
      : { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' };
  const query = {
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'notes:read notes:write',
    state: 'st4te',
  };
  return `${sandbox.url}/auth?${new URLSearchParams({ ...query, ...challenge, ...extra }).toString()}`;
}

const newVerifier = () => randomBytes(32).toString('base64url');

async function signIn(browser: Browser, url: string): Promise<void> {
  await browser.open(url);
  await browser.submit(sandbox.url, { login: 'ada', password: PASSWORD });
}

const exchange = (code: string, verifier: string) =>
  post('/token', { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: verifier });

async function connect(scopes?: string[]) {
  const browser = new Browser();
  const verifier = newVerifier();
  await signIn(browser, authorization(verifier));
  await browser.submit(sandbox.url, { decision: 'allow' }, scopes);
  const code = browser.left?.searchParams.get('code') ?? '';
  const { body } = await exchange(code, verifier);
  return {
    browser,
    code,
    verifier,
    tokens: body as { access_token: string; refresh_token: string; scope: string; expires_in: number },
  };
}

beforeEach(async () => {
  sandbox = await startSandbox(sandboxConfig);
  client = await register();
});

afterEach(() => sandbox.close());

describe('the authorization code flow', () => {
  it('leads through login and consent to tokens that work, with state and issuer in the redirect', async () => {
    const { browser, tokens } = await connect();
    expect(browser.left?.searchParams.get('state')).toBe('st4te');
    expect(browser.left?.searchParams.get('iss')).toBe(sandbox.url);
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 120, scope: 'notes:read notes:write' });
    expect(await (await me(tokens.access_token)).json()).toEqual({
      user: 'ada',
      name: 'Ada',
      client: client.client_id,
      scopes: ['notes:read', 'notes:write'],
    });
    expect(await counters()).toMatchObject({ tokenRequests: 1, codesRedeemed: 1, refreshes: 0 });
  });

  it('gives openid and offline_access where consent is asked for', async () => {
    const scope = 'openid offline_access notes:read notes:write';
    const browser = new Browser();
    const verifier = newVerifier();
    await signIn(browser, authorization(verifier, { scope, prompt: 'consent' }));
    expect(browser.scopes()).toEqual(scope.split(' '));
    await browser.submit(sandbox.url, { decision: 'allow' });
    const { body } = await exchange(browser.left?.searchParams.get('code') ?? '', verifier);
    expect(body).toMatchObject({ scope, id_token: expect.any(String), refresh_token: expect.any(String) });
  });

  it('grants what was ticked, not what was asked', async () => {
    const { tokens } = await connect(['notes:read']);
    expect(tokens.scope).toBe('notes:read');
    const created = await fetch(`${sandbox.url}/api/notes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(created.status).toBe(403);
  });

  it('asks for at least one permission', async () => {
    const browser = new Browser();
    await signIn(browser, authorization(newVerifier()));
    await browser.submit(sandbox.url, { decision: 'allow' }, []);
    expect([browser.status, browser.left]).toEqual([400, undefined]);
    expect(browser.page).toContain('Choose at least one');
  });

  it('sends a refusal back as access_denied', async () => {
    const browser = new Browser();
    await signIn(browser, authorization(newVerifier()));
    await browser.submit(sandbox.url, { decision: 'deny' });
    expect(browser.left?.searchParams.get('error')).toBe('access_denied');
    expect(browser.left?.searchParams.get('state')).toBe('st4te');
  });

  it('keeps a stranger out and escapes what was typed', async () => {
    const browser = new Browser();
    await browser.open(authorization(newVerifier()));
    await browser.submit(sandbox.url, { login: '"><script>', password: 'wrong' });
    expect(browser.status).toBe(401);
    expect(browser.page).toContain('do not match');
    expect(browser.page).not.toContain('<script>');
  });

  it('starts again for another account', async () => {
    const browser = new Browser();
    await signIn(browser, authorization(newVerifier()));
    await browser.submit(sandbox.url, { decision: 'switch' });
    await browser.submit(sandbox.url, { login: 'grace', password: PASSWORD });
    expect(browser.page).toContain('signed in as <strong>Grace</strong>');
  });

  it('asks a signed-in person for consent again, as a grant of its own', async () => {
    const { browser } = await connect();
    const verifier = newVerifier();
    await browser.open(authorization(verifier));
    await browser.submit(sandbox.url, { decision: 'allow' });
    expect((await manage('tokens'))['grants']).toHaveLength(2);
  });

  it.each([
    ['no PKCE', undefined, {}],
    ['PKCE plain', undefined, { code_challenge: newVerifier(), code_challenge_method: 'plain' }],
  ])('refuses %s', async (_what, verifier, extra) => {
    const browser = new Browser();
    await browser.open(authorization(verifier, extra));
    expect(browser.left?.searchParams.get('error')).toBe('invalid_request');
  });

  it('refuses a redirect URI that is not registered, without redirecting there', async () => {
    const browser = new Browser();
    await browser.open(authorization(newVerifier(), { redirect_uri: 'https://evil.example/' }));
    expect([browser.status, browser.left]).toEqual([400, undefined]);
  });

  it('refuses the wrong verifier', async () => {
    const browser = new Browser();
    await signIn(browser, authorization(newVerifier()));
    await browser.submit(sandbox.url, { decision: 'allow' });
    const answer = await exchange(browser.left?.searchParams.get('code') ?? '', newVerifier());
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
  });

  it('revokes what a code gave when the code comes again', async () => {
    const { code, verifier, tokens } = await connect();
    expect((await exchange(code, verifier)).body.error).toBe('invalid_grant');
    expect((await me(tokens.access_token)).status).toBe(401);
    expect(await counters()).toMatchObject({ reuseDetections: 1 });
  });

  it('shows pages that load nothing from elsewhere and can not be framed', async () => {
    const response = await fetch(`${sandbox.url}/`);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(await response.text()).toContain('Not for production');
  });

  it('answers a form of another interaction with an error page', async () => {
    const response = await fetch(`${sandbox.url}/interaction/unknown/consent`, {
      method: 'POST',
      body: new URLSearchParams({ decision: 'allow' }),
    });
    expect(response.status).toBe(400);
  });
});

describe('refresh tokens', () => {
  it('rotate: each works once', async () => {
    const { tokens } = await connect();
    const first = await refresh(tokens.refresh_token);
    const second = await refresh(first.body.refresh_token);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await me(second.body.access_token)).status).toBe(200);
    expect(await counters()).toMatchObject({ refreshes: 2, reuseDetections: 0 });
    expect((await manage('tokens'))['grants']).toMatchObject([{ user: 'ada', rotations: 2 }]);
  });

  it('used twice end the whole family', async () => {
    const { tokens } = await connect();
    const rotated = await refresh(tokens.refresh_token);
    expect((await refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    expect((await refresh(rotated.body.refresh_token)).body.error).toBe('invalid_grant');
    expect((await me(rotated.body.access_token)).status).toBe(401);
    expect(await counters()).toMatchObject({ reuseDetections: 1 });
  });

  it('used twice at once are redeemed once, and that family ends too', async () => {
    const { tokens } = await connect();
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(tokens.refresh_token)));
    const winners = answers.filter((answer) => answer.status === 200);
    expect(winners.length).toBeLessThanOrEqual(1);
    for (const winner of winners) {
      expect((await me(winner.body.access_token)).status).toBe(401);
      expect((await refresh(winner.body.refresh_token)).body.error).toBe('invalid_grant');
    }
    expect((await counters())['reuseDetections']).toBeGreaterThanOrEqual(1);
  });

  it('last for clients that were registered so', async () => {
    client = await register({ rotate_refresh_tokens: false });
    const { tokens } = await connect();
    const first = await refresh(tokens.refresh_token);
    const second = await refresh(tokens.refresh_token);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await counters())['reuseDetections']).toBe(0);
  });

  it('belong to their client', async () => {
    const { tokens } = await connect();
    const other = await register();
    expect((await refresh(tokens.refresh_token, other)).body.error).toBe('invalid_grant');
    expect((await refresh(tokens.refresh_token)).status).toBe(200);
  });
});

describe('revocation', () => {
  it('of either token ends the grant', async () => {
    for (const which of ['access_token', 'refresh_token'] as const) {
      const { tokens } = await connect();
      expect((await post('/token/revocation', { token: tokens[which] })).status).toBe(200);
      expect((await me(tokens.access_token)).status).toBe(401);
      expect((await refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    }
    expect((await counters())['revocations']).toBe(2);
  });
});

describe('a restart', () => {
  it('keeps clients, grants, tokens and notes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sandbox-'));
    const persistent = { ...sandboxConfig, database: join(directory, 'sandbox.db') };
    try {
      await sandbox.close();
      sandbox = await startSandbox(persistent);
      client = await register();
      const { tokens } = await connect();
      const authorization = `Bearer ${tokens.access_token}`;
      const headers = { authorization, 'content-type': 'application/json' };
      await fetch(`${sandbox.url}/api/notes`, { method: 'POST', headers, body: '{"title":"kept"}' });

      await sandbox.close();
      sandbox = await startSandbox(persistent);
      const listed = await fetch(`${sandbox.url}/api/notes`, { headers: { authorization } });
      expect(await listed.json()).toMatchObject({ notes: [{ title: 'kept' }] });
      expect((await refresh(tokens.refresh_token)).status).toBe(200);
      expect((await refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('metadata', () => {
  it('announces what the server does', async () => {
    const metadata = await (await fetch(`${sandbox.url}/.well-known/openid-configuration`)).json();
    expect(metadata).toMatchObject({
      issuer: sandbox.url,
      authorization_endpoint: `${sandbox.url}/auth`,
      token_endpoint: `${sandbox.url}/token`,
      revocation_endpoint: `${sandbox.url}/token/revocation`,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
    });
  });
});
