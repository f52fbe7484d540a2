import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  KeywardError,
  newId,
  passingRefreshFailures,
  toProblem,
  type RefreshReply,
  type RefreshRequest,
} from '@keyward/contracts';
import { createDataSource, createLogin, migrate } from '@keyward/postgres';
import { testPostgres, withClockSetBy, type TestPostgres } from '@keyward/testing';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { freshCredential, type FreshCredential } from '../../apps/auth-service/src/custody/fresh-credential.js';

let postgres: TestPostgres;
let admin: pg.Pool;
let dataSource: DataSource;
let held: { org: string; connection: string; provider: string };
let asked: RefreshRequest[];
/** What token-refresher does. */
let onRefresh: () => Promise<RefreshReply>;

beforeAll(async () => {
  postgres = await testPostgres();
  await migrate(postgres.url);
  admin = new pg.Pool({ connectionString: postgres.url, max: 2 });
  const login = `auth_${randomBytes(4).toString('hex')}`;
  await createLogin(postgres.url, { service: 'auth', login, password: login });
  const url = new URL(postgres.url);
  [url.username, url.password] = [login, login];
  dataSource = await createDataSource({ url: url.href, applicationName: 'fresh-credential' }).initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await admin.end();
  await postgres.stop();
});
beforeEach(async () => {
  held = { org: newId('org'), connection: newId('conn'), provider: 'sandbox' };
  asked = [];
  onRefresh = () => renew();
  await admin.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [held.org]);
  await admin.query(
    `INSERT INTO vault.connection (id, org_id, kind, provider, status) VALUES ($1, $2, 'workspace', 'sandbox', 'active')`,
    [held.connection, held.org],
  );
  await admin.query(
    `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, generation, renewable, obtained_at)
     VALUES ($1, $2, 'sandbox', '\\x00', 1, true, now() - interval '1 hour')`,
    [held.connection, held.org],
  );
});

async function expireIn(seconds: number | null): Promise<void> {
  const at = 'now() + make_interval(secs => $2)';
  await admin.query(`UPDATE vault.credential SET access_expires_at = ${at} WHERE connection_id = $1`, [held.connection, seconds]);
}

async function renew(seconds = 3_600, generations = 1): Promise<RefreshReply> {
  await expireIn(seconds);
  const sql = 'UPDATE vault.credential SET generation = generation + $2 WHERE connection_id = $1';
  await admin.query(sql, [held.connection, generations]);
  return { outcome: 'refreshed', generation: 2 };
}

const refused = (code: ConstructorParameters<typeof KeywardError>[0]) => async (): Promise<RefreshReply> => ({
  outcome: 'failed',
  error: toProblem(new KeywardError(code, 'The refresher says no.')),
});

const fresh = (): Promise<FreshCredential> =>
  freshCredential({ dataSource, refresh: (_provider, request) => (asked.push(request), onRefresh()) }, held);

describe('a token to be released', () => {
  it.each([
    ['right', 0],
    ['five minutes ahead', 5],
    ['five minutes behind', -5],
  ])('is renewed if it holds for less than a minute, by the clock of the database, while ours is %s', async (_where, minutes) => {
    await withClockSetBy(minutes * 60_000, async () => {
      await expireIn(120);
      expect(await fresh()).toMatchObject({ generation: 1 });
      expect(asked).toEqual([]);
      await expireIn(30);
      expect(await fresh()).toMatchObject({ generation: 2, accessExpiresAt: expect.any(Object) });
      await expireIn(-120);
      expect(await fresh()).toMatchObject({ generation: 3 });
      expect(asked.map(({ newerThan }) => newerThan)).toEqual([1, 2]);
      expect(asked.every(({ waitMs }) => Number.isInteger(waitMs) && waitMs > 0)).toBe(true);
    });
  });

  it('is not renewed every time where no token of its provider holds for a minute, but in the second half of its life', async () => {
    await admin.query('UPDATE vault.credential SET obtained_at = now() WHERE connection_id = $1', [held.connection]);
    await expireIn(40);
    expect(await fresh()).toMatchObject({ generation: 1 });
    expect(asked).toEqual([]);
    await admin.query(`UPDATE vault.credential SET obtained_at = now() - interval '30 s' WHERE connection_id = $1`, [
      held.connection,
    ]);
    await expireIn(10);
    expect(await fresh()).toMatchObject({ generation: 2 });
  });

  it('that never ends, or ends soon and can not be renewed, is given as it is', async () => {
    await expireIn(null);
    expect(await fresh()).toMatchObject({ accessExpiresAt: null, accessExpiresInMs: null });
    await expireIn(10);
    await admin.query('UPDATE vault.credential SET renewable = false WHERE connection_id = $1', [held.connection]);
    expect(await fresh()).toMatchObject({ generation: 1 });
    await expireIn(-1);
    await expect(fresh()).rejects.toMatchObject({ code: 'needs_reauthorization' });
    expect(asked).toEqual([]);
  });

  it.each([...passingRefreshFailures])('is given while it holds, and never when it has ended: %s', async (code) => {
    onRefresh = refused(code);
    await expireIn(30);
    expect(await fresh()).toMatchObject({ generation: 1 });
    await expireIn(-1);
    await expect(fresh()).rejects.toMatchObject({ code });
  });

  it('is given while it holds where a newer one is announced and not there', async () => {
    onRefresh = async () => ({ outcome: 'refreshed', generation: 2 });
    await expireIn(30);
    expect(await fresh()).toMatchObject({ generation: 1 });
    await expireIn(-1);
    await expect(fresh()).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('is not given where the grant is gone, the connection went meanwhile, or the new one has ended already', async () => {
    await expireIn(30);
    onRefresh = refused('needs_reauthorization');
    await expect(fresh()).rejects.toMatchObject({ code: 'needs_reauthorization' });
    await expireIn(-1);
    onRefresh = () => renew(-1, 5);
    await expect(fresh()).rejects.toMatchObject({ code: 'provider_error' });
    onRefresh = async () => {
      await admin.query('DELETE FROM vault.credential WHERE connection_id = $1', [held.connection]);
      return { outcome: 'refreshed', generation: 2 };
    };
    await expect(fresh()).rejects.toMatchObject({ code: 'revoked' });
  });
});
