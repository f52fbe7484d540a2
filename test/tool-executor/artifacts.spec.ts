import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { MemoryObjectStore } from '@keyward/objects/testing';
import { createDataSource, createLogin, migrate, prepared, type ServiceRole } from '@keyward/postgres';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import type { DataSource } from 'typeorm';
import { ArtifactRows } from '../../apps/tool-executor/src/artifacts/artifact-rows.js';
import { Artifacts } from '../../apps/tool-executor/src/artifacts/artifacts.js';

const FIND = { name: 'find', text: 'SELECT * FROM execution.find_artifact($1, $2, $3)' };
const logger = { warn: () => undefined };

describe('a result that is too large for the bus', () => {
  let database: TestPostgres;
  let executor: DataSource;
  let gateway: DataSource;
  let auth: DataSource;
  const store = new MemoryObjectStore();
  const owner = { id: newId('exe'), org: newId('org'), agent: newId('agt'), user: 'usr_ada' };
  const body = Buffer.from('a,b\n1,2\n');
  const kept = (keepMs: number) => new Artifacts({ store, rows: new ArtifactRows(executor), keepMs, logger });
  const find = (org: string, agent: string, id: string) => prepared(gateway, FIND, [org, agent, id]);

  async function as(service: ServiceRole): Promise<DataSource> {
    const login = `artifacts_${service}_${newId('org').slice(-8)}`;
    await createLogin(database.url, { service, login, password: 'pw' });
    const url = new URL(database.url);
    [url.username, url.password] = [login, 'pw'];
    return createDataSource({ url: url.href, applicationName: service, poolSize: 2 }).initialize();
  }

  beforeAll(async () => {
    database = await testPostgres();
    await migrate(database.url);
    executor = await as('executor');
    gateway = await as('gateway');
    auth = await as('auth');
  });
  afterAll(async () => {
    await Promise.all([executor?.destroy(), gateway?.destroy(), auth?.destroy()]);
    await database?.stop();
  });

  it('is kept under a handle that says what it is, and is found by its own agent only', async () => {
    const { artifact } = await kept(60_000).keep(owner, body, 'text/csv');
    expect(artifact).toMatchObject({ contentType: 'text/csv', bytes: 8 });
    expect(artifact.sha256).toBe(createHash('sha256').update(body).digest('hex'));
    expect(store.objects.get(`${owner.org}/${artifact.id}`)?.body.equals(body)).toBe(true);
    expect(await find(owner.org, owner.agent, artifact.id)).toHaveLength(1);
    expect(await find(owner.org, newId('agt'), artifact.id)).toEqual([]);
    expect(await find(newId('org'), owner.agent, artifact.id)).toEqual([]);
    expect(await find(owner.org, owner.agent, newId('art'))).toEqual([]);
  });

  it('whose type could not be a header of ours is bytes', async () => {
    const { artifact } = await kept(60_000).keep(owner, body, 'text/csv\r\nset-cookie: a=b');
    expect(artifact.contentType).toBe('application/octet-stream');
  });

  it('is gone once it has expired: for whoever asks at once, from the store with the next purge; others stay', async () => {
    const stays = (await kept(60_000).keep(owner, body, 'text/csv')).artifact.id;
    const goes = (await kept(0).keep(owner, body, 'text/csv')).artifact.id;
    expect(await find(owner.org, owner.agent, goes)).toEqual([]);
    expect(await kept(0).purge()).toBe(1);
    expect(await kept(0).purge()).toBe(0);
    expect([stays, goes].map((id) => store.objects.has(`${owner.org}/${id}`))).toEqual([true, false]);
  });

  it('leaves no bytes without a row, and none of a row whose bytes could not be stored', async () => {
    const broken = Object.assign(new MemoryObjectStore(), { put: () => Promise.reject(new Error('away')) });
    const rows = new ArtifactRows(executor);
    await expect(new Artifacts({ store: broken, rows, keepMs: 0, logger }).keep(owner, body, 'text/csv')).rejects.toThrow('away');
    expect(await kept(0).purge()).toBe(1);
  });

  it('is not kept where its agent has as much already; another agent’s is, and so is the next one once there is room', async () => {
    const one = { ...owner, agent: newId('agt'), user: 'usr_full' };
    const another = { ...owner, agent: newId('agt') };
    const small = (keepMs: number) => new Artifacts({ store, rows: new ArtifactRows(executor), keepMs, mostBytes: 20, logger });
    for (let count = 0; count < 2; count++) await small(60_000).keep(one, body, 'text/csv');
    const before = store.objects.size;
    await expect(small(60_000).keep(one, body, 'text/csv')).rejects.toMatchObject({ code: 'response_too_large' });
    expect(store.objects.size).toBe(before);
    await small(60_000).keep(another, body, 'text/csv');
    await auth.query('SELECT execution.expire_artifacts($1, $2, $3)', [owner.org, 'usr_full', 'erased-0']);
    await small(60_000).keep(one, body, 'text/csv');
    expect(await kept(0).purge()).toBe(2);
  });

  it('that can not be removed is tried again', async () => {
    const { id } = (await kept(0).keep(owner, body, 'text/csv')).artifact;
    const stuck = Object.assign(new MemoryObjectStore(), { remove: () => Promise.reject(new Error('away')) });
    const rows = new ArtifactRows(executor);
    await expect(new Artifacts({ store: stuck, rows, keepMs: 0, logger }).purge()).rejects.toThrow('away');
    expect(await rows.expired(10)).toEqual([{ org: owner.org, id }]);
    expect(await kept(0).purge()).toBe(1);
  });

  it('of an erased person, or of a shredded organization, expires at once', async () => {
    const other = { ...owner, user: 'usr_bob' };
    const ids: string[] = [];
    for (const who of [owner, other]) ids.push((await kept(60_000).keep(who, body, 'text/csv')).artifact.id);
    const found = async () => Promise.all(ids.map(async (id) => (await find(owner.org, owner.agent, id)).length));
    await auth.query('SELECT execution.expire_artifacts($1, $2, $3)', [owner.org, 'usr_ada', 'erased-1']);
    expect(await found()).toEqual([0, 1]);
    await auth.query('SELECT execution.expire_artifacts($1, NULL, $2)', [owner.org, 'shredded']);
    expect(await found()).toEqual([0, 0]);
  });
});
