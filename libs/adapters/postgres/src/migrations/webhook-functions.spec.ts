import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, type MigratedDatabase } from '../../test/database.js';
import { seedOrganization } from '../../test/seed.js';

let database: MigratedDatabase;
let admin: pg.Client;
let auth: pg.Client;
let other: pg.Client;
beforeAll(async () => {
  database = await migratedDatabase(await testPostgres());
  admin = await database.connect(database.url);
  const url = await database.urlOf('auth');
  [auth, other] = [await database.connect(url), await database.connect(url)];
});
afterAll(() => database.stop());
beforeEach(() => admin.query('DELETE FROM notification.webhook_endpoint'));

const organization = async () => {
  const { org } = await seedOrganization(admin);
  await admin.query('DELETE FROM notification.webhook_endpoint WHERE org_id = $1', [org]);
  return org;
};

async function endpoint(org: string, more: { failing?: boolean; enabled?: boolean; events?: string[] } = {}): Promise<string> {
  const { failing = false, enabled = true, events = ['connection.revoked'] } = more;
  const id = newId('whe');
  await admin.query(
    `INSERT INTO notification.webhook_endpoint (id, org_id, url, events, enabled, sealed_secret, failing_since)
     VALUES ($1, $2, 'https://receiver.example/', $3, $4, $5, CASE WHEN $6 THEN now() END)`,
    [id, org, events, enabled, randomBytes(8), failing],
  );
  return id;
}

/** Each due a little later than the one before. */
const backlog = (org: string, at: string, count: number) =>
  admin.query(
    `INSERT INTO notification.webhook_delivery (endpoint_id, event_id, org_id, type, occurred_at, provider, connection_id, next_attempt_at)
     SELECT $1, 'msg_' || n, $2, 'connection.revoked', now(), 'sandbox', 'conn_x', now() - interval '1 hour' + n * interval '1 ms'
     FROM generate_series(1, $3::int) n`,
    [at, org, count],
  );

interface Claim {
  limit?: number;
  reserved?: number;
  busy?: string[];
  busyOrgs?: string[];
  by?: pg.Client;
}
type Claimed = { endpoint_id: string; event_id: string; org_id: string; attempts: number };

async function claim({ limit = 64, reserved = 32, busy = [], busyOrgs = [], by = auth }: Claim = {}): Promise<Claimed[]> {
  const values = [60_000, limit, reserved, 4, 16, busy, busyOrgs];
  return (await by.query<Claimed>('SELECT * FROM notification.claim_deliveries($1, $2, $3, $4, $5, $6, $7)', values)).rows;
}

const counts = (rows: Claimed[], by: 'endpoint_id' | 'org_id' = 'endpoint_id') =>
  new Map([...Map.groupBy(rows, (row) => row[by])].map(([key, group]) => [key, group.length]));

describe('deliveries are claimed', () => {
  it('a few per endpoint, the oldest first, however many wait; one where the last attempt failed', async () => {
    const org = await organization();
    const [long, short, failing] = [await endpoint(org), await endpoint(org), await endpoint(org, { failing: true })];
    // More than a claim looks at before it goes endpoint by endpoint.
    await backlog(org, long, 2_500);
    await backlog(org, short, 2);
    await backlog(org, failing, 10);
    const claimed = await claim();
    expect(counts(claimed)).toEqual(
      new Map([
        [long, 4],
        [short, 2],
        [failing, 1],
      ]),
    );
    expect(
      claimed
        .filter(({ endpoint_id }) => endpoint_id === long)
        .map(({ event_id }) => event_id)
        .sort(),
    ).toEqual(['msg_1', 'msg_2', 'msg_3', 'msg_4']);
    expect(new Set(claimed.map(({ attempts }) => attempts))).toEqual(new Set([1]));
  });

  it('with what is in hand counted: an endpoint or an organization that has its share gets no more', async () => {
    const [org, full] = [await organization(), await organization()];
    const [one, theirs] = [await endpoint(org), await endpoint(full)];
    await backlog(org, one, 10);
    await backlog(full, theirs, 10);
    const claimed = await claim({ busy: [one, one, one], busyOrgs: [org, org, org, ...Array<string>(16).fill(full)] });
    expect(counts(claimed)).toEqual(new Map([[one, 1]]));
  });

  it('organizations take turns: one with twenty endpoints does not come before one with a single message', async () => {
    const [many, few] = [await organization(), await organization()];
    for (let n = 0; n < 20; n++) await backlog(many, await endpoint(many), 10);
    await backlog(few, await endpoint(few), 1);
    expect(counts(await claim({ limit: 4, reserved: 0 }), 'org_id')).toEqual(
      new Map([
        [many, 3],
        [few, 1],
      ]),
    );
    expect(counts(await claim(), 'org_id')).toEqual(new Map([[many, 16]]));
  });

  it('those that fail leave places to those that do not', async () => {
    const orgs = await Promise.all([1, 2, 3].map(organization));
    for (const org of orgs) for (let n = 0; n < 15; n++) await backlog(org, await endpoint(org, { failing: true }), 3);
    expect(await claim({ limit: 30 })).toEqual([]);
    expect(await claim({ limit: 40 })).toHaveLength(8);
  });

  it('not of an endpoint that is disabled, nor of an organization that was shredded', async () => {
    const [org, shredded] = [await organization(), await organization()];
    await backlog(org, await endpoint(org, { enabled: false }), 1);
    await backlog(shredded, await endpoint(shredded), 1);
    await admin.query('UPDATE identity.organization SET shredded_at = now() WHERE id = $1', [shredded]);
    expect(await claim()).toEqual([]);
    const { rows } = await auth.query('SELECT notification.oldest_pending_seconds() AS age');
    expect(rows).toEqual([{ age: null }]);
  });

  it('not of an endpoint that is left alone for now', async () => {
    const org = await organization();
    const [alone, due] = [await endpoint(org), await endpoint(org)];
    await backlog(org, alone, 3);
    await backlog(org, due, 1);
    await admin.query(`UPDATE notification.webhook_endpoint SET resume_at = now() + interval '1 minute' WHERE id = $1`, [alone]);
    expect(counts(await claim())).toEqual(new Map([[due, 1]]));
    await admin.query(`UPDATE notification.webhook_endpoint SET resume_at = now() WHERE id = $1`, [alone]);
    expect(counts(await claim())).toEqual(new Map([[alone, 3]]));
  });

  it('by one of several that ask at once, and again only when the lease is over', async () => {
    const orgs = await Promise.all([1, 2, 3, 4].map(organization));
    for (const org of orgs) for (let n = 0; n < 4; n++) await backlog(org, await endpoint(org), 4);
    const claims = (await Promise.all([claim(), claim({ by: other }), claim(), claim({ by: other })])).flat();
    const names = claims.map(({ endpoint_id, event_id }) => `${endpoint_id} ${event_id}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(64);
    expect(await claim()).toEqual([]);
    await admin.query(`UPDATE notification.webhook_delivery SET next_attempt_at = now()`);
    expect((await claim()).every(({ attempts }) => attempts === 2)).toBe(true);
  });
});

it('deliveries of an organization that was shredded are purged, those of others are not', async () => {
  const [org, shredded] = [await organization(), await organization()];
  await backlog(org, await endpoint(org), 3);
  await backlog(shredded, await endpoint(shredded), 5);
  await admin.query('UPDATE identity.organization SET shredded_at = now() WHERE id = $1', [shredded]);
  const purge = async () => (await auth.query<{ purged: string }>('SELECT notification.purge_deliveries(30, 3) AS purged')).rows;
  expect([await purge(), await purge(), await purge()].flat().map(({ purged }) => purged)).toEqual(['3', '2', '0']);
  const { rows } = await admin.query('SELECT DISTINCT org_id FROM notification.webhook_delivery');
  expect(rows).toEqual([{ org_id: org }]);
});

describe('events become deliveries', () => {
  const add = async (events: object[], room = 100) => {
    const values = [JSON.stringify(events), room];
    return (await auth.query<{ added: string }>('SELECT notification.add_deliveries($1, $2) AS added', values)).rows[0]?.added;
  };
  const event = (org: string, type = 'connection.revoked') => ({
    ...{ id: newId('msg'), org, type, at: new Date().toISOString(), provider: 'sandbox' },
    ...{ connection: newId('conn'), generation: 1 },
  });

  it('for enabled endpoints of their organization that want them, once', async () => {
    const [org, theirs, shredded] = [await organization(), await organization(), await organization()];
    const wanting = [await endpoint(org), await endpoint(org, { events: ['connection.revoked', 'connection.refreshed'] })];
    await endpoint(org, { events: ['connection.refreshed'] });
    await endpoint(org, { enabled: false });
    await endpoint(theirs);
    await endpoint(shredded);
    await admin.query('UPDATE identity.organization SET shredded_at = now() WHERE id = $1', [shredded]);
    const revoked = event(org);
    expect(await add([revoked, event(shredded), event(newId('org')), event(org, 'connection.authorized')])).toBe('2');
    expect(await add([revoked])).toBe('0');
    const { rows } = await admin.query<{ endpoint_id: string }>('SELECT endpoint_id FROM notification.webhook_delivery');
    expect(rows.map(({ endpoint_id }) => endpoint_id).sort()).toEqual(wanting.sort());
  });

  it('not those from before the endpoint was there, as far as clocks can tell', async () => {
    const org = await organization();
    await endpoint(org);
    const ago = (minutes: number) => ({ ...event(org), at: new Date(Date.now() - minutes * 60_000).toISOString() });
    expect(await add([ago(60), ago(20)])).toBe('0');
    expect(await add([ago(4), ago(-4)])).toBe('2');
  });

  it('as long as there is room: of an endpoint that is down for days there is an end', async () => {
    const org = await organization();
    const [full, beside] = [await endpoint(org), await endpoint(org)];
    await backlog(org, full, 100);
    expect(await add([event(org)])).toBe('1');
    const { rows } = await admin.query<{ endpoint_id: string }>(
      `SELECT endpoint_id FROM notification.webhook_delivery WHERE endpoint_id <> $1`,
      [full],
    );
    expect(rows).toEqual([{ endpoint_id: beside }]);
    await admin.query(`DELETE FROM notification.webhook_delivery WHERE endpoint_id = $1 AND event_id = 'msg_1'`, [full]);
    expect(await add([event(org)])).toBe('2');
  });
});
