import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import pg from 'pg';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const PASSWORD = 'canary-of-twelve-and-more';

describe('the migration task', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await testPostgres();
  });
  afterAll(() => database.stop());

  async function run(env: Record<string, string>): Promise<{ code: number; output: string }> {
    const main = fileURLToPath(new URL('./main.ts', import.meta.url));
    const args = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs', main];
    const child = spawn(process.execPath, args, { cwd: root, env: { PATH: process.env['PATH'], ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  it('brings an empty database to the newest schema and makes the logins; a second time changes nothing and succeeds', async () => {
    const logins = JSON.stringify({ gateway: { login: 'migrated_gateway', password: PASSWORD } });
    const env = { KEYWARD_DATABASE_URL: database.url, KEYWARD_DATABASE_LOGINS: logins };
    const first = await run(env);
    expect(first).toEqual({ code: 0, output: expect.stringContaining('applying Backbone') });
    expect(first.output).not.toContain(PASSWORD);
    const again = await run(env);
    expect(again).toEqual({ code: 0, output: expect.stringContaining('the schema is up to date') });

    const url = new URL(database.url);
    [url.username, url.password] = ['migrated_gateway', PASSWORD];
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    expect((await client.query('SELECT id FROM vault.connection')).rows).toEqual([]);
    await expect(client.query('SELECT body FROM audit.event')).rejects.toThrow('permission denied');
    await client.end();
  });

  it.each([
    ['no database', {}, 'KEYWARD_DATABASE_URL is missing'],
    ['logins that are no JSON', { KEYWARD_DATABASE_LOGINS: `{${PASSWORD}` }, 'KEYWARD_DATABASE_LOGINS is not valid'],
    [
      'a password that is too short',
      { KEYWARD_DATABASE_LOGINS: '{"gateway":{"login":"a","password":"short"}}' },
      '/gateway/password',
    ],
    [
      'one login for two services',
      {
        KEYWARD_DATABASE_LOGINS: `{"gateway":{"login":"a","password":"${PASSWORD}"},"auth":{"login":"a","password":"${PASSWORD}"}}`,
      },
      'each service needs a login of its own',
    ],
  ])('ends with 78 and what to set for %s, before it touches anything', async (_what, env: Record<string, string>, says) => {
    const { code, output } = await run(env);
    expect({ code, says: output.includes(says) }).toEqual({ code: 78, says: true });
    expect(output).not.toContain(PASSWORD);
  });
});
