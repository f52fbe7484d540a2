import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { Browser as Script } from '../auth/browser.js';
import { PASSWORD } from '../../apps/sandbox-provider/test/config.js';
import type { AuthHarness, Tenant } from '../auth/harness.js';
import { startSignIn, type OidcServer } from '../auth/oidc-server.js';
import { register, sandboxKey } from '../auth/registrations.js';
import { executablePath, launch, SCHEMES, Visit } from './chromium.js';

if (executablePath === undefined)
  process.stderr.write(
    'The Connect pages are not looked at: there is no Chromium here (apt-get install chromium, or KEYWARD_CHROMIUM).\n',
  );
const inChromium = executablePath === undefined ? describe.skip : describe;

const ADA = { sub: 'ada', email: 'ada@example.com', email_verified: true };

let auth: AuthHarness;
let oidc: OidcServer;
let browser: Browser;
beforeAll(async () => {
  if (executablePath !== undefined) [{ auth, oidc }, browser] = await Promise.all([startSignIn(), launch()]);
}, 60_000);
afterAll(async () => {
  if (executablePath === undefined) return;
  await browser.close();
  await auth.stop();
  await oidc.stop();
});

inChromium('the Connect pages in Chromium, on a phone', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await auth.tenant({ organization: 'Acme Industries', agent: 'Release notes scribe' });
    await register(auth, tenant, 'sandbox_device');
    await register(auth, tenant, 'sandbox_service');
  });

  async function visit(url: string, look: (visit: Visit) => Promise<void>): Promise<void> {
    const here = await Visit.start(browser);
    try {
      await here.page.goto(url);
      await look(here);
      expect(here.complaints).toEqual([]);
    } finally {
      await here.end();
    }
  }

  /** Whatever a page of ours shows: accessible, no wider than the phone, nothing from elsewhere. */
  async function expectSound(here: Visit, heading: string): Promise<void> {
    expect(await here.heading()).toBe(heading);
    for (const scheme of SCHEMES) {
      await here.page.emulateMedia({ colorScheme: scheme });
      await here.screenshot(heading, scheme);
      expect({ scheme, violations: await here.violations(scheme) }).toEqual({ scheme, violations: [] });
    }
    expect(await here.overflow()).toBeLessThanOrEqual(0);
    expect(await here.lowControls()).toEqual([]);
    expect(new URL(here.page.url()).origin).toBe(auth.url);
  }

  const session = async (extra: object = {}) => (await auth.session(tenant, { alias: `a${Date.now()}`, ...extra })).url;
  const press = (here: Visit, name: string) => here.page.getByRole('button', { name }).click();

  async function signInAtSandbox({ page }: Visit, decision: 'Allow' | 'Deny'): Promise<void> {
    await page.fill('[name=login]', 'ada');
    await page.fill('[name=password]', PASSWORD);
    await page.locator('button[type=submit], button:not([type])').first().click();
    await page.locator(`button[name=decision][value=${decision.toLowerCase()}]`).click();
  }

  it('redirect: consent, the provider, connected; nothing but the provider and us is asked', async () => {
    const url = await session();
    await visit(url, async (here) => {
      await expectSound(here, 'Connect your Sandbox account');
      await press(here, 'Continue to Sandbox');
      await signInAtSandbox(here, 'Allow');
      await expectSound(here, 'Sandbox is connected');
      expect([...here.origins].sort()).toEqual([auth.url, auth.sandbox.url].sort());
      await here.page.goto(url);
      await expectSound(here, 'Sandbox is connected');
    });
  });

  it('deny, and cancel', async () => {
    await visit(await session(), async (here) => {
      await press(here, 'Continue to Sandbox');
      await signInAtSandbox(here, 'Deny');
      await expectSound(here, 'Not connected');
    });
    await visit(await session(), async (here) => {
      await press(here, 'Cancel');
      await expectSound(here, 'Cancelled');
    });
  });

  it('form: an error is said first and at its field, the next try connects; by keyboard alone', async () => {
    const { key } = await sandboxKey(auth);
    await visit(await session({ provider: 'sandbox_key' }), async (here) => {
      await expectSound(here, 'Connect your Sandbox (API key) account');
      const field = here.page.getByLabel('API key');
      await field.fill('not the key');
      await field.press('Enter');
      await expectSound(here, 'Connect your Sandbox (API key) account');
      expect(await here.page.getByRole('alert').innerText()).toContain('does not accept it');
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      expect(await field.inputValue()).toBe('');
      await here.page.getByRole('alert').getByRole('link').press('Enter');
      expect(await here.page.evaluate<string>('document.activeElement?.id ?? document.querySelector(":target")?.id')).not.toBe(
        '',
      );
      await field.fill(key);
      await here.page.keyboard.press('Tab');
      expect(await here.page.evaluate<string>('document.activeElement.textContent')).toBe('Connect');
      await here.page.keyboard.press('Enter');
      await here.page.waitForSelector('text=is connected');
      await expectSound(here, 'Sandbox (API key) is connected');
      expect([...here.origins]).toEqual([auth.url]);
    });
  });

  it('device: the code, and by itself the end', async () => {
    await visit(await session({ provider: 'sandbox_device' }), async (here) => {
      await expectSound(here, 'Connect your Sandbox (device code) account');
      await press(here, 'Get a code');
      await expectSound(here, 'Enter the code at Sandbox (device code)');
      const uri = await here.page.locator('ol a').getAttribute('href');
      await enterCode(uri ?? '');
      await auth.database.query(`UPDATE connect.device_authorization SET next_poll_at = now()`);
      // Nobody clicks: the page asks again by itself.
      await here.page.waitForSelector('text=is connected', { timeout: 20_000 });
      await expectSound(here, 'Sandbox (device code) is connected');
    });
  });

  it('here: a service account needs a yes and no more', async () => {
    await visit(await session({ provider: 'sandbox_service' }), async (here) => {
      await expectSound(here, 'Connect Sandbox (service account)');
      await press(here, 'Connect');
      await expectSound(here, 'Sandbox (service account) is connected');
    });
  });

  it('connecting again, with more asked for than before', async () => {
    await new Script().connect((await auth.session(tenant, { alias: 'again', scopes: ['openid', 'notes:read'] })).url);
    const wider = { alias: 'again', scopes: ['openid', 'notes:read', 'notes:write'] };
    await visit((await auth.session(tenant, wider)).url, async (here) => {
      await expectSound(here, 'Connect your Sandbox account');
      expect(await here.page.locator('li:has(.new)').innerText()).toContain('Create and delete your notes');
    });
  });

  it('a workspace account', async () => {
    oidc.person = { ...ADA, sub: 'admin', email: 'admin@example.com' };
    await auth.ask('/v1/members', { body: { organization: tenant.org, email: oidc.person.email, role: 'admin' } });
    const body = { kind: 'workspace', organization: tenant.org, agents: [tenant.agent], provider: 'sandbox' };
    const { body: made } = await auth.ask<{ url: string }>('/v1/connect-sessions', { body });
    await visit(made.url, (here) => expectSound(here, 'Connect Sandbox for Acme Industries'));
  });

  it('links that lead nowhere: unknown, expired, used, another browser’s, another person’s', async () => {
    await visit(`${auth.url}/connect/${'A'.repeat(43)}`, (here) => expectSound(here, 'This link is not valid'));
    const expired = await auth.session(tenant, { alias: 'expired' });
    await auth.database.query(`UPDATE connect.connect_session SET expires_at = now() WHERE id = $1`, [expired.id]);
    await visit(expired.url, (here) => expectSound(here, 'This link has expired'));
    const taken = await auth.session(tenant, { alias: 'taken' });
    await new Script().connect(taken.url);
    await visit(taken.url, (here) => expectSound(here, 'This link has been used'));
    const open = await session();
    await new Script().open(open);
    await visit(open, (here) => expectSound(here, 'This link was opened in another browser'));
    const strict = await auth.tenant();
    await auth.ask(`/v1/organizations/${strict.org}`, { method: 'PATCH', body: { signInToConnect: true } });
    oidc.person = ADA;
    await visit((await auth.session(strict, { user: 'grace' })).url, async (here) => {
      await expectSound(here, 'This link is for somebody else');
      await press(here, 'Sign out');
      await here.page.waitForURL('**/logout');
      expect(await here.heading()).toBe('Signed out');
    });
    await visit((await auth.session(strict, { user: 'ada' })).url, (here) => expectSound(here, 'Connect your Sandbox account'));
  });

  it('are shown in nobody’s frame', async () => {
    const url = await session();
    await visit(`${auth.sandbox.url}/`, async (here) => {
      await here.page.setContent(`<iframe src="${url}"></iframe>`);
      await here.page.waitForFunction('document.querySelector("iframe") !== null');
      const frame = here.page.frames().at(1);
      await frame?.waitForLoadState().catch(() => undefined);
      expect(await frame?.locator('form').count()).toBe(0);
      here.complaints.length = 0;
    });
  });
});

/** Enters the code at the sandbox, as on another screen. */
async function enterCode(uri: string): Promise<void> {
  const screen = new Script();
  await screen.open(uri);
  for (let step = 0; step < 6 && screen.page.includes('<form'); step++) {
    if (screen.page.includes('name="password"')) await screen.submit({ login: 'ada', password: PASSWORD }, []);
    else if (screen.page.includes('name="decision"')) return screen.submit({ decision: 'allow' });
    else await screen.submit({ confirm: 'yes' }, []);
  }
}
