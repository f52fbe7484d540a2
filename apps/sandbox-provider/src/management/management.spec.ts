import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../test/config.js';
import { startSandbox, type Sandbox } from '../server.js';

const REDIRECT_URI = 'https://keyward.example/oauth/callback/abc';

interface Issued {
  access_token: string;
  refresh_token: string;
}

let sandbox: Sandbox;
let client: { client_id: string; client_secret: string };

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

async function issue(user = 'ada'): Promise<{ tokens: Issued }> {
  const answer = await manage('tokens/issue', { client_id: client.client_id, user });
  const [tokens] = answer['tokens'] as [Issued];
  return { tokens };
}

async function refresh(token: string) {
  const response = await fetch(`${sandbox.url}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text.endsWith('}') ? JSON.parse(text) : {} };
}

const me = (token: string) => fetch(`${sandbox.url}/api/me`, { headers: { authorization: `Bearer ${token}` } });

beforeEach(async () => {
  sandbox = await startSandbox(sandboxConfig);
  client = (await manage('clients', { redirect_uris: [REDIRECT_URI] })) as typeof client;
});

afterEach(() => sandbox.close());

describe('management', () => {
  it('needs its token', async () => {
    for (const authorization of ['', 'Bearer wrong']) {
      const response = await fetch(`${sandbox.url}/sandbox/tokens`, { headers: { authorization } });
      expect(response.status).toBe(401);
    }
  });

  it('refuses a client that the provider could not serve', async () => {
    await expect(manage('clients', { redirect_uris: ['https://a.example/#fragment'] })).rejects.toThrow('400');
    await expect(manage('clients', { redirect_uris: [] })).rejects.toThrow('400');
  });

  it('ends access tokens and leaves refresh tokens alone', async () => {
    const { tokens } = await issue();
    expect(await manage('tokens/expire', {})).toEqual({ expired: 1 });
    expect((await me(tokens.access_token)).status).toBe(401);
    expect((await refresh(tokens.refresh_token)).status).toBe(200);
  });

  it('revokes the grants of a user', async () => {
    const { tokens } = await issue();
    expect(await manage('tokens/revoke', { user: 'grace' })).toEqual({ revoked: 0 });
    expect(await manage('tokens/revoke', { user: 'ada' })).toEqual({ revoked: 1 });
    expect((await refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
  });

  it('issues grants for load tests, as good as those of a person', async () => {
    const answer = await manage('tokens/issue', { client_id: client.client_id, user: 'grace', count: 3 });
    const tokens = answer['tokens'] as Issued[];
    expect(tokens).toHaveLength(3);
    for (const one of tokens) {
      expect((await me(one.access_token)).status).toBe(200);
      expect((await refresh(one.refresh_token)).status).toBe(200);
    }
  });

  it('issues access tokens that end when they are told to, and counts those shown that will not do', async () => {
    const answer = await manage('tokens/issue', { client_id: client.client_id, user: 'ada', count: 2, expires_in: 1 });
    const [first, second] = answer['tokens'] as [Issued & { expires_in: number }, Issued];
    expect(first.expires_in).toBe(1);
    expect((await refresh(second.refresh_token)).body['expires_in']).toBe(sandboxConfig.accessTokenTtlSeconds);
    const before = await manage('counters');
    expect((await me('of-nobody')).status).toBe(401);
    await manage('tokens/expire', {});
    expect((await me(first.access_token)).status).toBe(401);
    const after = await manage('counters');
    expect(after['refusedAccessTokens']).toBe(Number(before['refusedAccessTokens']) + 2);
    expect(after).not.toHaveProperty('grants');
  });

  it('orders faults, each for the next so many requests', async () => {
    const { tokens } = await issue();
    await manage('faults', { kind: 'fail', count: 2, status: 503, retryAfterSeconds: 7 });
    const failures = [await refresh(tokens.refresh_token), await refresh(tokens.refresh_token)];
    expect(failures.map((answer) => [answer.status, answer.headers.get('retry-after')])).toEqual([
      [503, '7'],
      [503, '7'],
    ]);
    await manage('faults', { kind: 'alter', members: { expires_in: 'soon', refresh_token: null } });
    const altered = await refresh(tokens.refresh_token);
    expect(altered.body).toMatchObject({ expires_in: 'soon' });
    expect(altered.body).not.toHaveProperty('refresh_token');
  });

  it('garbles and drops answers after the token was redeemed', async () => {
    for (const kind of ['garble', 'drop']) {
      const { tokens } = await issue();
      const before = await counters();
      await manage('faults', { kind });
      const answer = await refresh(tokens.refresh_token).catch(() => undefined);
      expect(answer?.text).toBe(kind === 'garble' ? '{"access_token":' : undefined);
      expect((await counters())['refreshes']).toBe((before['refreshes'] ?? 0) + 1);
    }
  });
});
