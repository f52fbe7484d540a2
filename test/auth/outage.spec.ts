import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@keyward/embedded';
import { dedicatedPostgres, waitFor, type DedicatedPostgres } from '@keyward/testing';
import { Browser } from './browser.js';
import { AuthHarness } from './harness.js';

describe('PostgreSQL vanishing', () => {
  let postgres: DedicatedPostgres;
  let auth: AuthHarness;
  beforeAll(async () => {
    postgres = await dedicatedPostgres();
    auth = await AuthHarness.start({ database: postgres });
  });
  afterAll(() => auth.stop());

  it('is told, on pages and in the API, loses nothing, and passes by itself', async () => {
    const tenant = await auth.tenant();
    const { url } = await auth.session(tenant);
    const browser = new Browser();
    const callback = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
    const { url: unopened } = await auth.session(tenant);

    await postgres.kill();
    await browser.open(callback.href);
    expect({ status: browser.status, title: browser.title }).toEqual({
      status: 503,
      title: 'Connecting is not possible right now',
    });
    await browser.open(unopened);
    expect(browser.status).toBe(503);
    expect((await auth.ask(`/v1/connections?organization=${tenant.org}`)).body).toMatchObject({
      status: 503,
      code: 'dependency_unavailable',
    });
    expect((await auth.ask('/v1/organizations')).body).toMatchObject({ status: 503, code: 'dependency_unavailable' });
    const ready = await fetch(new URL('/readyz', auth.service.opsUrl));
    expect(ready.status).toBe(503);

    await postgres.restart();
    await waitFor(async () => (await fetch(new URL('/readyz', auth.service.opsUrl))).ok);
    // The answer was not consumed, so it still counts.
    await browser.open(callback.href);
    expect(browser.title).toBe('Sandbox is connected');
    expect((await auth.connections(tenant))[0]?.status).toBe('active');
    await auth.auditEvent(tenant.org, 'connection.authorized');
  });
});

describe('the bus vanishing', () => {
  let auth: AuthHarness;
  beforeAll(async () => {
    auth = await AuthHarness.start();
  });
  afterAll(() => auth.stop());

  it('holds up neither connecting nor disconnecting, and every event arrives afterwards', async () => {
    const tenant = await auth.tenant();
    const { url } = await auth.session(tenant);
    await auth.nats.kill();
    const browser = new Browser();
    await browser.connect(url);
    expect(browser.title).toBe('Sandbox is connected');
    const [connection] = await auth.connections(tenant);
    const { status } = await auth.ask(`/v1/connections/${connection?.id}?organization=${tenant.org}`, { method: 'DELETE' });
    expect(status).toBe(200);
    await auth.nats.restart();
    await waitFor(async () => (await auth.connectionEvents(tenant.org)).length === 2, { timeoutMs: 20_000 });
    expect((await auth.connectionEvents(tenant.org)).map(({ event }) => event)).toEqual(['authorized', 'revoked']);
  });
});

describe('KMS absent', () => {
  let auth: AuthHarness;
  beforeAll(async () => {
    auth = await AuthHarness.start();
  });
  afterAll(() => auth.stop());

  it('new connects fail closed with a clear page, what needs no key still works, and it passes by itself', async () => {
    const tenant = await auth.tenant();
    const session = await auth.session(tenant);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    await auth.stopServices();
    const away = `http://127.0.0.1:${await freePort()}`;
    const service = await auth.startReplica({
      KEYWARD_KMS: 'aws',
      KEYWARD_KMS_KEY_FILE: '',
      KEYWARD_KMS_KEY_ID: 'alias/keyward',
      KEYWARD_KMS_REGION: 'eu-central-1',
      KEYWARD_KMS_ENDPOINT: away,
      KEYWARD_HTTP_PORT: String(port),
      KEYWARD_AUTH_PUBLIC_URL: url,
    });
    expect((await fetch(new URL('/healthz', service.opsUrl))).status).toBe(200);
    expect((await fetch(new URL('/readyz', service.opsUrl))).status).toBe(200);

    const browser = new Browser();
    const link = session.url.replace(auth.url, url);
    await browser.open(link);
    expect(browser.status).toBe(200);
    await browser.submit({ decision: 'continue' });
    expect({ status: browser.status, title: browser.title }).toEqual({
      status: 503,
      title: 'Connecting is not possible right now',
    });
    expect(browser.trail).toEqual([]);
    const { rows } = await auth.database.query('SELECT 1 FROM connect.authorization_transaction WHERE session_id = $1', [
      session.id,
    ]);
    expect(rows).toEqual([]);

    await auth.stopServices();
    await auth.startReplica({ KEYWARD_HTTP_PORT: String(port), KEYWARD_AUTH_PUBLIC_URL: url });
    await browser.open(link);
    browser.stopAt = auth.sandbox.url;
    await browser.submit({ decision: 'continue' });
    expect(browser.status).toBe(303);
  });
});
