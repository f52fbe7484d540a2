import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, type Connection } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import type { Acme } from './acme.js';
import { AcmeHarness } from './acme-harness.js';
import type { AuthHarness } from './harness.js';

let here: AcmeHarness;
let acme: Acme;
let auth: AuthHarness;
let org: string;
let agent: string;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ acme, auth } = here);
});
afterAll(() => here.stop());
beforeEach(async () => {
  ({ org, agent } = await auth.team());
});

const connected = async (change: object = {}) => (await here.connected({ org, agent }, change)).id;
const read = (id: string) => here.read(org, id);
const settled = (id: string, state: string) => here.settled(org, id, state);
const tried = (id: string, attempts: number) => here.tried(org, id, attempts);

describe('erasing a user', () => {
  const erase = (user: string) =>
    auth.ask<{ connections: number; sessions: number }>(`/v1/users/${user}?organization=${org}`, { method: 'DELETE' });
  const rowsThatName = async (text: string) => {
    const found: string[] = [];
    for (const table of [
      'vault.connection',
      'vault.connection_authorization',
      'connect.connect_session',
      'connect.authorization_transaction',
      'vault.provider_revocation',
      'execution.execution',
      'notification.webhook_endpoint',
      'notification.webhook_delivery',
    ]) {
      const { rows } = await auth.database.query<{ hits: number }>(
        `SELECT count(*)::int AS hits FROM ${table} t WHERE t.org_id = $1 AND strpos(t::text, $2) > 0`,
        [org, text],
      );
      if (rows[0]?.hits !== 0) found.push(table);
    }
    return found;
  };

  it('revokes everything of theirs, also at the provider, ends their links, and leaves no row that names them', async () => {
    const user = 'ada@person.example';
    await auth.ask('/v1/provider-apps', {
      body: { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const link = await auth.ask<{ id: string; url: string }>('/v1/connect-sessions', {
      body: { organization: org, agent, user, provider: 'acme_service' },
    });
    expect(link.status).toBe(201);
    const basic = { user, provider: 'acme_basic', secret: 'ada:pw', parameters: { site: 'ada-site' } };
    const [key, other, site] = [await connected({ user }), await connected({ user: 'usr_bob' }), await connected(basic)];
    // As where the person has authorized it at a browser.
    await auth.database.query(
      `UPDATE vault.connection_authorization SET authorized_by_kind = 'user', authorized_by_id = $2 WHERE connection_id = $1`,
      [key, user],
    );
    await auth.database.query(
      `INSERT INTO execution.execution (id, org_id, agent_id, user_id, tool, request_hash, state, result)
       VALUES ('exe_of_ada', $1, $2, $3, 'acme_do', '', 'succeeded', to_jsonb('{"output":"of ada@person.example"}'::text))`,
      [org, agent, user],
    );
    expect(await rowsThatName(user)).toEqual([
      'vault.connection',
      'vault.connection_authorization',
      'connect.connect_session',
      'execution.execution',
    ]);
    const end = acme.down('/keys/current', 503);

    const { status, body } = await erase(encodeURIComponent(user));
    expect({ status, body }).toEqual({ status: 200, body: { user, connections: 2, sessions: 1, erasedAt: expect.any(String) } });
    expect(await rowsThatName(user)).toEqual([]);
    const left = await read(key);
    expect(left).toMatchObject({ status: 'revoked', statusReason: 'erased', account: { id: null, name: null } });
    expect(left.user).toMatch(/^erased-[0-9a-f]{32}$/);
    expect((await read(other)).status).toBe('active');
    expect(await auth.sessionRow(link.body.id)).toMatchObject({ state: 'cancelled', failure: 'erased' });

    await tried(key, 1);
    end();
    await settled(key, 'confirmed');
    await settled(site, 'not_supported');
    expect(await rowsThatName('ada-site')).toEqual([]);
    // Append-only, and says so: docs/erasure.md.
    const erased = await auth.auditEvent(org, 'user.erased');
    expect(erased).toMatchObject({ user, reason: '2 connections, 1 links', actor: { kind: 'admin' } });
    expect((await erase(encodeURIComponent(user))).body).toMatchObject({ connections: 0, sessions: 0 });
  });

  it('leaves alone what the person connects anew meanwhile: nothing that lives is under a name by which nobody finds it', async () => {
    const before = await connected();
    await auth.database.query(
      `INSERT INTO execution.execution (id, org_id, agent_id, user_id, tool, request_hash, state) VALUES ($1, $2, $3, 'usr_ada', 'acme_do', '', 'running')`,
      [newId('exe'), org, agent],
    );
    // The erasure gets as far as its last transaction, and waits there.
    const holder = await auth.database.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM execution.execution WHERE org_id = $1 FOR UPDATE', [org]);
    const erased = erase('usr_ada');
    await waitFor(async () => {
      const { rows } = await auth.database.query(
        `SELECT FROM pg_stat_activity WHERE query LIKE '%erase_user%' AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
    const since = await connected();
    const provider = 'acme_service';
    await auth.ask('/v1/provider-apps', { body: { organization: org, provider, clientId: 'c', clientSecret: 'shh' } });
    const link = await auth.ask<{ id: string }>('/v1/connect-sessions', {
      body: { organization: org, agent, user: 'usr_ada', provider },
    });
    await holder.query('COMMIT');
    holder.release();
    expect((await erased).body).toMatchObject({ connections: 1, sessions: 0 });
    expect(await read(before)).toMatchObject({ status: 'revoked', user: expect.stringMatching(/^erased-/) });
    expect(await read(since)).toMatchObject({ status: 'active', user: 'usr_ada' });
    const { rows } = await auth.database.query('SELECT user_id, state FROM connect.connect_session WHERE id = $1', [
      link.body.id,
    ]);
    expect(rows).toEqual([{ user_id: 'usr_ada', state: 'created' }]);
  });

  it('takes nothing from a user of the same name in another organization', async () => {
    const elsewhere = await auth.team();
    const theirs = await connected({ organization: elsewhere.org, agent: elsewhere.agent });
    await connected();
    expect((await erase('usr_ada')).body).toMatchObject({ connections: 1 });
    const { body } = await auth.ask<Connection>(`/v1/connections/${theirs}?organization=${elsewhere.org}`);
    expect(body).toMatchObject({ status: 'active', user: 'usr_ada' });
  });

  it.each([['%2e%2e%2fx'], ['a%20b'], ['%00'], ['x'.repeat(129)]])('called %s is refused', async (user) => {
    expect((await erase(user)).status).toBe(400);
  });

  it('of an organization that is not there is answered like that', async () => {
    for (const absent of [newId('org'), org.toUpperCase(), 'org_x']) {
      const answer = await auth.ask(`/v1/users/usr_ada?organization=${absent}`, { method: 'DELETE' });
      expect(answer.body).toMatchObject({ status: 404, code: 'not_found' });
    }
  });
});
