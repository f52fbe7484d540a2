import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Connection, type ControlRevoked, type Organization, type ShreddedOrganization } from '@keyward/contracts';
import { createCredentials } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource } from '@keyward/postgres';
import { createDataKeyStore } from '@keyward/postgres-vault';
import { waitFor } from '@keyward/testing';
import { pino } from 'pino';
import type { Acme } from './acme.js';
import { AcmeHarness } from './acme-harness.js';
import { RevokeConnections } from '../../apps/auth-service/src/connections/revoke-connections.js';
import { OrganizationShredder } from '../../apps/auth-service/src/identity/shred-organization.js';
import type { AuthHarness } from './harness.js';

let here: AcmeHarness;
let acme: Acme;
let auth: AuthHarness;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ acme, auth } = here);
});
afterAll(() => here.stop());

type Team = Awaited<ReturnType<AuthHarness['team']>>;
const at = ({ org }: Pick<Team, 'org'>, rest = '') => `/v1/organizations/${org}${rest}`;
const connected = async (team: Team, change: object = {}) => (await here.connected(team, change)).id;
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
    expect((await here.connect(team)).body).toMatchObject(refused);
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
    expect((await here.connect(team)).body).toMatchObject({ status: 410, code: 'revoked' });
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
