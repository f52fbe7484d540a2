import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { dedicatedPostgres, testPostgres, waitFor } from '@keyward/testing';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { migratedDatabase, type MigratedDatabase } from '../test/database.js';
import { seedOrganization, type SeededOrganization } from '../test/seed.js';
import { createDataSource, ENTITIES, poolOf } from './data-source.js';
import { AgentEntity } from './entities/identity.js';
import { databaseHealth } from './health.js';
import { prepared } from './prepared.js';
import { withOrg } from './with-org.js';

describe('data source', () => {
  let database: MigratedDatabase;
  let admin: pg.Client;
  let seeded: SeededOrganization;
  let ds: DataSource;

  beforeAll(async () => {
    database = await migratedDatabase(await testPostgres());
    admin = await database.connect(database.url);
    seeded = await seedOrganization(admin);
    ds = createDataSource({ url: await database.urlOf('auth'), applicationName: 'test', poolSize: 2 });
    await ds.initialize();
  });
  afterAll(async () => {
    await ds.destroy();
    await database.stop();
  });

  it.each(ENTITIES)('maps every column of %p, and back', async (entity) => {
    const metadata = ds.getMetadata(entity);
    const { rows } = await admin.query<{ name: string; nullable: boolean }>(
      `SELECT attname AS name, NOT attnotnull AS nullable FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1`,
      [metadata.tablePath],
    );
    const mapped = metadata.columns.map((column) => ({ name: column.databaseName, nullable: column.isNullable }));
    expect(mapped.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(rows);
    const found = await withOrg(ds, seeded.org, (em) => em.find(entity));
    expect(found).toHaveLength(1);
    await withOrg(ds, seeded.org, (em) => em.save(entity, found[0] as object));
    expect(await withOrg(ds, seeded.org, (em) => em.find(entity))).toEqual(found);
  });

  it('outlives a connection that breaks while nobody listens to it', async () => {
    const client = await poolOf(ds).connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    client.release(true);
    expect(await ds.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('fills defaults in where an entity leaves them out', async () => {
    const id = newId('agt');
    await withOrg(ds, seeded.org, (em) => em.insert(AgentEntity, { id, orgId: seeded.org, slug: 'fresh', name: 'Fresh' }));
    const found = await withOrg(ds, seeded.org, (em) => em.findOneByOrFail(AgentEntity, { id }));
    expect(found.createdAt).toBeInstanceOf(Date);
  });

  it('refuses a search by something undefined instead of finding the first row', async () => {
    const search = withOrg(ds, seeded.org, (em) => em.findOneBy(AgentEntity, { id: undefined as unknown as string }));
    await expect(search).rejects.toThrow(/undefined/);
  });

  it('withOrg keeps what it set to its own transaction', async () => {
    await withOrg(ds, seeded.org, (em) => em.count(AgentEntity));
    expect(await ds.manager.count(AgentEntity)).toBe(0);
  });

  it('withOrg undoes everything where the work throws, and throws that', async () => {
    const id = newId('agt');
    const failure = new Error('work failed');
    const attempt = withOrg(ds, seeded.org, async (em) => {
      await em.insert(AgentEntity, { id, orgId: seeded.org, slug: 'gone', name: 'Gone' });
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
    expect(await withOrg(ds, seeded.org, (em) => em.countBy(AgentEntity, { id }))).toBe(0);
  });

  it.each(['*', '', `x' OR 'a'='a`, 'org_\u0000'])('withOrg refuses %p as an organization', async (org) => {
    await expect(withOrg(ds, org, (em) => em.count(AgentEntity))).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('prepared leaves its statement on the connection for the next time', async () => {
    const statement = { name: 'kept', text: 'SELECT name, pg_backend_pid() AS pid FROM pg_prepared_statements WHERE name = $1' };
    await prepared(ds, statement, ['kept']);
    expect(await prepared(ds, statement, ['kept'])).toEqual([{ name: 'kept', pid: expect.any(Number) }]);
  });

  it('an exhausted pool is told as such instead of waiting for ever', async () => {
    const held = await Promise.all(
      [ds.createQueryRunner(), ds.createQueryRunner()].map(async (runner) => {
        await runner.connect();
        return runner;
      }),
    );
    await expect(prepared(ds, { name: 'late', text: 'SELECT 1' }, [])).rejects.toMatchObject({
      code: 'dependency_unavailable',
      message: expect.stringContaining('busy'),
    });
    for (const runner of held) await runner.release();
    await databaseHealth(ds);
  });
});

describe('a server that goes away', () => {
  it('is told as an unavailable dependency, in every way to ask, and used again once it is back', async () => {
    const server = await dedicatedPostgres();
    const idleErrors: Error[] = [];
    const ds = createDataSource({ url: server.url, applicationName: 'test', onIdleError: (error) => idleErrors.push(error) });
    await expect(databaseHealth(ds)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await ds.initialize();
    await databaseHealth(ds);

    const inFlight = withOrg(ds, 'org_x', async (em) => {
      await server.kill();
      // The backend outlives the postmaster by a moment, in which it would still answer something short.
      return em.query('SELECT pg_sleep(60)');
    });
    const unavailable = { code: 'dependency_unavailable', message: expect.stringContaining('not reachable') };
    await expect(inFlight).rejects.toMatchObject(unavailable);
    await expect(databaseHealth(ds)).rejects.toMatchObject(unavailable);
    await expect(prepared(ds, { name: 'one', text: 'SELECT 1' }, [])).rejects.toMatchObject(unavailable);

    await server.restart();
    await waitFor(() => databaseHealth(ds).then(() => true));
    expect(await withOrg(ds, 'org_x', (em) => em.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
    await ds.destroy();
    await server.stop();
  });
});
