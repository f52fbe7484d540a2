import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.js';
import { AuthHarness } from './harness.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());
afterEach(async () => {
  await fetch(`${auth.sandbox.url}/sandbox/faults`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer management-token-of-tests' },
  });
});

describe('a token endpoint that does not answer as it should', () => {
  it.each([
    ['HTML', { kind: 'garble', body: '<html>Welcome</html>' }, 'malformed'],
    ['half a JSON text', { kind: 'garble' }, 'malformed'],
    ['no access token', { kind: 'alter', members: { access_token: null } }, 'malformed'],
    ['more than a megabyte', { kind: 'garble', body: 'x'.repeat(1_000_000) }, 'malformed'],
    ['200 with an error', { kind: 'garble', body: '{"error":"invalid_grant","error_description":"canary"}' }, 'invalid_grant'],
    ['503', { kind: 'fail', status: 503 }, 'transient'],
    ['401 invalid_client', { kind: 'fail', status: 401, error: 'invalid_client' }, 'invalid_client'],
    ['a connection that ends', { kind: 'drop' }, 'transient'],
  ])('with %s leaves the old connection as it was, says so, and lets the link be used again', async (_name, fault, failure) => {
    const tenant = await auth.tenant();
    await new Browser().connect((await auth.session(tenant)).url);
    const before = await auth.database.query('SELECT * FROM vault.credential WHERE org_id = $1', [tenant.org]);
    const [connection] = await auth.connections(tenant);

    const session = await auth.session(tenant);
    const browser = new Browser();
    await auth.manageSandbox('faults', { endpoint: 'token', ...fault });
    await browser.connect(session.url);
    expect({ status: browser.status, title: browser.title }).toEqual({
      status: 502,
      title:
        failure === 'invalid_client'
          ? 'The provider does not accept this service'
          : 'The provider did not complete the connection',
    });
    expect(browser.page).not.toContain('canary');
    expect(await auth.sessionRow(session.id)).toMatchObject({ state: 'redirected', failure });
    expect((await auth.database.query('SELECT * FROM vault.credential WHERE org_id = $1', [tenant.org])).rows).toEqual(
      before.rows,
    );
    // A registration that is rejected is rejected for every connection of it.
    const waiting = failure === 'invalid_client' ? 'provider_rejects_registration' : null;
    expect(await auth.connections(tenant)).toEqual([{ ...connection, refresh: { ...connection?.refresh, waiting } }]);

    expect(await auth.auditEvent(tenant.org, 'connection.authorization_failed')).toMatchObject({
      actor: { kind: 'service', id: 'auth-service' },
      reason: `${failure} (${session.id})`,
      errorCode: failure === 'transient' ? 'provider_unavailable' : 'provider_error',
    });

    await browser.connect(session.url);
    expect(browser.title).toBe('Sandbox is connected');
  });

  it.each([
    [{ expires_in: null }, null],
    [{ expires_in: 'soon' }, null],
    [{ expires_in: -5 }, null],
    [{ expires_in: '240' }, 240_000],
  ])('with %j stores a lifetime of %j ms', async (members, lifetimeMs) => {
    const tenant = await auth.tenant();
    await auth.manageSandbox('faults', { kind: 'alter', endpoint: 'token', members });
    const before = Date.now();
    await new Browser().connect((await auth.session(tenant)).url);
    const [connection] = await auth.connections(tenant);
    expect(connection?.status).toBe('active');
    if (lifetimeMs === null) expect(connection?.expiresAt).toBeNull();
    else {
      const expiresAt = new Date(connection?.expiresAt ?? 0).getTime();
      expect(expiresAt).toBeGreaterThanOrEqual(before + lifetimeMs);
      expect(expiresAt).toBeLessThanOrEqual(Date.now() + lifetimeMs);
    }
  });

  it.each([
    [{ refresh_token_expires_in: '8640000' }, 8_640_000],
    [{ refresh_token_expires_in: 120 }, 120],
    [{ refresh_token_expires_in: 'soon' }, null],
    [{}, null],
  ])('with %j knows that the refresh token ends in %j s, and refreshes before that', async (members, lifetimeSeconds) => {
    const tenant = await auth.tenant();
    await auth.manageSandbox('faults', { kind: 'alter', endpoint: 'token', members: { expires_in: 3600, ...members } });
    await new Browser().connect((await auth.session(tenant)).url);
    const { rows } = await auth.database.query<{ ends: number | null; refresh: number; awake: number }>(
      `SELECT extract(epoch FROM refresh_expires_at - obtained_at)::float8 AS ends,
              extract(epoch FROM refresh_at - obtained_at)::float8 AS refresh,
              extract(epoch FROM awake_refresh_at - obtained_at)::float8 AS awake
       FROM vault.credential WHERE org_id = $1`,
      [tenant.org],
    );
    const [{ ends, refresh, awake } = { ends: 0, refresh: 0, awake: 0 }] = rows;
    // What has passed since the token was asked for is taken off.
    if (lifetimeSeconds === null) expect(ends).toBeNull();
    else expect(ends).toBeGreaterThan(lifetimeSeconds - 30);
    expect(ends ?? 0).toBeLessThanOrEqual((lifetimeSeconds ?? 0) + 1);
    expect(refresh).toBeLessThan(Math.min(3600, lifetimeSeconds ?? 3600));
    expect(awake).toBeCloseTo(refresh, 2);
  });

  it('without a refresh token makes a connection that is not refreshed', async () => {
    const tenant = await auth.tenant();
    await auth.manageSandbox('faults', { kind: 'alter', endpoint: 'token', members: { refresh_token: null } });
    await new Browser().connect((await auth.session(tenant)).url);
    const { rows } = await auth.database.query('SELECT sealed_refresh, refresh_at FROM vault.credential WHERE org_id = $1', [
      tenant.org,
    ]);
    expect(rows).toEqual([{ sealed_refresh: null, refresh_at: null }]);
  });
});

it('how callbacks ended is counted', async () => {
  const metrics = await (await fetch(new URL('/metrics', auth.service.opsUrl))).text();
  expect(metrics).toMatch(/oauth_callback_total\{[^}]*provider="sandbox"[^}]*outcome="connected"[^}]*\} \d+/);
  expect(metrics).toMatch(/oauth_callback_total\{[^}]*outcome="provider"[^}]*\} \d+/);
  expect(metrics).toMatch(/connections\{[^}]*provider="sandbox"[^}]*state="active"[^}]*\} \d+/);
  expect(metrics).toMatch(/audit_outbox_oldest_seconds\{[^}]*\} \d/);
  expect(metrics).toMatch(/vault_operations_total\{[^}]*op="seal"/);
  expect(metrics).not.toMatch(/org_|usr_|conn_/);
});
