import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cliSessionSchema, meSchema } from '@keyward/contracts';
import { Browser } from './browser.js';
import type { AuthHarness } from './harness.js';
import { startSignIn, type OidcServer } from './oidc-server.js';

let auth: AuthHarness;
let oidc: OidcServer;
let org: string;

beforeAll(async () => {
  ({ auth, oidc } = await startSignIn());
  org = String((await auth.ask('/v1/organizations', { body: { slug: 'acme', name: 'Acme' } })).body['id']);
  await auth.ask('/v1/members', { body: { organization: org, email: 'ada@example.com', role: 'admin' } });
  oidc.person = { sub: 'ada', email: 'ada@example.com', email_verified: true };
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});

const PORT = 49_152;

/** What a command line does: up to the redirect to the port it listens on. */
async function code(browser = new Browser()): Promise<{ code: string; verifier: string; redirect: URL }> {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  browser.stopAt = `http://127.0.0.1:${PORT}/`;
  await browser.open(`${auth.url}/login?cli=${PORT}&challenge=${challenge}`);
  const redirect = new URL(browser.trail.at(-1) ?? '');
  return { code: redirect.searchParams.get('code') ?? '', verifier, redirect };
}

const redeem = (body: object) => auth.ask<{ token: string; code: string }>('/v1/cli-sessions', { body, token: '' });

async function signedIn(): Promise<string> {
  const { code: oneTime, verifier } = await code();
  return (await redeem({ code: oneTime, verifier })).body.token;
}

describe('a command line', () => {
  it('signs in through the browser and may do what the person may', async () => {
    const { code: oneTime, verifier, redirect } = await code();
    expect([redirect.origin, redirect.pathname, [...redirect.searchParams.keys()]]).toEqual([
      `http://127.0.0.1:${PORT}`,
      '/callback',
      ['code'],
    ]);
    const { status, body } = await redeem({ code: oneTime, verifier });
    expect(status).toBe(201);
    const { token, expiresAt } = cliSessionSchema.strict().parse(body);
    expect(token).toMatch(/^kwp_[A-Za-z0-9_-]{43}$/);
    expect((Date.parse(expiresAt) - Date.now()) / 86_400_000).toBeCloseTo(30, 1);
    const { body: me } = await auth.ask('/v1/me', { token });
    expect(meSchema.parse(me)).toMatchObject({ kind: 'person', memberships: [{ organization: org, role: 'admin' }] });
    const agent = await auth.ask('/v1/agents', { token, body: { organization: org, slug: 'a', name: 'A' } });
    expect(agent.status).toBe(201);
    const member = await auth.database.query<{ id: string }>('SELECT id FROM identity.member WHERE org_id = $1', [org]);
    const event = await auth.auditEvent(org, 'agent.created');
    expect(event.actor).toEqual({ kind: 'admin', id: member.rows[0]?.id });
  });

  it('of a person who is signed in already gets its code at once', async () => {
    const browser = new Browser();
    await browser.open(`${auth.url}/login`);
    const asked = browser.trail.length;
    const { code: oneTime, verifier } = await code(browser);
    expect(browser.trail.length - asked).toBe(1);
    expect((await redeem({ code: oneTime, verifier })).status).toBe(201);
  });

  it('redeems its code once, also where a hundred try at the same time', async () => {
    const { code: oneTime, verifier } = await code();
    const answers = await Promise.all(Array.from({ length: 100 }, () => redeem({ code: oneTime, verifier })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(99);
  });

  it('can do nothing with a code without its verifier, nor with one that was made up', async () => {
    const { code: oneTime, verifier } = await code();
    const other = randomBytes(32).toString('base64url');
    for (const body of [
      { code: oneTime, verifier: other },
      { code: `${oneTime.slice(0, -2)}AA`, verifier },
      { code: 'x', verifier },
    ]) {
      const { status, body: problem } = await redeem(body);
      expect([status, problem.code]).toEqual([401, 'unauthenticated']);
    }
    expect((await redeem({ code: oneTime, verifier })).status).toBe(201);
  });

  it.each([
    'cli=80&challenge=C',
    'cli=65536&challenge=C',
    'cli=0x50&challenge=C',
    'cli=49152',
    'challenge=C',
    'cli=49152&challenge=short',
    'cli=49152&cli=1&challenge=C',
    'cli=49152&challenge=C&return=/',
    'cli=49152@evil.example&challenge=C',
  ])('is sent nowhere by the link %s', async (query) => {
    const browser = new Browser();
    await browser.open(`${auth.url}/login?${query.replace('=C', `=${'C'.repeat(43)}`)}`);
    expect([browser.status, browser.trail]).toEqual([400, []]);
  });

  it('signs out, and what it held is worth nothing', async () => {
    const token = await signedIn();
    expect((await auth.ask('/v1/me', { token })).status).toBe(200);
    const gone = await fetch(`${auth.url}/v1/cli-sessions/current`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(gone.status).toBe(204);
    expect((await auth.ask('/v1/me', { token })).status).toBe(401);
    expect((await auth.ask('/v1/cli-sessions/current', { method: 'DELETE', token })).status).toBe(401);
  });

  it('is told apart from a browser: neither secret works as the other', async () => {
    const token = await signedIn();
    const asCookie = await fetch(`${auth.url}/v1/me`, { headers: { cookie: `keyward-session=${token.slice(4)}` } });
    expect(asCookie.status).toBe(401);
    const browser = new Browser();
    await browser.open(`${auth.url}/login`);
    const secret = /keyward-session=([^;]+)/.exec(browser.cookies(auth.url))?.[1] ?? '';
    for (const wrong of [secret, `kwp_${secret}`]) expect((await auth.ask('/v1/me', { token: wrong })).status).toBe(401);
  });

  it('with a bearer token that is nobody’s is nobody, whatever cookie comes along', async () => {
    const browser = new Browser();
    await browser.open(`${auth.url}/login`);
    const headers = { cookie: browser.cookies(auth.url), authorization: `Bearer kwp_${'x'.repeat(43)}` };
    expect((await fetch(`${auth.url}/v1/me`, { headers })).status).toBe(401);
  });
});
