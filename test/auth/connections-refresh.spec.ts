import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Connection, ConnectionRefresh } from '@keyward/contracts';
import type { Acme } from './acme.js';
import { AcmeHarness } from './acme-harness.js';
import type { AuthHarness } from './harness.js';

let here: AcmeHarness;
let acme: Acme;
let auth: AuthHarness;
let org: string;
let agent: string;
let app: string;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ acme, auth } = here);
});
afterAll(() => here.stop());
beforeEach(async () => {
  ({ org, agent } = await auth.team());
  const body = { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' };
  app = String((await auth.ask('/v1/provider-apps', { body })).body['id']);
});

const connected = (change: object = {}) =>
  here.connected({ org, agent }, { provider: 'acme_service', secret: undefined, ...change });

/** As one and as one of a list, which are the same. */
async function refreshOf(id: string): Promise<ConnectionRefresh> {
  const one = await here.read(org, id);
  expect((await auth.connections({ org })).find((listed) => listed.id === id)).toEqual(one);
  return one.refresh as ConnectionRefresh;
}

const credential = (id: string, change: string) =>
  auth.database.query(`UPDATE vault.credential SET ${change} WHERE connection_id = $1`, [id]);

/** The values of a metric where all of these stand among its labels. */
async function gauges(name: string, ...labels: string[]): Promise<number[]> {
  const text = await (await fetch(new URL('/metrics', auth.service.opsUrl))).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  const wanted = lines.filter((line) => labels.every((label) => line.includes(`"${label}"`)));
  return wanted.map((line) => Number(line.split(' ').at(-1)));
}

describe('how a connection is kept fresh', () => {
  it('by itself, at the time that is planned; a token that does not end is not', async () => {
    const { id, expiresAt } = await connected();
    const refresh = await refreshOf(id);
    expect(refresh).toEqual({
      kind: 'automatic',
      dueAt: expect.any(String),
      asleep: false,
      lastRefreshedAt: null,
      failures: 0,
      refreshTokenExpiresAt: null,
      waiting: null,
    });
    expect(Date.parse(refresh.dueAt ?? '')).toBeLessThan(Date.parse(expiresAt ?? ''));
    const key = await here.connected({ org, agent });
    const none = { kind: 'none', dueAt: null, asleep: false, lastRefreshedAt: null, failures: 0, waiting: null };
    expect(await refreshOf(key.id)).toEqual({ ...none, refreshTokenExpiresAt: null });
  });

  it('says when it was refreshed last, of what was authorized again since then nothing', async () => {
    const { id } = await connected();
    await credential(id, `generation = 2, obtained_at = '2026-01-02T03:04:05.678Z'`);
    expect((await refreshOf(id)).lastRefreshedAt).toBe('2026-01-02T03:04:05.678Z');
    await connected();
    expect((await refreshOf(id)).lastRefreshedAt).toBeNull();
  });

  it.each<[string, string, object]>([
    ['asleep, its token left to end', `refresh_at = NULL, awake_refresh_at = now()`, { asleep: true, dueAt: null }],
    ['asleep, kept alive', `refresh_at = now() + '20 d', awake_refresh_at = now()`, { asleep: true, dueAt: expect.any(String) }],
    ['due', `refresh_at = now() - interval '1 s', awake_refresh_at = refresh_at`, { asleep: false, waiting: null }],
    ['failed, and due again', `failures = 2, refresh_at = now() - interval '1 s'`, { failures: 2, waiting: null }],
    [
      'backing off, which is not sleep',
      `failures = 3, refresh_at = now() + '5 min', awake_refresh_at = now()`,
      { failures: 3, waiting: 'backing_off', asleep: false },
    ],
    [
      'of a refresh token that ends',
      `refresh_expires_at = '2030-01-02T03:04:05.678Z'`,
      { refreshTokenExpiresAt: '2030-01-02T03:04:05.678Z' },
    ],
  ])('%s', async (_what, change, expected) => {
    const { id } = await connected();
    await credential(id, change.replace('awake_refresh_at = refresh_at', `awake_refresh_at = now() - interval '1 s'`));
    expect(await refreshOf(id)).toMatchObject({ kind: 'automatic', ...expected });
  });

  it('waits while its registration is rejected; one of another registration does not', async () => {
    const { id } = await connected();
    const key = await here.connected({ org, agent });
    await auth.database.query(
      `UPDATE vault.provider_app SET rejected_at = now(), rejected_retry_at = now(), rejected_reason = 'x', rejections = 1 WHERE id = $1`,
      [app],
    );
    expect(await refreshOf(id)).toMatchObject({ kind: 'automatic', waiting: 'provider_rejects_registration', asleep: false });
    expect((await refreshOf(key.id)).waiting).toBeNull();
  });

  it('is not, and says since when a person is asked, where they must authorize again; nothing is told of a revoked one', async () => {
    const { id, reauthorizationAskedAt } = await connected();
    expect(reauthorizationAskedAt).toBeNull();
    await auth.database.query(
      `UPDATE vault.connection SET status = 'needs_reauthorization', reauthorization_asked_at = now() - interval '90 min' WHERE id = $1`,
      [id],
    );
    const waiting = await here.read(org, id);
    expect(waiting).toMatchObject({ status: 'needs_reauthorization', refresh: { kind: 'none', dueAt: null, waiting: null } });
    const minutes = (Date.now() - Date.parse(waiting.reauthorizationAskedAt ?? '')) / 60_000;
    expect(Math.round(minutes)).toBe(90);
    const oldest = async () => (await gauges('connections_awaiting_reauthorization_oldest_seconds'))[0] ?? -1;
    expect(Math.round((await oldest()) / 60)).toBe(90);
    expect(await gauges('connections', 'acme_service', 'needs_reauthorization')).toEqual([1]);

    expect((await connected()).id).toBe(id);
    expect(await here.read(org, id)).toMatchObject({
      status: 'active',
      reauthorizationAskedAt: null,
      refresh: { kind: 'automatic' },
    });
    expect(await oldest()).toBe(0);
    const within = (le: string) => gauges('connection_reauthorization_seconds_bucket', 'acme_service', le);
    expect([await within('3600'), await within('14400')]).toEqual([[0], [1]]);

    const revoked = (await auth.ask<Connection>(`/v1/connections/${id}?organization=${org}`, { method: 'DELETE' })).body;
    expect(revoked.refresh).toEqual({
      kind: 'none',
      dueAt: null,
      asleep: false,
      lastRefreshedAt: null,
      failures: 0,
      refreshTokenExpiresAt: null,
      waiting: null,
    });
  });

  it('is told of one’s own connections alone', async () => {
    const { id } = await connected();
    const other = await auth.team();
    expect((await auth.ask(`/v1/connections/${id}?organization=${other.org}`)).status).toBe(404);
    expect(await auth.connections({ org: other.org })).toEqual([]);
    expect(acme.askedFor('/token').length).toBeGreaterThan(0);
  });
});
