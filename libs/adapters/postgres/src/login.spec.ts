import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import pg from 'pg';
import { createLogin } from './login.js';
import { migrate } from './migrate.js';
import { scramVerifier } from './scram.js';

describe('createLogin', () => {
  let database: TestPostgres;
  let admin: pg.Client;
  const logins: string[] = [];

  beforeAll(async () => {
    database = await testPostgres();
    await migrate(database.url);
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
  });
  afterAll(async () => {
    for (const login of logins) await admin.query(`DROP ROLE IF EXISTS ${admin.escapeIdentifier(login)}`);
    await admin.end();
    await database.stop();
  });

  function newLogin(name = 'login'): string {
    const login = `${name}_${randomBytes(4).toString('hex')}`;
    logins.push(login);
    return login;
  }

  const storedPassword = async (login: string): Promise<unknown> =>
    (await admin.query('SELECT rolpassword FROM pg_authid WHERE rolname = $1', [login])).rows[0]?.rolpassword;

  async function whoami(login: string, password: string): Promise<unknown> {
    const url = new URL(database.url);
    [url.username, url.password] = [encodeURIComponent(login), encodeURIComponent(password)];
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query('SELECT current_user AS me');
    await client.end();
    return rows[0]?.me;
  }

  it('makes a login with the rights of its service, whatever characters name and password have', async () => {
    const [login, password] = [newLogin(`o"clock'`), `p' "%\\$1`];
    await createLogin(database.url, { service: 'gateway', login, password });
    expect(await whoami(login, password)).toBe(login);
    const { rows } = await admin.query(
      `SELECT pg_has_role($1, 'keyward_gateway', 'USAGE') AS gateway, pg_has_role($1, 'keyward_auth', 'MEMBER') AS auth`,
      [login],
    );
    expect(rows).toEqual([{ gateway: true, auth: false }]);
  });

  it('repeated, replaces the password', async () => {
    const login = newLogin();
    await createLogin(database.url, { service: 'audit', login, password: 'first' });
    const before = await storedPassword(login);
    await createLogin(database.url, { service: 'audit', login, password: 'second' });
    expect(await whoami(login, 'second')).toBe(login);
    expect(await storedPassword(login)).not.toBe(before);
  });

  it('sends the server a verifier that is the one the server itself would have made', async () => {
    const login = newLogin();
    await admin.query(`SET password_encryption = 'scram-sha-256'; CREATE ROLE ${login} PASSWORD 'correct horse'`);
    const stored = String(await storedPassword(login));
    const salt = Buffer.from(stored.split('$')[1]?.split(':')[1] ?? '', 'base64');
    expect(scramVerifier('correct horse', salt)).toBe(stored);
  });

  it.each([
    ['an empty password', ''],
    ['one that SASLprep would change', 'pass\u00adword'],
    ['one with a control character', 'pass\nword'],
  ])('refuses %s', async (_what, password) => {
    await expect(createLogin(database.url, { service: 'audit', login: newLogin(), password })).rejects.toThrow('printable ASCII');
  });

  it('refuses a login that already belongs to another service', async () => {
    const login = newLogin();
    await createLogin(database.url, { service: 'audit', login, password: 'x' });
    await expect(createLogin(database.url, { service: 'auth', login, password: 'y' })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('keyward_audit'),
    });
    expect(await whoami(login, 'x')).toBe(login);
  });

  it('refuses a privileged login', async () => {
    const login = newLogin();
    await admin.query(`CREATE ROLE ${login} LOGIN BYPASSRLS`);
    await expect(createLogin(database.url, { service: 'executor', login, password: 'x' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
