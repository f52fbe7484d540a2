import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { APP_CLIENT, appManifest, AppServer } from '@keyward/testing/app-server';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';

/** Of a person and of their code: what must be nowhere once the answer has come. */
const SECRETS = /user-token-canary|user-code-canary|app-secret-canary/;

let apps: AppServer;
let auth: AuthHarness;
let directory: string;
/** Everything that auth-service has written to its log. */
let logged = '';

beforeAll(async () => {
  apps = await AppServer.start();
  directory = mkdtempSync(join(tmpdir(), 'keyward-apps-'));
  const manifests = {
    apps: appManifest('apps', apps.url),
    apps_plain: appManifest('apps_plain', apps.url, { pkce: false }),
    apps_trusting: appManifest('apps_trusting', apps.url, { userAuthorization: false }),
  };
  for (const [name, manifest] of Object.entries(manifests)) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'connector.yaml'), JSON.stringify(manifest));
  }
  const write = fs.writeSync.bind(fs) as (...args: unknown[]) => number;
  jest.spyOn(fs, 'writeSync').mockImplementation((...args: unknown[]) => {
    if (args[0] !== 1) return write(...args);
    logged += String(args[1]);
    return Buffer.byteLength(String(args[1]));
  });
  const env = { KEYWARD_CONNECTORS_DIR: directory, KEYWARD_CONNECTOR_VARIABLES: '{}', KEYWARD_LOG_LEVEL: 'debug' };
  auth = await AuthHarness.start({ privateOrigins: [apps.url], env });
});
afterAll(async () => {
  await auth.stop();
  await apps.stop();
  jest.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  apps.people.set('ada', [11, 12]).set('mallory', [66]);
  apps.live.clear();
  apps.installationTokens.length = 0;
  apps.refusals.length = 0;
  apps.list = undefined;
  apps.revocationStatus = undefined;
});

async function tenant(provider: string): Promise<Tenant> {
  const { org, agent } = await auth.team();
  const credentials = { clientId: APP_CLIENT.clientId, clientSecret: APP_CLIENT.clientSecret, privateKey: apps.privateKey };
  const { status, body } = await auth.ask('/v1/provider-apps', { body: { organization: org, provider, ...credentials } });
  expect(status).toBe(201);
  return { org, agent, app: { id: String(body['id']), redirectUri: String(body['redirectUri']) } };
}

/** A person at the provider's page, on their way back. */
async function installing(provider = 'apps') {
  const who = await tenant(provider);
  const { id, url } = await auth.session(who, { provider });
  const browser = new Browser();
  browser.stopAt = apps.url;
  await browser.open(url);
  await browser.submit({ decision: 'continue' });
  const asked = browser.trail.at(-1) ?? '';
  const back = (query: URLSearchParams, changed: Record<string, string | undefined> = {}) => {
    for (const [name, value] of Object.entries(changed)) {
      if (value === undefined) query.delete(name);
      else query.set(name, value);
    }
    return browser.open(`${who.app.redirectUri}?${query.toString()}`);
  };
  return { who, id, browser, asked, back };
}

/** What the whole database holds, as text. */
async function stored(): Promise<string> {
  const { rows } = await auth.database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts = rows.map(({ name }) => auth.database.query<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${name} t`));
  return (await Promise.all(texts)).flatMap((table) => table.rows.map(({ text }) => text)).join('\n');
}

async function expectNothing({ org }: Tenant): Promise<void> {
  for (const table of ['vault.connection', 'vault.credential']) {
    expect((await auth.database.query(`SELECT 1 FROM ${table} WHERE org_id = $1`, [org])).rows).toEqual([]);
  }
  expect(apps.installationTokens).toEqual([]);
}

describe('an app that is installed by a person who shows that it is theirs', () => {
  it.each(['apps', 'apps_plain'])('is connected, and nothing of the person stays (%s)', async (provider) => {
    const { who, browser, asked, back } = await installing(provider);
    expect(new URL(asked).searchParams.has('code_challenge')).toBe(provider === 'apps');
    await back(apps.install('ada', asked, 12));
    expect({ title: browser.title, refusals: apps.refusals }).toEqual({ title: 'Apps is connected', refusals: [] });
    expect(await auth.connections(who)).toMatchObject([{ status: 'active', parameters: { installation_id: '12' } }]);
    expect(apps.installationTokens).toEqual(['12']);
    expect(apps.live.size).toBe(0);
    expect(await stored()).not.toMatch(SECRETS);
    expect(browser.page).not.toMatch(SECRETS);
    expect(JSON.stringify(await auth.auditEvents(who.org))).not.toMatch(SECRETS);
  });

  it('is connected though the provider does not end the person’s token, which is written down and quotes nothing', async () => {
    apps.revocationStatus = 503;
    const { browser, asked, back } = await installing();
    await back(apps.install('ada', asked, 11));
    expect(browser.title).toBe('Apps is connected');
    expect(logged).toContain('a person’s token was not ended at the provider');
    expect(logged).not.toMatch(SECRETS);
    apps.live.clear();
  });

  it('is connected once: the same answer again is over', async () => {
    const { browser, asked, back } = await installing();
    const query = apps.install('ada', asked, 11);
    await back(query);
    await back(query);
    expect(browser.status).toBe(410);
    expect([apps.installationTokens, apps.refusals]).toEqual([['11'], []]);
  });
});

describe('an installation that is not shown to be theirs', () => {
  it.each([
    ['somebody else’s', () => ({ installation_id: '11' })],
    ['one that nobody has', () => ({ installation_id: '4711' })],
    ['one without a code', () => ({ code: undefined })],
    ['one with an empty code', () => ({ code: '' })],
  ])('%s: refused, nothing is stored and no token of it is asked for', async (_what, changed) => {
    const { who, id, browser, asked, back } = await installing();
    await back(apps.install('mallory', asked, 66), changed());
    expect({ status: browser.status, title: browser.title }).toEqual({
      status: 400,
      title: 'The provider’s answer is not valid',
    });
    await expectNothing(who);
    expect(await auth.sessionRow(id)).toMatchObject({ state: 'failed', failure: 'invalid_answer' });
    expect((await auth.auditEvent(who.org, 'connection.authorization_failed')).reason).toContain('invalid_answer');
    expect(apps.live.size).toBe(0);
  });

  it.each([
    ['used before', usedCode],
    ['of another person', () => apps.authorize('ada')],
    ['that nobody issued', () => 'guessed'],
  ])('with a code %s: nothing is stored', async (_what, code) => {
    const { who, browser, asked, back } = await installing();
    await back(apps.install('mallory', asked, 66), { code: await code(), installation_id: '11' });
    expect(browser.status).toBe(502);
    await expectNothing(who);
  });

  it('without PKCE, another person’s code does not lend them this installation', async () => {
    const { who, browser, asked, back } = await installing('apps_plain');
    await back(apps.install('ada', asked, 11), { code: apps.authorize('mallory') });
    expect(browser.status).toBe(400);
    await expectNothing(who);
  });

  it.each<[string, string]>([
    ['no list', '{"installations":{"0":{"id":11}}}'],
    ['10 MB', `{"installations":[{"id":11,"pad":"${'x'.repeat(10_000_000)}"}]}`],
  ])('by a list that is %s: nothing is stored, and the link can be used again', async (_what, body) => {
    const { who, id, browser, asked, back } = await installing();
    apps.list = () => ({ body });
    await back(apps.install('ada', asked, 11));
    expect(browser.status).toBe(502);
    await expectNothing(who);
    expect(await auth.sessionRow(id)).toMatchObject({ state: 'redirected', failure: 'malformed' });
    expect(apps.live.size).toBe(0);
  });

  it('is not looked for anywhere but at the provider', async () => {
    const { who, browser, asked, back } = await installing();
    const elsewhere = await AppServer.start();
    apps.list = () => ({ body: '{"installations":[]}', link: `<${elsewhere.url}/user/installations>; rel="next"` });
    await back(apps.install('ada', asked, 11));
    expect([browser.status, elsewhere.requests]).toEqual([502, []]);
    await elsewhere.stop();
    await expectNothing(who);
  });

  it('is taken as it comes only where the manifest asks for nothing more', async () => {
    const { who, browser, asked, back } = await installing('apps_trusting');
    const before = apps.userTokens.length;
    await back(apps.install('mallory', asked, 66), { installation_id: '11' });
    expect(browser.title).toBe('Apps is connected');
    expect(await auth.connections(who)).toMatchObject([{ parameters: { installation_id: '11' } }]);
    expect(apps.userTokens).toHaveLength(before);
  });
});

describe('the registration of an app', () => {
  it('needs a client secret besides the private key where the person’s code is redeemed', async () => {
    const { org } = await auth.team();
    const register = (provider: string, more: object) =>
      auth.ask('/v1/provider-apps', { body: { organization: org, provider, clientId: APP_CLIENT.clientId, ...more } });
    expect(await register('apps', { privateKey: apps.privateKey })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/clientSecret', detail: 'Apps needs a client secret' }] },
    });
    expect(await register('apps', { clientSecret: 's' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/privateKey' }] },
    });
    expect((await register('apps_trusting', { privateKey: apps.privateKey })).status).toBe(201);
  });
});

it('nothing of all this is in the log', () => {
  expect(logged).toContain('connecting ended: refused');
  expect(logged).not.toMatch(SECRETS);
});

async function usedCode(): Promise<string> {
  const code = apps.authorize('ada');
  await fetch(`${apps.url}/login/oauth/access_token`, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({
      client_id: APP_CLIENT.clientId,
      client_secret: APP_CLIENT.clientSecret,
      grant_type: 'authorization_code',
      code,
    }),
  });
  return code;
}
