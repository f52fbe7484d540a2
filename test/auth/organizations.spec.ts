import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Connection, type ControlRevoked, type Organization, type ShreddedOrganization } from '@keyward/contracts';
import { createCredentials } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource } from '@keyward/postgres';
import { createDataKeyStore } from '@keyward/postgres-vault';
import { waitFor } from '@keyward/testing';
import { pino } from 'pino';
import { Acme } from './acme.js';
import { RevokeConnections } from '../../apps/auth-service/src/connections/revoke-connections.js';
import { OrganizationShredder } from '../../apps/auth-service/src/identity/shred-organization.js';
import { ADMIN_TOKEN, AuthHarness } from './harness.js';

let acme: Acme;
let auth: AuthHarness;
beforeAll(async () => {
  acme = await Acme.start();
  auth = await AuthHarness.start({ env: acme.env });
});
afterAll(async () => {
  await auth.stop();
  await acme.stop();
});

type Team = Awaited<ReturnType<AuthHarness['team']>>;
const at = ({ org }: Pick<Team, 'org'>, rest = '') => `/v1/organizations/${org}${rest}`;
const connect = ({ org, agent }: Team, change: object = {}) =>
  auth.ask<Connection>('/v1/connections', {
    body: { organization: org, agent, user: 'usr_ada', provider: 'acme_key', secret: acme.newKey(), ...change },
  });
const connected = async (team: Team, change: object = {}) => {
  const { status, body } = await connect(team, change);
  expect(status).toBe(201);
  return body.id;
};
const shred = (team: Team, body: object = {}) =>
  auth.ask<ShreddedOrganization & { code: string }>(at(team, '/shred'), { body: { confirm: team.slug, ...body } });

describe('an organization', () => {
  it('is read, and changed member by member', async () => {
    const team = await auth.team();
    const { body } = await auth.ask<Organization>(at(team));
    expect(body).toEqual({
      id: team.org,
      slug: team.slug,
      name: 'Acme',
      returnUrls: [],
      signInToConnect: false,
      userClaim: 'sub',
      createdAt: expect.any(String),
      shreddedAt: null,
    });
    const patch = (change: object) => auth.ask<Organization>(at(team), { method: 'PATCH', body: change });
    const returnUrls = ['https://app.example/done'];
    expect((await patch({ name: 'New', returnUrls })).body).toEqual({ ...body, name: 'New', returnUrls });
    expect((await patch({ signInToConnect: true, userClaim: 'email' })).body).toMatchObject({ name: 'New', userClaim: 'email' });
    expect((await patch({})).body).toMatchObject({ name: 'New', returnUrls, signInToConnect: true });
    await waitFor(
      async () => (await auth.auditEvents(team.org)).filter(({ type }) => type === 'organization.updated').length > 1,
    );
    const updated = (await auth.auditEvents(team.org)).filter(({ type }) => type === 'organization.updated');
    expect(updated.map(({ reason }) => reason)).toEqual(['name, returnUrls', 'signInToConnect, userClaim']);
  });

  it.each([
    [{ slug: 'other' }, ''],
    [{ id: 'x' }, ''],
    [{ shreddedAt: null }, ''],
    [{ name: '' }, '/name'],
    [{ returnUrls: ['https://ok.example/', '//evil.example'] }, '/returnUrls/1'],
    [{ returnUrls: ['javascript:alert(1)'] }, '/returnUrls/0'],
    [{ userClaim: 'iss' }, '/userClaim'],
  ])('is not changed by %j', async (change, pointer) => {
    const team = await auth.team();
    const before = (await auth.ask(at(team))).body;
    const { status, body } = await auth.ask<{ errors: { pointer: string }[] }>(at(team), { method: 'PATCH', body: change });
    expect([status, body.errors[0]?.pointer]).toEqual([400, pointer]);
    expect((await auth.ask(at(team))).body).toEqual(before);
  });
});

describe('rotating the data key', () => {
  it('seals what comes next under another key; what was sealed still opens', async () => {
    const team = await auth.team();
    const id = await connected(team);
    const rotated = await auth.ask(at(team, '/data-keys/rotate'), { method: 'POST' });
    expect(rotated).toMatchObject({ status: 200, body: { organization: team.org, rotatedAt: expect.any(String) } });
    await connected(team, { alias: 'two' });
    const { rows } = await auth.database.query('SELECT state FROM vault.data_key WHERE org_id = $1 ORDER BY id', [team.org]);
    expect(rows).toEqual([{ state: 'decrypt_only' }, { state: 'active' }]);
    const test = await auth.ask(`/v1/connections/${id}/test?organization=${team.org}`, { method: 'POST' });
    expect(test.body).toMatchObject({ outcome: 'working' });
    expect(await auth.auditEvent(team.org, 'data_key.rotated')).toMatchObject({ actor: { kind: 'admin' } });
  });
});

describe('shredding an organization', () => {
  /** Another process, which has opened a secret of the organization a moment ago. */
  async function replica() {
    const dataSource = await createDataSource({ url: auth.loginUrl, applicationName: 'replica' }).initialize();
    const credentials = createCredentials({
      kms: createLocalKms({ keyFile: auth.keyFile }),
      dataKeys: createDataKeyStore(dataSource),
    });
    const open = async (connection: string) => {
      const { rows } = await auth.database.query<{ org_id: string; generation: number; sealed_access: Buffer }>(
        'SELECT org_id, generation, sealed_access FROM vault.credential WHERE connection_id = $1',
        [connection],
      );
      const [row] = rows;
      if (row === undefined) throw new Error('no credential');
      const ref = { org: row.org_id, connection, generation: row.generation, sealedAccess: row.sealed_access };
      return () => credentials.open(ref, async (token) => token);
    };
    return { dataSource, credentials, open, close: () => dataSource.destroy() };
  }

  it('revokes at the providers first, then destroys the keys: the shredded organization opens nothing, here and on a replica that had the key in memory', async () => {
    const team = await auth.team();
    const [id, unheard] = [await connected(team), await connected(team, { alias: 'two', provider: 'acme_key' })];
    const other = await replica();
    const open = await other.open(id);
    expect(await open()).toContain('acme-canary-key');
    const heard: ControlRevoked[] = [];
    const subscription = auth.nc.subscribe('control.revoked', {
      callback: (_error, message) => {
        const revoked = message.json<ControlRevoked>();
        heard.push(revoked);
        if (revoked.kind === 'organization') other.credentials.forgetOrganization(revoked.org);
      },
    });
    await auth.nc.flush();
    const key = acme.valid.size;

    const { status, body } = await shred(team);
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        organization: expect.objectContaining({ id: team.org, shreddedAt: expect.any(String) }),
        connectionsRevoked: 2,
        dataKeysDestroyed: 1,
        revocationsUnconfirmed: 0,
      },
    });
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([
      { kind: 'connections', org: team.org },
      { kind: 'organization', org: team.org },
    ]);
    expect(acme.valid.size).toBe(key - 2);
    await expect(open()).rejects.toMatchObject({ code: 'revoked' });
    const { rows } = await auth.database.query('SELECT state, wrapped FROM vault.data_key WHERE org_id = $1', [team.org]);
    expect(rows).toEqual([{ state: 'destroyed', wrapped: Buffer.alloc(0) }]);
    for (const connection of [id, unheard]) {
      const answer = await auth.ask<Connection>(`/v1/connections/${connection}?organization=${team.org}`);
      expect(answer.body).toMatchObject({ status: 'revoked', statusReason: 'organization_shredded' });
    }
    expect(await auth.auditEvent(team.org, 'organization.shredded')).toMatchObject({ actor: { kind: 'admin' } });
    subscription.unsubscribe();
    await other.close();
  });

  it('can not be connected again, by API, by a link made before or by a new one, and gets no new key', async () => {
    const team = await auth.team();
    await auth.ask('/v1/provider-apps', {
      body: { organization: team.org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const session = { organization: team.org, agent: team.agent, user: 'usr_ada', provider: 'acme_service' };
    const link = await auth.ask<{ id: string; url: string }>('/v1/connect-sessions', { body: session });
    expect(link.status).toBe(201);
    await shred(team);
    const refused = { status: 410, code: 'revoked' };
    expect((await connect(team)).body).toMatchObject(refused);
    expect((await auth.ask('/v1/connect-sessions', { body: session })).body).toMatchObject(refused);
    const app = { organization: team.org, provider: 'acme_code', clientId: 'c', clientSecret: 'shh' };
    expect((await auth.ask('/v1/provider-apps', { body: app })).body).toMatchObject(refused);
    expect((await auth.ask(at(team, '/data-keys/rotate'), { method: 'POST' })).body).toMatchObject(refused);
    expect(await auth.sessionRow(link.body.id)).toMatchObject({ state: 'cancelled' });
    const { rows } = await auth.database.query('SELECT DISTINCT state FROM vault.data_key WHERE org_id = $1', [team.org]);
    expect(rows).toEqual([{ state: 'destroyed' }]);
  });

  it('gets no key either where it never had one', async () => {
    const team = await auth.team();
    expect((await shred(team)).body).toMatchObject({ dataKeysDestroyed: 0, connectionsRevoked: 0 });
    expect((await connect(team)).body).toMatchObject({ status: 410, code: 'revoked' });
  });

  it('waits for a provider no longer than asked; what is not confirmed by then never can be, and says so', async () => {
    const team = await auth.team();
    const id = await connected(team);
    const end = acme.down('/keys/current', 503);
    expect((await shred(team, { revokeFirstSeconds: 0 })).body).toMatchObject({
      connectionsRevoked: 1,
      revocationsUnconfirmed: 1,
    });
    end();
    const given = await waitFor(async () => {
      await auth.database.query('UPDATE vault.provider_revocation SET next_attempt_at = now() WHERE connection_id = $1', [id]);
      const { body } = await auth.ask<Connection>(`/v1/connections/${id}?organization=${team.org}`);
      return body.revocation?.state === 'pending' ? undefined : body;
    });
    expect(given.revocation?.state).toBe('given_up');
  });

  it('is not done by mistake, and not twice', async () => {
    const team = await auth.team();
    await connected(team);
    for (const confirm of ['', 'yes', team.slug.toUpperCase(), `${team.slug} `]) {
      const { status, body } = await shred(team, { confirm });
      expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_request' });
    }
    expect((await auth.ask<Organization>(at(team))).body.shreddedAt).toBeNull();
    const first = (await shred(team)).body;
    const second = (await shred(team)).body;
    expect(second).toMatchObject({ organization: first.organization, connectionsRevoked: 0, dataKeysDestroyed: 0 });
    const events = (await auth.auditEvents(team.org)).filter(({ type }) => type === 'organization.shredded');
    expect(events).toHaveLength(1);
  });

  it('that a process left behind half done is finished by another', async () => {
    const team = await auth.team();
    const id = await connected(team);
    await auth.database.query(`UPDATE identity.organization SET shredded_at = now() - interval '11 minutes' WHERE id = $1`, [
      team.org,
    ]);
    const { dataSource, credentials, close } = await replica();
    const broadcast = async () => undefined;
    const revocation = new RevokeConnections(dataSource, broadcast, () => undefined);
    const shredder = new OrganizationShredder({
      dataSource,
      credentials,
      revocation,
      broadcast,
      logger: pino({ level: 'silent' }),
    });
    await shredder.sweep(new Date());
    await close();
    const { rows } = await auth.database.query('SELECT state FROM vault.data_key WHERE org_id = $1', [team.org]);
    expect(rows).toEqual([{ state: 'destroyed' }]);
    const { body } = await auth.ask<Connection>(`/v1/connections/${id}?organization=${team.org}`);
    expect(body.status).toBe('revoked');
  });
});

describe('rewrapping the vault', () => {
  const rewrap = async (body?: object) => {
    const response = await fetch(`${auth.url}/v1/vault/rewrap`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
    const text = await response.text();
    const lines = text.split('\n').filter((line) => line !== '');
    return { response, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };
  const wrapped = async () => {
    const { rows } = await auth.database.query<{ id: string; hex: string }>(
      `SELECT id, encode(wrapped, 'hex') AS hex FROM vault.data_key WHERE state <> 'destroyed' ORDER BY id`,
    );
    return rows;
  };

  it('tells how it goes on, a line each, and at the end that what succeeded was counted; everything still opens', async () => {
    const team = await auth.team();
    const id = await connected(team);
    const before = await wrapped();
    const { response, lines } = await rewrap();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    expect(lines.at(-1)).toEqual({
      processed: before.length,
      failed: 0,
      resumeAfter: expect.stringMatching(/^org_/),
      complete: true,
      failures: [],
    });
    for (const line of lines.slice(0, -1)) expect(Object.keys(line)).toEqual(['processed', 'failed', 'resumeAfter']);
    const after = await wrapped();
    expect(after.map((row) => row.id)).toEqual(before.map((row) => row.id));
    expect(after.filter((row, i) => row.hex === before[i]?.hex)).toEqual([]);
    const test = await auth.ask(`/v1/connections/${id}/test?organization=${team.org}`, { method: 'POST' });
    expect(test.body).toMatchObject({ outcome: 'working' });
  });

  it('goes on after an organization, names a key that does not open, and goes on past it', async () => {
    const [first, second] = [await auth.team(), await auth.team()];
    await connected(first);
    await connected(second);
    const { rows } = await auth.database.query<{ id: string }>(
      `UPDATE vault.data_key SET wrapped = decode('00', 'hex') WHERE org_id = $1 RETURNING id`,
      [first.org],
    );
    const whole = await rewrap();
    expect(whole.lines.at(-1)).toMatchObject({
      failed: 1,
      complete: false,
      failures: [{ organization: first.org, dataKey: rows[0]?.id, code: 'internal' }],
    });
    expect((await rewrap({ after: first.org })).lines.at(-1)).toMatchObject({ processed: 1, failed: 0, complete: true });
    await auth.database.query('DELETE FROM vault.data_key WHERE org_id = $1', [first.org]);
  });

  it('ends when whoever asked hangs up: the key in hand is stored, no other is touched', async () => {
    const teams = await Promise.all(Array.from({ length: 12 }, () => auth.team()));
    for (const team of teams) await connected(team);
    const orgs = teams.map(({ org }) => org).sort();
    const mine = async () => {
      const { rows } = await auth.database.query<{ hex: string }>(
        `SELECT encode(wrapped, 'hex') AS hex FROM vault.data_key WHERE org_id = ANY($1) ORDER BY org_id`,
        [orgs],
      );
      return rows.map(({ hex }) => hex);
    };
    const before = await mine();
    const lock = await auth.database.connect();
    await lock.query('BEGIN');
    await lock.query('SELECT FROM vault.data_key WHERE org_id = $1 FOR UPDATE', [orgs[0]]);
    const hangUp = new AbortController();
    const asked = fetch(`${auth.url}/v1/vault/rewrap`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: '{}',
      signal: hangUp.signal,
    }).then((response) => response.text());
    await waitFor(async () => {
      const { rows } = await auth.database.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%vault.data_key%'`,
      );
      return rows.length > 0;
    });
    hangUp.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    // The service knows once it has answered something else.
    await auth.team();
    await lock.query('COMMIT');
    lock.release();
    await waitFor(async () => (await mine())[0] !== before[0]);
    for (let i = 0; i < 5; i++) await auth.team();
    expect((await mine()).slice(1)).toEqual(before.slice(1));
  });

  it.each([[{ after: 'org_x' }], [{ after: 1 }], [{ from: 'x' }]])('with %j is refused', async (body) => {
    expect((await rewrap(body)).response.status).toBe(400);
  });
});

/** Every route of these doors that takes an id: its own organization's, and others that must look like none. */
describe('an organization that is not there to be seen is answered like one that does not exist', () => {
  it.each([
    ['GET', '', undefined],
    ['PATCH', '', { name: 'Mine' }],
    ['POST', '/shred', { confirm: 'x' }],
    ['POST', '/data-keys/rotate', undefined],
  ])('%s %s', async (method, rest, body) => {
    const team = await auth.team();
    const ask = async (id: string) => {
      const answer = await auth.ask(`/v1/organizations/${encodeURIComponent(id)}${rest}`, {
        method,
        ...(body === undefined ? {} : { body }),
      });
      const { traceId: _traceId, ...problem } = answer.body;
      return { status: answer.status, problem };
    };
    const absent = await ask(newId('org'));
    expect(absent.status).toBe(404);
    for (const id of [team.org.toUpperCase(), `${team.org}x`, `${team.org.slice(0, -1)}\u0130`, 'null', '*', '%'])
      expect(await ask(id)).toEqual(absent);
    expect((await auth.ask<Organization>(at(team))).body).toMatchObject({ name: 'Acme', shreddedAt: null });
  });
});
