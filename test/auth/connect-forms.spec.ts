import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.js';
import { EvilHarness } from './evil.js';
import type { Tenant } from './harness.js';

let here: EvilHarness;
beforeAll(async () => {
  here = await EvilHarness.start();
});
afterAll(() => here.stop());

const pem = (type: 'ec' | 'rsa'): string => {
  const { privateKey } =
    type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};

async function opened(tenant: Tenant, provider: string): Promise<Browser> {
  const browser = new Browser();
  await browser.open((await here.auth.session(tenant, { provider })).url);
  return browser;
}

async function credential({ org }: Tenant): Promise<{ renewable: boolean; has_material: boolean; parameters: object }[]> {
  const { rows } = await here.auth.database.query<{ renewable: boolean; has_material: boolean; parameters: object }>(
    `SELECT k.renewable, k.sealed_refresh IS NOT NULL AS has_material, c.parameters
     FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id WHERE c.org_id = $1`,
    [org],
  );
  return rows;
}

describe('user name and password', () => {
  it('are asked for by the names that the provider has for them, and are one secret', async () => {
    const tenant = await here.auth.tenant();
    const browser = await opened(tenant, 'evil_basic');
    expect(browser.page).toContain('<label for="field-username">E-mail</label>');
    expect(browser.page).toContain('<label for="field-password">API token</label>');
    for (const [username, password, field] of [
      ['', 'p', 'username'],
      ['a:b', 'p', 'username'],
      ['ada', '', 'password'],
    ] as const) {
      await browser.submit({ decision: 'continue', username, password });
      expect(browser.status).toBe(422);
      expect(browser.page).toContain(`id="field-${field}-error"`);
    }
    // What is no secret is kept over an error; the password is not.
    await browser.submit({ decision: 'continue', username: 'ada@example.com', password: '' });
    expect(browser.page).toContain('value="ada@example.com"');
    await browser.submit({ decision: 'continue', username: 'ada@example.com', password: 'pa:ss canary' });
    expect(browser.title).toBe('Evil is connected');
    expect(browser.page).not.toContain('canary');
    expect(await credential(tenant)).toEqual([{ renewable: false, has_material: false, parameters: {} }]);
  });
});

describe('a private key', () => {
  it('is pasted with its line breaks, signs here, and is kept to sign again', async () => {
    const tenant = await here.auth.tenant();
    const browser = await opened(tenant, 'evil_jwt');
    expect(browser.page).toMatch(/<textarea[^>]*name="secret"/);
    for (const secret of ['key-1:not a key', `key-1:${pem('rsa')}`, pem('ec')]) {
      await browser.submit({ decision: 'continue', secret });
      expect(browser.status).toBe(422);
      expect(browser.page).toContain('id="field-secret-error"');
      expect(browser.page).not.toContain('PRIVATE KEY');
      expect(await credential(tenant)).toEqual([]);
    }
    await browser.submit({ decision: 'continue', secret: `key-1:${pem('ec').replaceAll('\n', '\r\n')}` });
    expect(browser.title).toBe('Evil is connected');
    expect(await credential(tenant)).toEqual([{ renewable: true, has_material: true, parameters: { key_id: 'key-1' } }]);
  });
});

describe('an app that is installed', () => {
  it('comes back with its installation, whose token is obtained with the app’s key', async () => {
    const tenant = await here.auth.tenant();
    const body = { organization: tenant.org, provider: 'evil_app', clientId: '4711', privateKey: pem('rsa') };
    const { body: app } = await here.auth.ask('/v1/provider-apps', { body });
    here.evil.behaviour = { token: 'broader_scopes' };
    const browser = await opened(tenant, 'evil_app');
    await browser.submit({ decision: 'continue' });
    const install = new URL(browser.trail.at(-1) ?? '');
    expect(install.pathname).toBe('/install');
    const back = (query: object) =>
      browser.open(
        `${String(app['redirectUri'])}?${new URLSearchParams({ state: install.searchParams.get('state') ?? '', ...query }).toString()}`,
      );
    await back({ installation_id: '42' });
    expect(browser.title).toBe('Evil is connected');
    expect(await credential(tenant)).toEqual([{ renewable: true, has_material: false, parameters: { installation_id: '42' } }]);
    expect(here.evil.requests.find(({ url }) => url.startsWith('/token'))?.headers['authorization']).toMatch(/^Bearer ey/);
    await back({ installation_id: '43' });
    expect(browser.status).toBe(410);
  });

  it.each(['../../x', 'a b', '', '42&installation_id=43'])('with the installation %j stores nothing', async (installation) => {
    const tenant = await here.auth.tenant();
    const body = { organization: tenant.org, provider: 'evil_app', clientId: '4711', privateKey: pem('rsa') };
    const { body: app } = await here.auth.ask('/v1/provider-apps', { body });
    const browser = await opened(tenant, 'evil_app');
    await browser.submit({ decision: 'continue' });
    const state = new URL(browser.trail.at(-1) ?? '').searchParams.get('state') ?? '';
    const value = installation.includes('&') ? installation : encodeURIComponent(installation);
    await browser.open(`${String(app['redirectUri'])}?state=${state}&installation_id=${value}`);
    expect(browser.status).toBe(400);
    await here.expectNothingStored(tenant);
  });
});

describe('return URL: one of the organization’s own, letter by letter', () => {
  it.each([
    'javascript:alert(1)',
    '//evil.example',
    '\\\\evil.example',
    '/\\evil.example',
    'https://app.example@evil.example/done',
    'https://app.example/done/',
    'https://app.example/done?x=1',
    'https://app.example/done#x',
    'https://APP.example/done',
    'https://app.example:443/done',
    'https://app.example/%64one',
    'https://app.example/../done',
    'https://app.example\\@evil.example/done',
    'data:text/html,x',
  ])('%j is refused, and no session is made', async (returnUrl) => {
    const tenant = await here.auth.tenant({ returnUrls: ['https://app.example/done'] });
    const body = { organization: tenant.org, agent: tenant.agent, user: 'usr_ada', provider: 'sandbox', returnUrl };
    const answer = await here.auth.ask('/v1/connect-sessions', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(
      (await here.auth.database.query('SELECT 1 FROM connect.connect_session WHERE org_id = $1', [tenant.org])).rows,
    ).toEqual([]);
  });
});
