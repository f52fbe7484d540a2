import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectSigner } from '../../apps/auth-service/src/connect/secrets.js';
import { Browser } from './browser.js';
import { AuthHarness, STATE_SECRET, type Tenant } from './harness.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

interface Halfway {
  tenant: Tenant;
  session: string;
  browser: Browser;
  /** The provider has answered; nobody has called back yet. */
  callback: URL;
}

async function halfway(tenant?: Tenant): Promise<Halfway> {
  const owner = tenant ?? (await auth.tenant());
  const { id, url } = await auth.session(owner);
  const browser = new Browser();
  const callback = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
  expect(callback.searchParams.get('code')).not.toBeNull();
  return { tenant: owner, session: id, browser, callback };
}

/** Nothing was stored, and no code was sent to the token endpoint. */
async function expectRefused({ tenant, browser }: Halfway, url: string | URL, status: number, title: string): Promise<void> {
  const before = await auth.tokenRequests();
  await browser.open(String(url));
  expect({ status: browser.status, title: browser.title }).toEqual({ status, title });
  expect(await auth.tokenRequests()).toBe(before);
  expect(await auth.connections(tenant)).toEqual([]);
}

const changed = (url: URL, change: (query: URLSearchParams) => void): URL => {
  const copy = new URL(url);
  change(copy.searchParams);
  return copy;
};

const NOT_VALID = 'This answer is not valid';
const REFUSED = 'The provider’s answer is not valid';

describe('state', () => {
  it('that was tampered with is refused, and the true one still counts', async () => {
    const flow = await halfway();
    const state = flow.callback.searchParams.get('state') ?? '';
    const flipped = (state.startsWith('A') ? 'B' : 'A') + state.slice(1);
    for (const value of [flipped, '', 'x', state.slice(0, -1), `${state}.`, state.split('.').reverse().join('.')]) {
      await expectRefused(
        flow,
        changed(flow.callback, (query) => query.set('state', value)),
        400,
        NOT_VALID,
      );
    }
    await expectRefused(
      flow,
      changed(flow.callback, (query) => query.delete('state')),
      400,
      NOT_VALID,
    );
    await flow.browser.open(flow.callback.href);
    expect(flow.browser.title).toBe('Sandbox is connected');
  });

  it('that someone else signed is refused, and so is one that we never sent', async () => {
    const flow = await halfway();
    const context = flow.callback.pathname.split('/').at(-1) ?? '';
    const inAMinute = new Date(Date.now() + 60_000);
    const forged = new ConnectSigner('another-secret-of-32-characters!').createState(context, inAMinute);
    await expectRefused(
      flow,
      changed(flow.callback, (query) => query.set('state', forged)),
      400,
      NOT_VALID,
    );
    const unknown = new ConnectSigner(STATE_SECRET).createState(context, inAMinute);
    await expectRefused(
      flow,
      changed(flow.callback, (query) => query.set('state', unknown)),
      400,
      NOT_VALID,
    );
  });

  it('that has expired is refused', async () => {
    const flow = await halfway();
    const context = flow.callback.pathname.split('/').at(-1) ?? '';
    const late = new ConnectSigner(STATE_SECRET).createState(context, new Date(Date.now() - 1_000));
    await expectRefused(
      flow,
      changed(flow.callback, (query) => query.set('state', late)),
      410,
      'That took too long',
    );
    await auth.database.query(
      `UPDATE connect.authorization_transaction SET expires_at = now() - interval '1 s' WHERE session_id = $1`,
      [flow.session],
    );
    await expectRefused(flow, flow.callback, 410, 'This answer was used before');
  });

  it('that is repeated is refused', async () => {
    const flow = await halfway();
    await expectRefused(flow, `${flow.callback.href}&state=${flow.callback.searchParams.get('state')}`, 400, NOT_VALID);
  });

  it('counts once', async () => {
    const flow = await halfway();
    await flow.browser.open(flow.callback.href);
    expect(flow.browser.title).toBe('Sandbox is connected');
    const before = await auth.tokenRequests();
    await flow.browser.open(flow.callback.href);
    expect(flow.browser.status).toBe(410);
    expect(await auth.tokenRequests()).toBe(before);
    expect((await auth.connections(flow.tenant))[0]?.status).toBe('active');
  });

  it('of an earlier attempt does not count once the person has started over', async () => {
    const tenant = await auth.tenant();
    const { url } = await auth.session(tenant);
    const browser = new Browser();
    const first = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
    const second = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
    expect(second.searchParams.get('state')).not.toBe(first.searchParams.get('state'));
    await browser.open(first.href);
    expect(browser.status).toBe(410);
    await browser.open(second.href);
    expect(browser.title).toBe('Sandbox is connected');
  });
});

it('an answer to a session that was cancelled meanwhile redeems no code', async () => {
  const tenant = await auth.tenant();
  const { id, url } = await auth.session(tenant);
  const browser = new Browser();
  const callback = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
  await browser.open(url);
  await browser.submit({ decision: 'cancel' });
  await expectRefused({ tenant, session: id, browser, callback }, callback, 410, 'This link has been used');
  expect((await auth.sessionRow(id)).state).toBe('cancelled');
});

describe('who comes back', () => {
  it('must be who was sent: another browser stores nothing', async () => {
    const flow = await halfway();
    const victim = { ...flow, browser: new Browser() };
    await expectRefused(victim, flow.callback, 403, 'This link was opened in another browser');
    const other = await halfway();
    await expectRefused({ ...flow, browser: other.browser }, flow.callback, 403, 'This link was opened in another browser');
    expect((await auth.auditEvent(flow.tenant.org, 'connection.authorization_failed')).reason).toContain('other_browser');
    await flow.browser.open(flow.callback.href);
    expect(flow.browser.title).toBe('Sandbox is connected');
  });

  it('must come to the callback of the registration it was sent with', async () => {
    const flow = await halfway();
    const stranger = await auth.tenant();
    const elsewhere = new URL(flow.callback);
    elsewhere.pathname = new URL(stranger.app.redirectUri).pathname;
    await expectRefused(flow, elsewhere, 400, NOT_VALID);
    elsewhere.pathname = '/oauth/callback/unknown';
    await expectRefused(flow, elsewhere, 400, NOT_VALID);
  });
});

describe('the answer', () => {
  it.each([
    ['code and error together', (query: URLSearchParams) => query.append('error', 'access_denied')],
    ['two codes', (query: URLSearchParams) => query.append('code', 'another')],
    ['two issuers', (query: URLSearchParams) => query.append('iss', 'https://evil.example')],
    ['another issuer (RFC 9207)', (query: URLSearchParams) => query.set('iss', 'https://evil.example')],
    ['no issuer, from a server that announces it', (query: URLSearchParams) => query.delete('iss')],
    ['no code', (query: URLSearchParams) => query.delete('code')],
    [
      'an array instead of the code',
      (query: URLSearchParams) => {
        query.append('code[]', query.get('code') ?? '');
        query.delete('code');
      },
    ],
  ])('with %s is refused for good', async (_name, change) => {
    const flow = await halfway();
    await expectRefused(flow, changed(flow.callback, change), 400, REFUSED);
    expect(await auth.sessionRow(flow.session)).toMatchObject({ state: 'failed', failure: 'invalid_answer' });
    await expectRefused(flow, flow.callback, 410, 'This answer was used before');
  });

  it('with a code of another person’s flow stores nothing (PKCE)', async () => {
    const tenant = await auth.tenant();
    const [mine, theirs] = [await halfway(tenant), await halfway(tenant)];
    await mine.browser.open(
      changed(mine.callback, (query) => query.set('code', theirs.callback.searchParams.get('code') ?? '')).href,
    );
    expect(mine.browser.status).toBe(502);
    expect(await auth.connections(tenant)).toEqual([]);
  });

  it('a hundred at once are one exchange', async () => {
    const flow = await halfway();
    const before = await auth.tokenRequests();
    const cookie = flow.browser.cookies(auth.url);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        fetch(flow.callback, { headers: { cookie, 'x-forwarded-for': `203.0.113.${i}` }, redirect: 'manual' }),
      ),
    );
    expect(await auth.tokenRequests()).toBe(before + 1);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 410)).toHaveLength(99);
    const { rows } = await auth.database.query('SELECT generation FROM vault.credential WHERE org_id = $1', [flow.tenant.org]);
    expect(rows).toEqual([{ generation: 1 }]);
  });
});

it('several sessions for one account that end at the same time end in one connection', async () => {
  const tenant = await auth.tenant();
  const flows = await Promise.all(Array.from({ length: 4 }, () => halfway(tenant)));
  await Promise.all(flows.map(({ browser, callback }) => browser.open(callback.href)));
  expect(flows.map(({ browser }) => browser.title)).toEqual(Array.from({ length: 4 }, () => 'Sandbox is connected'));
  expect(await auth.connections(tenant)).toHaveLength(1);
  const { rows } = await auth.database.query('SELECT generation FROM vault.credential WHERE org_id = $1', [tenant.org]);
  expect(rows).toEqual([{ generation: 4 }]);
});
