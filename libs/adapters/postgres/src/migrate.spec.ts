import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import pg from 'pg';
import { migrate } from './migrate.js';
import { migrationSource } from './migrations/source.js';

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const APPLIED = 'SELECT name FROM keyward_migration';

describe('migrate', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await testPostgres();
  });
  afterAll(() => database.stop());

  it('says what it does, and the second time that nothing is left to do', async () => {
    const said: string[] = [];
    await migrate(database.url, (message) => said.push(message));
    const applying = said.filter((message) => message.startsWith('applying '));
    expect(said).toEqual([...applying, `${applying.length} migration(s) applied`]);
    expect(applying[0]).toBe('applying Backbone1700000000001');
    said.length = 0;
    await migrate(database.url, (message) => said.push(message));
    expect(said).toEqual(['the schema is up to date']);
    expect(await query(database.url, APPLIED)).toHaveLength(applying.length);
  });

  it('two migrators at once: one applies, the other waits and finds it done', async () => {
    const { url, stop } = await testPostgres();
    const said: string[][] = [[], [], []];
    await Promise.all(said.map((messages) => migrate(url, (message) => messages.push(message))));
    expect(said.filter((messages) => messages.at(-1)?.endsWith('migration(s) applied'))).toHaveLength(1);
    expect(said.filter((messages) => messages.includes('the schema is up to date'))).toHaveLength(2);
    expect(await query(url, 'SELECT name FROM keyward_migration GROUP BY name HAVING count(*) > 1')).toEqual([]);
    await stop();
  });

  it('two databases of one cluster at once', async () => {
    const databases = await Promise.all([testPostgres(), testPostgres(), testPostgres()]);
    await Promise.all(databases.map(({ url }) => migrate(url)));
    for (const { url, stop } of databases) {
      expect(await query(url, APPLIED)).not.toEqual([]);
      await stop();
    }
  });

  it('a migration that fails leaves nothing behind', async () => {
    const { url, stop } = await testPostgres();
    await query(url, 'CREATE SCHEMA execution');
    await expect(migrate(url)).rejects.toThrow('schema "execution" already exists');
    expect(await query(url, `SELECT nspname FROM pg_namespace WHERE nspname IN ('identity', 'vault')`)).toEqual([]);
    await query(url, 'DROP SCHEMA execution');
    await migrate(url);
    await stop();
  });

  it('is taken back only as far as nothing is lost: what came after says so and stays, the backbone can be undone and applied again', async () => {
    const { url, stop } = await testPostgres();
    await migrate(url);
    const ds = await migrationSource(url).initialize();
    await expect(ds.undoLastMigration()).rejects.toThrow('restore a backup');
    expect(await query(url, APPLIED)).toHaveLength(5);
    await ds.destroy();
    await query(url, `DELETE FROM keyward_migration WHERE name NOT LIKE 'Backbone%'; DROP SCHEMA notification CASCADE`);
    const backbone = await migrationSource(url).initialize();
    await backbone.undoLastMigration();
    await backbone.destroy();
    expect(await query(url, APPLIED)).toEqual([]);
    const schemas = `SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)'`;
    expect(await query(url, schemas)).toEqual([]);
    await migrate(url);
    expect(await query(url, schemas)).toHaveLength(8);
    await stop();
  });

  it('works for an owner without superuser rights, whose functions still cross organizations', async () => {
    const { url, stop } = await testPostgres();
    const name = new URL(url).pathname.slice(1);
    const owner = `${name}_owner`;
    await query(url, `CREATE ROLE ${owner} LOGIN PASSWORD 'owner' CREATEROLE`);
    await query(url, `ALTER DATABASE ${name} OWNER TO ${owner}`);
    // From PostgreSQL 16 on, to have made a role is what lets one administer it; here the superuser made them.
    await query(url, `GRANT keyward_definer TO ${owner}`);
    const asOwner = new URL(url);
    asOwner.username = owner;
    asOwner.password = 'owner';
    await migrate(asOwner.href);
    expect(
      await query(
        url,
        `SELECT DISTINCT proowner::regrole::text AS owner FROM pg_proc WHERE proname LIKE 'find_%'
      AND pronamespace = 'vault'::regnamespace`,
      ),
    ).toEqual([{ owner: 'keyward_definer' }]);
    await query(url, `DROP OWNED BY ${owner} CASCADE`);
    await query(url, `ALTER DATABASE ${name} OWNER TO CURRENT_USER`);
    await query(url, `DROP ROLE ${owner}`);
    await stop();
  });

  it('an absent server is a dependency that is not there, told without the password', async () => {
    const failure = await migrate('postgres://owner:hunter2@127.0.0.1:1/keyward').catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'dependency_unavailable', message: expect.stringContaining('not reachable') });
    expect(JSON.stringify(failure) + String((failure as Error).message)).not.toContain('hunter2');
  });
});
