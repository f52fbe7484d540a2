import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HostileAuthorizationServer } from '@keyward/testing/hostile-as';
import fc from 'fast-check';
import { Browser } from './browser.js';
import { CLIENT_SECRET, EvilHarness } from './evil.js';
import type { AuthHarness, Tenant } from './harness.js';

let here: EvilHarness;
let auth: AuthHarness;
let evil: HostileAuthorizationServer;
beforeAll(async () => {
  here = await EvilHarness.start();
  ({ auth, evil } = here);
});
afterAll(() => here.stop());

describe('a code that comes by webhook', () => {
  function deliver(redirectUri: string, body: string, secret = CLIENT_SECRET): Promise<Response> {
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    return fetch(redirectUri.replace('/callback/', '/webhook/'), {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-signature': signature,
        'x-forwarded-for': `203.0.113.${Math.floor(Math.random() * 250)}`,
      },
    });
  }

  /** Up to the callback: the redirect's `code` is what both have in common. */
  async function redirected(tenant: Tenant): Promise<{ browser: Browser; callback: URL; installation: string }> {
    const { url } = await auth.session(tenant, { provider: 'evil_webhook' });
    const browser = new Browser();
    browser.stopAt = `${auth.url}/oauth/`;
    await browser.open(url);
    await browser.submit({ decision: 'continue' });
    browser.stopAt = undefined;
    const callback = new URL(browser.trail.at(-1) ?? '');
    return { browser, callback, installation: callback.searchParams.get('code') ?? '' };
  }
  const bodyOf = (installation: string) => JSON.stringify({ installation, authorization: { code: installation } });

  it('before the browser is back connects when it is', async () => {
    const tenant = await here.victim('evil_webhook');
    const { browser, callback, installation } = await redirected(tenant);
    expect((await deliver(tenant.evil.redirectUri, bodyOf(installation))).status).toBe(204);
    await browser.open(callback.href);
    expect(browser.title).toBe('Evil is connected');
  });

  it('after the browser is back connects when its page looks again, once', async () => {
    const tenant = await here.victim('evil_webhook');
    const { browser, callback, installation } = await redirected(tenant);
    await browser.open(callback.href);
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 200, title: 'Waiting for Evil' });
    expect(browser.headers.get('refresh')).toBe('2');
    await here.expectNothingStored(tenant);
    const received = evil.codesReceived().length;
    expect((await deliver(tenant.evil.redirectUri, bodyOf(installation))).status).toBe(204);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        fetch(callback, {
          headers: { cookie: browser.cookies(auth.url), 'x-forwarded-for': `203.0.113.${i}` },
          redirect: 'manual',
        }),
      ),
    );
    const pages = await Promise.all(answers.map((answer) => answer.text()));
    expect(pages.filter((page) => page.includes('<h1>Evil is connected</h1>'))).toHaveLength(1);
    expect(evil.codesReceived().length).toBe(received + 1);
    expect(await auth.connections(tenant)).toHaveLength(1);
  });

  it('with a signature that does not hold is refused, and no code of it is kept', async () => {
    const tenant = await here.victim('evil_webhook');
    const { browser, callback, installation } = await redirected(tenant);
    const body = bodyOf(installation);
    expect((await deliver(tenant.evil.redirectUri, body, 'another secret')).status).toBe(400);
    const other = await auth.tenant();
    expect((await deliver(other.app.redirectUri, body)).status).toBe(400);
    expect((await deliver(`${auth.url}/oauth/callback/${'0'.repeat(32)}`, body)).status).toBe(404);
    const { rows } = await auth.database.query('SELECT 1 FROM connect.delivered_code WHERE org_id = $1', [tenant.org]);
    expect(rows).toEqual([]);
    await browser.open(callback.href);
    expect(browser.title).toBe('Waiting for Evil');
  });

  it('of any other kind is answered, stored nowhere, and never our fault', async () => {
    const tenant = await here.victim('evil_webhook');
    const url = tenant.evil.redirectUri.replace('/callback/', '/webhook/');
    const path = fc.oneof(
      fc.constant(url),
      fc.string({ maxLength: 60 }).map((s) => `${auth.url}/oauth/webhook/${encodeURIComponent(s.toWellFormed())}`),
    );
    const bodies = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json({ maxDepth: 4 }),
      fc.constant('['.repeat(10_000)),
      fc.constant(''),
      fc.constant('{"installation":{"__proto__":1},"authorization":{"code":[]}}'),
    );
    await fc.assert(
      fc.asyncProperty(path, bodies, fc.boolean(), fc.string({ maxLength: 100 }), async (at, body, signed, signature) => {
        const answer = await fetch(at, {
          method: 'POST',
          body,
          headers: {
            'content-type': 'application/json',
            'x-signature': signed
              ? createHmac('sha256', CLIENT_SECRET).update(body).digest('hex')
              : encodeURIComponent(signature.toWellFormed()),
            'x-forwarded-for': randomUUID(),
          },
        });
        await answer.text();
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
    expect((await auth.database.query('SELECT 1 FROM connect.delivered_code')).rows).toEqual([]);
  });
});
