import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.js';
import type { AuthHarness } from './harness.js';
import { CLIENT, startSignIn, type OidcServer } from './oidc-server.js';

let auth: AuthHarness;
let oidc: OidcServer;
let org: string;

beforeAll(async () => {
  ({ auth, oidc } = await startSignIn());
  const created = await auth.ask('/v1/organizations', { body: { slug: 'acme', name: 'Acme' } });
  org = String(created.body['id']);
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});
afterEach(() => {
  oidc.tamper = (claims) => claims;
  oidc.forgeSignature = false;
});

const PERSON = { sub: 'idp-1', email: 'Ada@Example.com', email_verified: true, preferred_username: 'ada' };
let people = 0;

/** Somebody new at the identity provider. */
function somebody(extra: object = {}) {
  people++;
  return { ...PERSON, sub: `idp-${people}`, email: `Person${people}@Example.com`, ...extra };
}

async function signIn(person = somebody(), path = '/login'): Promise<Browser> {
  oidc.person = person;
  const browser = new Browser();
  await browser.open(auth.url + path);
  return browser;
}

const cookieOf = (browser: Browser): string => /keyward-session=([^;]+)/.exec(browser.cookies(auth.url))?.[1] ?? '';

async function me(cookie: string): Promise<{ status: number; body: { memberships?: { role: string; member: string }[] } }> {
  const response = await fetch(`${auth.url}/v1/me`, { headers: { cookie: `keyward-session=${cookie}` } });
  return { status: response.status, body: (await response.json()) as never };
}

async function invite(email: string, role = 'viewer'): Promise<string> {
  const { status, body } = await auth.ask('/v1/members', { body: { organization: org, email, role } });
  expect(status).toBe(201);
  return String(body['id']);
}

describe('signing in', () => {
  it('at a real OpenID provider, with a verified address, takes up the invitation and is audited', async () => {
    const person = somebody();
    const member = await invite(person.email);
    const browser = await signIn(person);
    expect([browser.status, browser.title]).toEqual([200, 'You are signed in']);
    expect(browser.page).toContain(person.email.toLowerCase());
    const { body } = await me(cookieOf(browser));
    expect(body).toMatchObject({
      kind: 'person',
      issuer: oidc.issuer,
      subject: person.sub,
      email: person.email.toLowerCase(),
      preferredUsername: 'ada',
      memberships: [{ member, organization: org, slug: 'acme', name: 'Acme', role: 'viewer' }],
    });
    expect(await auth.auditEvent(org, 'person.signed_in')).toMatchObject({ actor: { kind: 'admin', id: member } });
    const { body: listed } = await auth.ask<{ members: object[] }>(`/v1/members?organization=${org}`);
    expect(listed.members[0]).toMatchObject({ id: member, joined: true, email: person.email.toLowerCase() });
  });

  it('sends PKCE S256, state and nonce, and keeps them where only the browser that began has them', async () => {
    oidc.person = somebody();
    const browser = new Browser();
    browser.stopAt = oidc.issuer;
    await browser.open(`${auth.url}/login`);
    const { searchParams } = new URL(browser.trail[0] ?? '');
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      client_id: CLIENT.id,
      code_challenge_method: 'S256',
      scope: 'openid email profile',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(searchParams.get(name)?.length).toBeGreaterThanOrEqual(43);
    const [cookie] = browser.headers.getSetCookie();
    expect(cookie).toMatch(/^keyward-sign-in=ey[^;]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(cookie).not.toContain(searchParams.get('state'));
  });

  it.each([
    ['false', { email_verified: false }],
    ['missing', { email_verified: undefined }],
    ['the text "true"', { email_verified: 'true' }],
  ])('with an address whose email_verified is %s takes up no invitation', async (_what, extra) => {
    const person = somebody();
    await invite(person.email, 'owner');
    const browser = await signIn({ ...person, ...extra } as never);
    expect(browser.title).toBe('You are signed in');
    expect((await me(cookieOf(browser))).body).toMatchObject({ email: null, memberships: [] });
  });

  it('as the next holder of an address gets nothing of who had it first', async () => {
    const first = somebody();
    await invite(first.email);
    await signIn(first);
    const browser = await signIn(somebody({ email: first.email }));
    expect((await me(cookieOf(browser))).body.memberships).toEqual([]);
  });

  it.each([
    ['a wrong nonce', { nonce: 'another' }],
    ['no nonce', { nonce: undefined }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['another audience', { aud: 'somebody-else' }],
    ['an end that has passed', { exp: 1_000_000_000 }],
    ['a subject that is none', { sub: '' }],
  ])('with an identity token that has %s is refused', async (_what, change) => {
    oidc.tamper = (claims) => ({ ...claims, ...change });
    const browser = await signIn();
    expect([browser.status, browser.title]).toEqual([400, 'That did not work']);
    expect(cookieOf(browser)).toBe('');
  });

  it('with an identity token of another key is refused', async () => {
    oidc.forgeSignature = true;
    const browser = await signIn();
    expect([browser.status, cookieOf(browser)]).toEqual([400, '']);
  });

  it('declined at the provider is told so', async () => {
    oidc.person = undefined;
    const browser = new Browser();
    await browser.open(`${auth.url}/login`);
    expect([browser.status, browser.title, cookieOf(browser)]).toEqual([403, 'Not signed in', '']);
  });
});

describe('after signing in', () => {
  it('the browser goes where it wanted to, on our own pages only', async () => {
    const browser = await signIn(somebody(), '/login?return=%2Fv1%2Fme%3Fx%3D1');
    expect(browser.url).toBe(`${auth.url}/v1/me?x=1`);
  });

  it.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n//evil.example',
    '/..//evil.example',
    '/.//evil.example',
    'javascript:alert(1)',
    'evil',
    '',
    '/x\\..\\..',
    'http:evil.example',
    '/\u0000',
    '/ü',
  ])('nowhere for the link %j', async (path) => {
    oidc.person = somebody();
    const browser = new Browser();
    await browser.open(`${auth.url}/login?return=${encodeURIComponent(path)}`);
    expect([browser.status, browser.trail]).toEqual([400, []]);
  });

  it('the secret is new each time, and the one before it is worth nothing (fixation)', async () => {
    const browser = await signIn();
    const before = cookieOf(browser);
    expect((await me(before)).status).toBe(200);
    oidc.person = somebody();
    browser.stopAt = `${auth.url}/login/callback`;
    await fetch(`${auth.url}/login`);
    const fresh = new Browser();
    fresh.stopAt = `${auth.url}/login/callback`;
    await fresh.open(`${auth.url}/login`);
    const callback = await fetch(fresh.trail.at(-1) ?? '', {
      headers: { cookie: `${fresh.cookies(auth.url)}; keyward-session=${before}` },
      redirect: 'manual',
    });
    expect(callback.status).toBe(200);
    expect((await me(before)).status).toBe(401);
  });

  it('it ends with signing out, at its own form alone', async () => {
    const browser = await signIn();
    const secret = cookieOf(browser);
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ]) {
      const answer = await fetch(`${auth.url}/logout`, {
        method: 'POST',
        headers: { cookie: `keyward-session=${secret}`, ...headers },
      });
      expect(answer.status).toBe(403);
    }
    expect((await me(secret)).status).toBe(200);
    await browser.submit({});
    expect([browser.title, cookieOf(browser)]).toEqual(['Signed out', '']);
    expect((await me(secret)).status).toBe(401);
  });

  it('it ends by itself', async () => {
    const secret = cookieOf(await signIn());
    const { rows } = await auth.database.query<{ hours: number }>(
      'SELECT extract(epoch FROM max(expires_at) - now()) / 3600 AS hours FROM identity.person_session WHERE kind = $1',
      ['browser'],
    );
    expect(Number(rows[0]?.hours)).toBeCloseTo(12, 1);
    await auth.database.query('UPDATE identity.person_session SET expires_at = now()');
    expect((await me(secret)).status).toBe(401);
  });

  it('what is stored is no secret', async () => {
    const secret = cookieOf(await signIn());
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { rows } = await auth.database.query('SELECT s::text AS line FROM identity.person_session s');
    expect(JSON.stringify(rows)).not.toContain(secret);
  });
});

describe('a change with a cookie', () => {
  it.each([
    ['of another site', { origin: 'https://evil.example', 'content-type': 'application/json' }, 403],
    ['of a sibling domain', { 'sec-fetch-site': 'same-site', 'content-type': 'application/json' }, 403],
    ['that states no origin', { 'content-type': 'application/json' }, 403],
    ['as a form', { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }, 403],
    ['of our own pages', { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }, 201],
    ['of our own origin', { origin: 'OWN', 'content-type': 'application/json' }, 201],
  ])('%s', async (_what, headers, status) => {
    const person = somebody();
    await invite(person.email, 'owner');
    const secret = cookieOf(await signIn(person));
    const answer = await fetch(`${auth.url}/v1/members`, {
      method: 'POST',
      headers: {
        ...headers,
        ...('origin' in headers && headers.origin === 'OWN' ? { origin: auth.url } : {}),
        cookie: `keyward-session=${secret}`,
      },
      body: JSON.stringify({ organization: org, email: `new${people}${status}@example.com`, role: 'viewer' }),
    });
    expect(answer.status).toBe(status);
  });
});
