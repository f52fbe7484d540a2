import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuthorizeAttack, HostileAuthorizationServer } from '@keyward/testing/hostile-as';
import { Browser } from './browser.js';
import { EvilHarness } from './evil.js';
import type { AuthHarness, Tenant } from './harness.js';

let here: EvilHarness;
let auth: AuthHarness;
let evil: HostileAuthorizationServer;
beforeAll(async () => {
  here = await EvilHarness.start();
  ({ auth, evil } = here);
});
afterAll(() => here.stop());
afterEach(() => {
  evil.behaviour = {};
});

describe('mix-up: a hostile server sends the victim on to an honest one with the victim’s state', () => {
  it.each([
    ['keeping its own redirect URI', false],
    ['with the honest registration’s redirect URI', true],
  ])('%s: the hostile token endpoint receives zero codes, and nothing is stored', async (_name, honestRedirect) => {
    const tenant = await here.victim();
    const honest = await honestClient(tenant);
    evil.behaviour = {
      authorize: {
        kind: 'mix_up',
        authorizationEndpoint: `${auth.sandbox.url}/auth`,
        clientId: honest,
        ...(honestRedirect ? { redirectUri: tenant.app.redirectUri } : {}),
      },
    };
    const received = evil.codesReceived().length;
    const { browser } = await here.attempt(tenant);
    // The honest server knows its client's redirect URI alone; given that one, it asks the victim, who agrees.
    if (browser.page.includes('name="password"') || browser.page.includes('name="decision"')) await browser.signIn();
    expect(browser.status).toBeGreaterThanOrEqual(400);
    expect(evil.codesReceived().length).toBe(received);
    await here.expectNothingStored(tenant);
  });

  it('a state of one registration is none at the other’s callback', async () => {
    const tenant = await here.victim();
    const { url } = await auth.session(tenant);
    const browser = new Browser();
    const callback = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
    callback.pathname = new URL(tenant.evil.redirectUri).pathname;
    await browser.open(callback.href);
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 400, title: 'This answer is not valid' });
    await here.expectNothingStored(tenant);
  });

  async function honestClient(tenant: Tenant): Promise<string> {
    const { body } = await auth.ask(`/v1/provider-apps/${tenant.app.id}?organization=${tenant.org}`);
    return String(body['clientId']);
  }
});

describe('issuer confusion (RFC 9207)', () => {
  it.each<[string, AuthorizeAttack]>([
    ['an issuer that is another', { kind: 'wrong_issuer', issuer: 'https://honest.example' }],
    ['an issuer that differs by a slash', { kind: 'wrong_issuer', issuer: 'SLASH' }],
    ['no issuer, though it is announced', { kind: 'no_issuer' }],
    ['two issuers', { kind: 'repeated', parameter: 'iss' }],
    ['two codes', { kind: 'repeated', parameter: 'code' }],
    ['two states', { kind: 'repeated', parameter: 'state' }],
    ['a code and an error', { kind: 'code_and_error' }],
  ])('an answer with %s redeems no code', async (_name, attack) => {
    const tenant = await here.victim();
    evil.behaviour = {
      authorize: attack.kind === 'wrong_issuer' && attack.issuer === 'SLASH' ? { ...attack, issuer: `${evil.issuer}/` } : attack,
    };
    const received = evil.codesReceived().length;
    const { browser } = await here.attempt(tenant);
    expect(browser.status).toBe(400);
    expect(evil.codesReceived().length).toBe(received);
    await here.expectNothingStored(tenant);
  });
});

describe('code injection', () => {
  it('a code of somebody else’s flow is useless without its verifier', async () => {
    const tenant = await here.victim();
    // The attacker's own code, made with a challenge of the attacker's.
    const stolen = new URL(
      (
        await fetch(
          `${evil.origin}/authorize?redirect_uri=${encodeURIComponent('http://127.0.0.1:9/')}&state=x&code_challenge=${'A'.repeat(43)}`,
          { redirect: 'manual' },
        )
      ).headers.get('location') ?? '',
    ).searchParams.get('code');
    evil.behaviour = { authorize: { kind: 'code_injection', code: stolen ?? '' } };
    const { browser } = await here.attempt(tenant);
    expect({ status: browser.status, title: browser.title }).toEqual({
      status: 502,
      title: 'The provider did not complete the connection',
    });
    await here.expectNothingStored(tenant);
  });
});

describe('a hostile token endpoint', () => {
  it.each([
    ['redirects the code elsewhere', 'redirect'],
    ['answers with markup', 'html'],
    ['repeats what it was sent', 'reflect'],
    ['answers with control characters', 'control_characters'],
    ['answers without end', 'huge'],
  ] as const)('that %s ends in a page without a word of it, and the same link works afterwards', async (_name, token) => {
    const tenant = await here.victim();
    evil.behaviour = { token, redirectTo: `${auth.sandbox.url}/token` };
    const before = await auth.tokenRequests();
    const { browser, url, id } = await here.attempt(tenant);
    expect(browser.status).toBe(502);
    expect(browser.page).not.toMatch(/<script|<img|canary|alert\(/);
    expect(await auth.tokenRequests()).toBe(before);
    await here.expectNothingStored(tenant);
    expect((await auth.sessionRow(id)).state).toBe('redirected');
    evil.behaviour = {};
    await browser.open(url);
    await browser.submit({ decision: 'continue' });
    expect(browser.title).toBe('Evil is connected');
  });

  it('that grants more than was asked: stored as granted', async () => {
    const tenant = await here.victim();
    evil.behaviour = { token: 'broader_scopes' };
    await here.attempt(tenant);
    const [connection] = await auth.connections(tenant);
    expect(connection?.scopes).toEqual(['notes:read', 'notes:write', 'admin']);
    const { rows } = await auth.database.query(
      'SELECT requested_scopes, scopes FROM vault.connection_authorization WHERE org_id = $1',
      [tenant.org],
    );
    expect(rows).toEqual([{ requested_scopes: ['notes:read'], scopes: ['notes:read', 'notes:write', 'admin'] }]);
  });

  it('an error full of markup is a page without it, and the session stays usable', async () => {
    const tenant = await here.victim();
    evil.behaviour = { authorize: { kind: 'html_error' } };
    const { browser } = await here.attempt(tenant);
    expect(browser.status).toBeGreaterThanOrEqual(400);
    expect(browser.page).not.toMatch(/<img|onerror|javascript:/);
    await here.expectNothingStored(tenant);
  });
});

it('open redirect: a browser that is sent elsewhere leaves nothing behind, and its code is not for us', async () => {
  const tenant = await here.victim();
  const elsewhere = 'http://127.0.0.1:9/';
  evil.behaviour = { authorize: { kind: 'open_redirect', to: elsewhere } };
  const { url } = await auth.session(tenant, { provider: 'evil' });
  const browser = new Browser();
  browser.stopAt = elsewhere;
  await browser.open(url);
  await browser.submit({ decision: 'continue' });
  expect(browser.trail.at(-1)).toContain('code=');
  await here.expectNothingStored(tenant);
});
