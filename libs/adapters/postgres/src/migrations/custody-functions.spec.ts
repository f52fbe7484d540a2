import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, type MigratedDatabase } from '../../test/database.js';
import { seedOrganization, type SeededOrganization } from '../../test/seed.js';

let database: MigratedDatabase;
let admin: pg.Client;
let auth: pg.Client;
let executor: pg.Client;
let ours: SeededOrganization;
let theirs: SeededOrganization;

beforeAll(async () => {
  database = await migratedDatabase(await testPostgres());
  admin = await database.connect(database.url);
  auth = await database.connect(await database.urlOf('auth'));
  executor = await database.connect(await database.urlOf('executor'));
  ours = await seedOrganization(admin);
  theirs = await seedOrganization(admin);
});
afterAll(() => database.stop());

describe('open_for_call and workspace connections', () => {
  let workspace: string;
  let colleague: string;

  beforeEach(async () => {
    workspace = newId('conn');
    colleague = newId('agt');
    await admin.query('DELETE FROM vault.connection WHERE kind = $1', ['workspace']);
    await admin.query('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', [colleague, ours.org]);
    await admin.query(
      `INSERT INTO vault.connection (id, org_id, kind, provider, status, scopes, parameters) VALUES ($1, $2, 'workspace', 'sandbox', 'active', '{all}', '{"subdomain":"acme"}')`,
      [workspace, ours.org],
    );
    await admin.query(
      `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, generation, renewable) VALUES ($1, $2, 'sandbox', $3, 4, true)`,
      [workspace, ours.org, ours.sha256],
    );
    await grant(colleague);
  });

  const grant = (agent: string) =>
    admin.query('INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id) VALUES ($1, $2, $3)', [
      workspace,
      ours.org,
      agent,
    ]);

  async function open(
    agent: string,
    connection: string | null = null,
    change: { org?: string; alias?: string; user?: string } = {},
  ) {
    const { org = ours.org, alias = 'default', user = 'ada' } = change;
    const { rows } = await executor.query('SELECT * FROM vault.open_for_call($1, $2, $3, $4, $5, $6, $7)', [
      ...[org, agent, user, 'sandbox', 'sandbox', alias, connection],
    ]);
    return rows[0] as Record<string, unknown>;
  }

  it('fall back to one that the agent is a grantee of, for any user, without a registration where it needs none', async () => {
    for (const user of ['ada', 'grace']) {
      expect(await open(colleague, null, { user })).toMatchObject({
        connection_id: workspace,
        kind: 'workspace',
        sealed_access: ours.sha256,
        generation: 4,
        refreshable: true,
        parameters: { subdomain: 'acme' },
        client_id: null,
        app_parameters: null,
      });
    }
  });

  it('prefer the agent’s own connection, and reach the workspace’s by its id', async () => {
    await grant(ours.agent);
    expect(await open(ours.agent)).toMatchObject({ connection_id: ours.connection, kind: 'agent' });
    expect(await open(ours.agent, workspace)).toMatchObject({ connection_id: workspace, kind: 'workspace' });
    expect(await open(ours.agent, null, { user: 'grace' })).toMatchObject({ connection_id: workspace });
  });

  it('give nothing to an agent that is no grantee: not by alias, not by id, and not to one of another organization', async () => {
    const nothing = { connection_id: null, sealed_access: null, generation: null, parameters: null };
    expect(await open(ours.agent, workspace)).toMatchObject(nothing);
    expect(await open(ours.agent, null, { user: 'grace' })).toMatchObject(nothing);
    expect(await open(theirs.agent, workspace)).toMatchObject(nothing);
    expect(await open(theirs.agent, workspace, { org: theirs.org })).toMatchObject(nothing);
    expect(await open(colleague, workspace, { org: theirs.org })).toMatchObject(nothing);
    expect(await open(colleague, null, { alias: 'other' })).toMatchObject(nothing);
  });

  it('refuse a grantee of another organization at the door', async () => {
    await expect(grant(theirs.agent)).rejects.toMatchObject({ code: '23503' });
  });

  it('take the grant away at once', async () => {
    await admin.query('DELETE FROM vault.connection_grantee WHERE agent_id = $1', [colleague]);
    expect(await open(colleague)).toMatchObject({ connection_id: null, sealed_access: null });
    expect(await open(colleague, workspace)).toMatchObject({ connection_id: null, sealed_access: null });
  });

  it('hand no token out of one that is not active', async () => {
    await admin.query(`UPDATE vault.connection SET status = 'needs_reauthorization' WHERE id = $1`, [workspace]);
    expect(await open(colleague)).toMatchObject({
      connection_id: workspace,
      status: 'needs_reauthorization',
      sealed_access: null,
    });
    await admin.query(`UPDATE vault.connection SET status = 'revoked' WHERE id = $1`, [workspace]);
    expect(await open(colleague)).toMatchObject({ connection_id: null });
    expect(await open(colleague, workspace)).toMatchObject({ status: 'revoked', sealed_access: null });
  });

  it('a connection named by id tells its own alias; its registration tells its parameters', async () => {
    await admin.query(`UPDATE vault.connection SET alias = 'second' WHERE id = $1`, [ours.connection]);
    await admin.query(`UPDATE vault.provider_app SET parameters = '{"tenant":"t1"}' WHERE id = $1`, [ours.app]);
    expect(await open(ours.agent, ours.connection)).toMatchObject({
      alias: 'second',
      client_id: 'client',
      app_parameters: { tenant: 't1' },
    });
    await admin.query(`UPDATE vault.connection SET alias = 'default' WHERE id = $1`, [ours.connection]);
  });
});

describe('open_for_call and a registration’s certificate', () => {
  const nothing = { client_certificate: null };

  beforeEach(async () => {
    for (const { app, sha256 } of [ours, theirs]) await register(app, 'PEM', sha256);
    await admin.query(`UPDATE vault.connection SET status = 'active', alias = 'default' WHERE kind = 'agent'`);
  });

  const register = (app: string, certificate: string | null, key: Buffer | null) =>
    admin.query('UPDATE vault.provider_app SET certificate = $2, sealed_key = $3, generation = 7 WHERE id = $1', [
      ...[app, certificate, key],
    ]);

  async function open(change: { org?: string; agent?: string; user?: string; connection?: string } = {}) {
    const { org = ours.org, agent = ours.agent, user = 'ada', connection = null } = change;
    const { rows } = await executor.query('SELECT * FROM vault.open_for_call($1, $2, $3, $4, $5, $6, $7)', [
      ...[org, agent, user, 'sandbox', 'sandbox', 'default', connection],
    ]);
    return rows[0] as Record<string, unknown>;
  }

  it('give both, with what the key is bound to', async () => {
    const sealed_key = ours.sha256.toString('base64');
    expect(await open()).toMatchObject({
      client_certificate: { app: ours.app, generation: 7, certificate: 'PEM', sealed_key },
    });
  });

  it.each<[string, () => Parameters<typeof open>[0]]>([
    ['another organization', () => ({ org: theirs.org })],
    ['another organization’s agent', () => ({ agent: theirs.agent })],
    ['an agent of nobody', () => ({ agent: newId('agt') })],
    ['another user', () => ({ user: 'grace' })],
    ['who names another organization’s connection', () => ({ connection: theirs.connection })],
  ])('give neither to %s', async (_who, question) => {
    await admin.query(`DELETE FROM vault.connection WHERE kind = 'workspace'`);
    expect(await open(question())).toMatchObject({ connection_id: null, ...nothing });
  });

  it('give no key of a registration without a certificate: it signs assertions, and no call needs it', async () => {
    await register(ours.app, null, ours.sha256);
    expect(await open()).toMatchObject({ connection_id: ours.connection, client_id: 'client', ...nothing });
  });

  it.each(['pending', 'needs_reauthorization', 'revoked'])('give neither of a connection that is %s', async (status) => {
    await admin.query('UPDATE vault.connection SET status = $2 WHERE id = $1', [ours.connection, status]);
    expect(await open({ connection: ours.connection })).toMatchObject({ status, client_id: 'client', ...nothing });
  });
});

describe('what must be found before an organization is known', () => {
  it('find_memberships: by who it is at the identity provider, or by an e-mail address that nobody has taken up yet', async () => {
    const find = async (issuer: string, subject: string, email: string | null) =>
      (
        await auth.query<{ org_id: string; role: string }>('SELECT org_id, role FROM identity.find_memberships($1, $2, $3)', [
          issuer,
          subject,
          email,
        ])
      ).rows;
    const email = `${ours.org}@acme.example`;
    expect(await find('https://idp.example', 'u1', email.toUpperCase())).toEqual([{ org_id: ours.org, role: 'admin' }]);
    expect(await find('https://idp.example', 'u1', null)).toEqual([]);
    await admin.query('UPDATE identity.member SET issuer = $1, subject = $2 WHERE org_id = $3', [
      'https://idp.example',
      'u1',
      ours.org,
    ]);
    expect(await find('https://idp.example', 'u1', null)).toEqual([{ org_id: ours.org, role: 'admin' }]);
    expect(await find('https://idp.example', 'u2', email)).toEqual([]);
    expect(await find('https://evil.example', 'u1', email)).toEqual([]);
  });

  it('find_workload_bindings: every organization that trusts the issuer, each with its own audience and agent', async () => {
    const find = async (issuer: string) =>
      (await auth.query<{ org_id: string }>('SELECT * FROM identity.find_workload_bindings($1)', [issuer])).rows;
    const claims = { sub: 'system:serviceaccount:bots:bot' };
    expect((await find('https://issuer.example')).sort((a, b) => (a.org_id < b.org_id ? -1 : 1))).toEqual(
      [ours, theirs]
        .sort((a, b) => (a.org < b.org ? -1 : 1))
        .map(({ org, agent }) => ({ org_id: org, audience: org, jwks_uri: null, agent_id: agent, claims })),
    );
    expect(await find('https://issuer.example/')).toEqual([]);
  });

  it('find_connectors: those that the organization posted, as they were posted, and no other’s', async () => {
    await admin.query(
      `INSERT INTO governance.connector (org_id, name, manifest, tools) VALUES ($1, 'another', 'name: another', '[]')`,
      [ours.org],
    );
    for (const service of ['gateway', 'auth', 'executor', 'refresher'] as const) {
      const client = await database.connect(await database.urlOf(service));
      const { rows } = await client.query('SELECT * FROM governance.find_connectors($1)', [ours.org]);
      expect(rows).toEqual([
        { name: 'another', version: 1, manifest: 'name: another', tools: '[]' },
        { name: 'own', version: 1, manifest: 'name: own', tools: null },
      ]);
    }
  });

  it('find_callback_app: the registration that a redirect URI belongs to', async () => {
    const find = 'SELECT * FROM connect.find_callback_app($1)';
    expect((await auth.query(find, [theirs.app])).rows).toEqual([
      { org_id: theirs.org, provider_app_id: theirs.app, provider: 'sandbox' },
    ]);
    expect((await auth.query(find, [newId('app')])).rows).toEqual([]);
  });

  it('purge_sessions takes delivered codes that are long over along', async () => {
    await auth.query('SELECT connect.purge_sessions(now() + interval $$1 day$$)');
    expect((await admin.query('SELECT FROM connect.delivered_code')).rowCount).toBe(0);
    expect((await admin.query('SELECT FROM connect.device_authorization')).rowCount).toBe(0);
  });

  it('erase_user: a person’s calls under no name and without what came of them, in that organization alone; the call stays known', async () => {
    const result = JSON.stringify({ id: 'exe_x', output: 'of ada \u0000' });
    for (const { org } of [ours, theirs]) {
      await admin.query(
        `INSERT INTO execution.execution (id, org_id, agent_id, user_id, tool, request_hash, state, attempts, idempotency_key, result)
         VALUES ($1, $2, 'agt_x', 'usr_gone', 'sandbox_create_note', '', 'succeeded', 2, 'once', to_jsonb($3::text))`,
        [newId('exe'), org, result],
      );
    }
    const erase = 'SELECT execution.erase_user($1, $2, $3)::int AS erased';
    expect((await auth.query(erase, [ours.org, 'usr_gone', 'erased-1'])).rows).toEqual([{ erased: 1 }]);
    const { rows } = await admin.query<{ org_id: string; result: string }>(
      `SELECT org_id, user_id, idempotency_key, result FROM execution.execution WHERE idempotency_key = 'once'`,
    );
    const of = (org: string) => rows.find((row) => row.org_id === org);
    expect(of(theirs.org)).toMatchObject({ user_id: 'usr_gone', result });
    expect(of(ours.org)).toMatchObject({ user_id: 'erased-1', idempotency_key: 'once' });
    const left = JSON.parse(of(ours.org)?.result ?? '') as object;
    expect(left).toMatchObject({ tool: 'sandbox_create_note', state: 'succeeded', connection: null, attempts: 2, durationMs: 0 });
    expect(left).not.toHaveProperty('output');
  });
});
