import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectSigner } from '../../apps/auth-service/src/connect/secrets.js';
import { Browser } from './browser.js';
import { STATE_SECRET, type AuthHarness, type Tenant } from './harness.js';
import { startSignIn, type OidcPerson, type OidcServer } from './oidc-server.js';
import { sandboxKey } from './registrations.js';

let auth: AuthHarness;
let oidc: OidcServer;
beforeAll(async () => {
  ({ auth, oidc } = await startSignIn());
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});

const ADA = { sub: 'ada', email: 'Ada@Example.com', email_verified: true, preferred_username: 'ada.l' };
const MALLORY = { sub: 'mallory', email: 'mallory@example.com', email_verified: true, preferred_username: 'mallory' };
const WRONG_PERSON = 'This link is for somebody else';

async function strictTenant(userClaim = 'sub'): Promise<Tenant> {
  const tenant = await auth.tenant();
  const body = { signInToConnect: true, userClaim };
  const { status } = await auth.ask(`/v1/organizations/${tenant.org}`, { method: 'PATCH', body });
  expect(status).toBe(200);
  return tenant;
}

/** A browser in which this person will sign in when asked to. */
function browserOf(person: OidcPerson | undefined): Browser {
  oidc.person = person;
  return new Browser();
}

async function expectNothingStored({ org }: Tenant): Promise<void> {
  for (const table of ['vault.connection', 'vault.credential', 'vault.connection_authorization']) {
    expect((await auth.database.query(`SELECT 1 FROM ${table} WHERE org_id = $1`, [org])).rows).toEqual([]);
  }
}

describe('initiator = completer: with sign-in', () => {
  let tenant: Tenant;
  beforeEach(async () => {
    tenant = await strictTenant();
  });

  it('the person that the link was made for signs in and connects', async () => {
    const browser = browserOf(ADA);
    const { id, url } = await auth.session(tenant, { user: 'ada' });
    await browser.open(url);
    expect(browser.trail.some((step) => step.startsWith(oidc.issuer))).toBe(true);
    expect(browser.title).toBe('Connect your Sandbox account');
    await browser.submit({ decision: 'continue' });
    await browser.signIn();
    expect(browser.title).toBe('Sandbox is connected');
    expect(await auth.connections(tenant)).toMatchObject([{ user: 'ada', authorizedBy: { kind: 'user', id: 'ada' } }]);
    const { rows } = await auth.database.query<{ signed_in_at: Date }>(
      'SELECT signed_in_at FROM connect.connect_session WHERE id = $1',
      [id],
    );
    expect(rows[0]?.signed_in_at).toBeInstanceOf(Date);
  });

  it('session fixation: an attacker’s own link that a victim completes stores nothing', async () => {
    // The link is for the attacker's user; the victim opens it and would connect an account of theirs.
    const { id, url } = await auth.session(tenant, { user: 'mallory' });
    const victim = browserOf(ADA);
    const before = await auth.tokenRequests();
    await victim.open(url);
    expect({ status: victim.status, title: victim.title }).toEqual({ status: 403, title: WRONG_PERSON });
    expect(victim.page).not.toContain('csrf');
    await victim.open(url, { method: 'POST', body: new URLSearchParams({ csrf: 'x', decision: 'continue' }) });
    expect(victim.status).toBe(403);
    expect(await auth.tokenRequests()).toBe(before);
    await expectNothingStored(tenant);
    expect(await auth.sessionRow(id)).toMatchObject({ state: 'created', failure: 'wrong_person' });
    expect((await auth.auditEvent(tenant.org, 'connection.authorization_failed')).reason).toContain('wrong_person');
    // And the link is still there for whom it was made.
    const mallory = browserOf(MALLORY);
    await mallory.open(url);
    expect(mallory.title).toBe('Connect your Sandbox account');
  });

  it('session fixation: an answer of the attacker’s flow, planted in a victim’s browser, stores nothing', async () => {
    const attacker = browserOf(MALLORY);
    const { url } = await auth.session(tenant, { user: 'mallory' });
    const callback = await attacker.connectUpToCallback(url, `${auth.url}/oauth/`);
    const victim = browserOf(ADA);
    await victim.open((await auth.session(tenant, { user: 'ada' })).url);
    const before = await auth.tokenRequests();
    await victim.open(callback.href);
    expect({ status: victim.status, title: victim.title }).toEqual({
      status: 403,
      title: 'This link was opened in another browser',
    });
    expect(await auth.tokenRequests()).toBe(before);
    await expectNothingStored(tenant);
  });

  it('somebody else who signs in between our page and the callback gets nothing stored', async () => {
    const browser = browserOf(ADA);
    const { url } = await auth.session(tenant, { user: 'ada' });
    const callback = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
    await browser.open(`${auth.url}/logout`, { method: 'POST', headers: { origin: auth.url } });
    const before = await auth.tokenRequests();
    await browser.open(callback.href);
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 403, title: 'You are not signed in any more' });
    oidc.person = MALLORY;
    const stranger = new Browser();
    await stranger.open(`${auth.url}/login`);
    const session = /keyward-session=[^;]+/.exec(stranger.cookies(auth.url))?.[0] ?? '';
    const own = /keyward_connect=[^;]+/.exec(browser.cookies(auth.url))?.[0] ?? '';
    const answer = await fetch(callback, { headers: { cookie: `${own}; ${session}` }, redirect: 'manual' });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain(WRONG_PERSON);
    expect(await auth.tokenRequests()).toBe(before);
    await expectNothingStored(tenant);
  });

  it('holds for a key that is entered on our page too', async () => {
    const { key } = await sandboxKey(auth);
    const { url } = await auth.session(tenant, { user: 'ada', provider: 'sandbox_key' });
    const browser = browserOf(ADA);
    await browser.open(url);
    await browser.open(`${auth.url}/logout`, { method: 'POST', headers: { origin: auth.url } });
    oidc.person = MALLORY;
    const page = new Browser();
    await page.open(`${auth.url}/login`);
    const session = /keyward-session=[^;]+/.exec(page.cookies(auth.url))?.[0] ?? '';
    const own = /keyward_connect=[^;]+/.exec(browser.cookies(auth.url))?.[0] ?? '';
    const opened = await fetch(url, { headers: { cookie: `${own}; ${session}` } });
    expect(opened.status).toBe(403);
    const { rows } = await auth.database.query<{ id: string }>('SELECT id FROM connect.connect_session WHERE org_id = $1', [
      tenant.org,
    ]);
    const csrf = new ConnectSigner(STATE_SECRET).formToken(rows[0]?.id ?? '', own.slice('keyward_connect='.length));
    const posted = await fetch(url, {
      method: 'POST',
      headers: { cookie: `${own}; ${session}` },
      body: new URLSearchParams({ csrf, decision: 'continue', secret: key }),
      redirect: 'manual',
    });
    expect(posted.status).toBe(403);
    expect(await posted.text()).toContain(WRONG_PERSON);
    await expectNothingStored(tenant);
  });

  it('who declines to sign in gets no further', async () => {
    const browser = browserOf(undefined);
    await browser.open((await auth.session(tenant, { user: 'ada' })).url);
    expect(browser.page).not.toContain('csrf');
    await expectNothingStored(tenant);
  });
});

describe('initiator = completer: which claim', () => {
  it.each([
    ['email', 'ada@example.com', ADA, 200],
    ['email', 'Ada@Example.com', ADA, 200],
    ['email', 'ada@example.com', { ...ADA, email_verified: false }, 403],
    ['email', 'ada', ADA, 403],
    ['preferred_username', 'ada.l', ADA, 200],
    ['preferred_username', 'Ada.L', ADA, 403],
    ['sub', 'ada', ADA, 200],
    ['sub', 'Ada', ADA, 403],
  ])('%s: a link for %s', async (claim, user, person, status) => {
    const tenant = await strictTenant(claim);
    const browser = browserOf(person);
    await browser.open((await auth.session(tenant, { user })).url);
    expect(browser.status).toBe(status);
  });
});

describe('initiator = completer: a workspace account', () => {
  const workspaceUrl = async ({ org, agent }: Tenant): Promise<string> => {
    const body = { kind: 'workspace', organization: org, agents: [agent], provider: 'sandbox' };
    return String((await auth.ask('/v1/connect-sessions', { body })).body['url']);
  };

  it.each([
    ['admin', true],
    ['owner', true],
    ['auditor', false],
    ['viewer', false],
    [undefined, false],
  ])('member with role %s: %s', async (role, may) => {
    const tenant = await auth.tenant();
    const person = { ...ADA, sub: `w-${role}`, email: `w-${role}@example.com` };
    if (role !== undefined) {
      const invited = await auth.ask('/v1/members', { body: { organization: tenant.org, email: person.email, role } });
      expect(invited.status).toBe(201);
    }
    const browser = browserOf(person);
    await browser.open(await workspaceUrl(tenant));
    expect(browser.title).toBe(may ? 'Connect Sandbox for Acme' : WRONG_PERSON);
    if (!may) return;
    await browser.submit({ decision: 'continue' });
    await browser.signIn();
    expect(browser.title).toBe('Sandbox is connected');
    const [connection] = await auth.connections(tenant);
    expect(connection?.authorizedBy).toMatchObject({ kind: 'admin', id: expect.stringMatching(/^mbr_/) });
  });
});

it('without sign-in, the link is the first browser’s, and nobody is asked who they are', async () => {
  const tenant = await auth.tenant();
  const { url } = await auth.session(tenant);
  const [first, second] = [browserOf(undefined), new Browser()];
  await first.open(url);
  expect(first.title).toBe('Connect your Sandbox account');
  await second.open(url);
  expect(second.status).toBe(403);
});
