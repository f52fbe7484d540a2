import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@keyward/embedded';
import { waitFor } from '@keyward/testing';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';
import { register } from './registrations.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

describe('a device code', () => {
  /** Enters the code at the provider, as on another screen. */
  async function enter(page: string, decision: 'allow' | 'deny'): Promise<void> {
    const uri = /href="([^"]+\/device[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const screen = new Browser();
    await screen.open(uri);
    for (let step = 0; step < 6 && screen.page.includes('<form'); step++) {
      if (screen.page.includes('name="password"')) await screen.submit({ login: 'ada', password: 'correct horse' }, []);
      else if (screen.page.includes('name="decision"')) return screen.submit({ decision });
      else await screen.submit({ confirm: 'yes' }, []);
    }
  }
  const due = (id: string) =>
    auth.database.query(`UPDATE connect.device_authorization SET next_poll_at = now() WHERE session_id = $1`, [id]);

  async function started(own: Tenant): Promise<{ id: string; url: string; browser: Browser }> {
    await register(auth, own, 'sandbox_device');
    const session = await auth.session(own, { provider: 'sandbox_device' });
    const browser = new Browser();
    await browser.open(session.url);
    await browser.submit({ decision: 'continue' });
    expect(browser.title).toBe('Enter the code at Sandbox (device code)');
    return { ...session, browser };
  }

  it('is shown with where to enter it; the page asks again by itself, and ends connected', async () => {
    const own = await auth.tenant();
    const { id, url, browser } = await started(own);
    expect(browser.headers.get('refresh')).toMatch(/^\d+$/);
    expect(browser.page).not.toContain('<script');
    await due(id);
    await browser.open(url);
    expect(browser.title).toBe('Enter the code at Sandbox (device code)');
    await enter(browser.page, 'allow');
    await due(id);
    await browser.open(url);
    expect(browser.title).toBe('Sandbox (device code) is connected');
    expect(await auth.connections(own)).toMatchObject([
      { provider: 'sandbox_device', status: 'active', account: { id: 'ada', name: 'Ada' } },
    ]);
    const { rows } = await auth.database.query('SELECT 1 FROM connect.device_authorization WHERE session_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  it('is polled for no more often than the provider allows, and by one of a hundred requests to two replicas', async () => {
    const own = await auth.tenant();
    const { id, url, browser } = await started(own);
    await enter(browser.page, 'allow');
    await due(id);
    const port = await freePort();
    const replica = await auth.startReplica({ KEYWARD_HTTP_PORT: String(port) });
    const other = url.replace(auth.url, `http://127.0.0.1:${port}`);
    const before = await auth.tokenRequests();
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        fetch(i % 2 === 0 ? url : other, {
          headers: { cookie: browser.cookies(auth.url), 'x-forwarded-for': `203.0.113.${i}` },
          redirect: 'manual',
        }),
      ),
    );
    expect(await auth.tokenRequests()).toBe(before + 1);
    await waitFor(async () => (await auth.sessionRow(id)).state === 'completed');
    const { rows } = await auth.database.query('SELECT generation FROM vault.credential WHERE org_id = $1', [own.org]);
    expect(rows).toEqual([{ generation: 1 }]);
    await replica.stop();
  });

  it('that is declined ends the link', async () => {
    const own = await auth.tenant();
    const { id, url, browser } = await started(own);
    await enter(browser.page, 'deny');
    await due(id);
    await browser.open(url);
    expect(browser.title).toBe('Not connected');
    expect(await auth.sessionRow(id)).toMatchObject({ state: 'failed', failure: 'access_denied' });
    expect(await auth.connections(own)).toEqual([]);
  });

  it('that has expired is told, and the link gives another one', async () => {
    const own = await auth.tenant();
    const { id, url, browser } = await started(own);
    await auth.database.query(`UPDATE connect.device_authorization SET expires_at = now() WHERE session_id = $1`, [id]);
    await browser.open(url);
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 410, title: 'The code has expired' });
    await browser.open(url);
    await browser.submit({ decision: 'continue' });
    expect(browser.title).toBe('Enter the code at Sandbox (device code)');
  });

  it('can be cancelled where it is shown', async () => {
    const { id, browser } = await started(await auth.tenant());
    await browser.submit({ decision: 'cancel' });
    expect(browser.title).toBe('Cancelled');
    expect((await auth.sessionRow(id)).state).toBe('cancelled');
  });
});
