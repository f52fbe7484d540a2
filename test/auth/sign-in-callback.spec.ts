import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.js';
import type { AuthHarness } from './harness.js';
import { startSignIn, type OidcServer } from './oidc-server.js';

let auth: AuthHarness;
let oidc: OidcServer;
beforeAll(async () => {
  ({ auth, oidc } = await startSignIn());
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});

const cookieOf = (browser: Browser): string => /keyward-session=([^;]+)/.exec(browser.cookies(auth.url))?.[1] ?? '';

describe('the answer of the provider counts', () => {
  async function upToCallback(): Promise<{ browser: Browser; callback: string }> {
    oidc.person = { sub: 'ada', email: 'ada@example.com', email_verified: true };
    const browser = new Browser();
    browser.stopAt = `${auth.url}/login/callback`;
    await browser.open(`${auth.url}/login`);
    browser.stopAt = undefined;
    return { browser, callback: browser.trail.at(-1) ?? '' };
  }

  it('in the browser that began, and in no other', async () => {
    const { browser, callback } = await upToCallback();
    const other = new Browser();
    const redeemed = oidc.codesRedeemed;
    await other.open(callback);
    expect([other.status, cookieOf(other)]).toEqual([400, '']);
    // Another browser that has begun a sign-in of its own: an attacker can't make the victim finish theirs (login CSRF).
    const third = await upToCallback();
    await third.browser.open(callback);
    expect([third.browser.status, cookieOf(third.browser), oidc.codesRedeemed]).toEqual([400, '', redeemed]);
    await browser.open(callback);
    expect(browser.title).toBe('You are signed in');
  });

  it('once', async () => {
    const { browser, callback } = await upToCallback();
    const pending = browser.cookies(auth.url);
    await browser.open(callback);
    expect(browser.title).toBe('You are signed in');
    await browser.open(callback);
    expect(browser.status).toBe(400);
    const replayed = await fetch(callback, { headers: { cookie: pending }, redirect: 'manual' });
    expect([replayed.status, replayed.headers.getSetCookie().some((line) => line.startsWith('keyward-session='))]).toEqual([
      400,
      false,
    ]);
  });

  it.each([
    ['another state', (url: URL) => url.searchParams.set('state', 'x'.repeat(43))],
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['two states', (url: URL) => url.searchParams.append('state', 'x')],
    ['another issuer (mix-up)', (url: URL) => url.searchParams.set('iss', 'https://evil.example')],
    ['no issuer though one is announced', (url: URL) => url.searchParams.delete('iss')],
    ['another code', (url: URL) => url.searchParams.set('code', 'x'.repeat(43))],
    ['no code', (url: URL) => url.searchParams.delete('code')],
  ])('not with %s', async (_what, change) => {
    const { browser, callback } = await upToCallback();
    const url = new URL(callback);
    change(url);
    await browser.open(url.href);
    expect([browser.status, cookieOf(browser)]).toEqual([400, '']);
  });

  it('not with a cookie that somebody made or changed', async () => {
    const { callback, browser } = await upToCallback();
    const sealed = /keyward-sign-in=([^;]+)/.exec(browser.cookies(auth.url))?.[1] ?? '';
    for (const cookie of ['x', 'a.b.c.d.e', `${sealed.slice(0, -3)}AAA`, sealed.replace('.', '..')]) {
      const answer = await fetch(callback, { headers: { cookie: `keyward-sign-in=${cookie}` }, redirect: 'manual' });
      expect(answer.status).toBe(400);
    }
  });
});

describe('where nobody can sign in', () => {
  it.each([
    ['the identity provider is away', { KEYWARD_OIDC_ISSUER: 'http://127.0.0.1:1' }, 503, 'Signing in is not possible right now'],
    [
      'there is none',
      { KEYWARD_OIDC_ISSUER: '', KEYWARD_OIDC_CLIENT_ID: '', KEYWARD_OIDC_CLIENT_SECRET: '' },
      404,
      'Sign-in is not set up',
    ],
  ])('because %s, the page says so', async (_what, env, status, title) => {
    const replica = await auth.startReplica({ ...env, KEYWARD_HTTP_PORT: '0' });
    const { httpUrl = '' } = await replica.started;
    const browser = new Browser();
    await browser.open(`${httpUrl}/login`);
    expect([browser.status, browser.title]).toEqual([status, title]);
  });
});
