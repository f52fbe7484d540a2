import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, SERVICES, type MigratedDatabase } from '../../test/database.js';
import type { ServiceRole } from '../login.js';

/** S select, I insert, U update, D delete; lower case: on some columns only. Whatever is not here is refused. */
const RIGHTS: Record<string, Partial<Record<ServiceRole, string>>> = {
  'identity.organization': { auth: 'SIU' },
  'identity.agent': { auth: 'SIU' },
  'identity.agent_key': { auth: 'SIU' },
  'identity.member': { auth: 'SIUD' },
  'identity.person_session': { auth: 'SIUD' },
  'identity.trusted_issuer': { auth: 'SIUD' },
  'identity.workload_binding': { auth: 'SIUD' },
  'governance.assignment': { gateway: 'S', auth: 'SIUD' },
  'governance.agent_manifest': { auth: 'SIUD' },
  'governance.token_release': { auth: 'SIUD' },
  'governance.connector': { auth: 'SIUD' },
  'governance.connector_overlay': { auth: 'SIUD' },
  'governance.budget': { auth: 'SIUD' },
  'execution.budget_use': { auth: 'S' },
  'vault.data_key': { auth: 'SIUD', refresher: 'SIU' },
  'vault.provider_app': { auth: 'SIUD' },
  'vault.connection': { gateway: 'S', auth: 'SIUD' },
  'vault.connection_grantee': { gateway: 'S', auth: 'SIUD' },
  'vault.connection_authorization': { auth: 'SIuD' },
  'vault.credential': { gateway: 's', auth: 'SIUD' },
  'vault.refresh_pace': {},
  'vault.provider_revocation': { auth: 'SIU' },
  'connect.connect_session': { auth: 'SIU' },
  'connect.authorization_transaction': { auth: 'SIU' },
  'connect.device_authorization': { auth: 'SIUD' },
  'connect.delivered_code': { auth: 'SIUD' },
  'notification.webhook_endpoint': { auth: 'SIUD' },
  'notification.webhook_delivery': { auth: 'SuD' },
  'execution.execution': { executor: 'SIU' },
  'execution.waiting': { executor: 'SuD' },
  'execution.cancellation': { executor: 'SI' },
  'execution.artifact': {},
  'execution.quota': {},
  'bus.outbox': { auth: 'SIuD', refresher: 'SIuD' },
  'audit.event': { audit: 'SI' },
  'audit.chain_head': { audit: 'SIU' },
  'audit.checkpoint': { audit: 'SIu' },
  'audit.hold': { audit: 'SIu' },
  'audit.retention_cut': { audit: 'Su' },
  'audit.forward_destination': { audit: 'SIU' },
  'audit.forward_position': { audit: 'SIU' },
  'audit.usage_rollup': { audit: 'SIU' },
  // A partition is reached through its parent, which is where the policies are.
  'audit.event_20260102': {},
};

const FUNCTION_RIGHTS: Record<string, ServiceRole[]> = {
  'identity.find_agent_key': ['gateway', 'auth'],
  'vault.open_for_call': ['executor'],
  'vault.record_uses': ['auth', 'executor'],
  'vault.find_data_key': ['auth', 'refresher', 'executor'],
  'vault.claim_due': ['refresher'],
  'vault.claim_refresh': ['refresher'],
  'vault.load_refreshable': ['refresher'],
  'vault.begin_refresh': ['refresher'],
  'vault.commit_refresh': ['refresher'],
  'vault.release_refresh': ['refresher'],
  'vault.give_up_refresh': ['refresher'],
  'vault.reject_app': ['refresher'],
  'vault.accept_app': ['refresher'],
  'vault.take_refresh_turns': ['refresher'],
  'vault.count_rejected_apps': ['refresher'],
  'vault.claim_provider_revocations': ['auth'],
  'vault.count_connections': ['auth'],
  'vault.oldest_reauthorization_ms': ['auth'],
  'vault.count_expiring': ['refresher'],
  'connect.find_callback_app': ['auth'],
  'governance.find_connectors': ['gateway', 'auth', 'refresher', 'executor'],
  'governance.find_budgets': ['executor'],
  'execution.lease_budget': ['executor'],
  'execution.give_back_budget': ['executor'],
  'execution.tell_budget': [],
  'governance.find_overlays': ['gateway', 'auth', 'executor'],
  'identity.find_memberships': ['auth'],
  'execution.erase_user': ['auth'],
  'execution.lease_quota': ['executor'],
  'execution.give_back_quota': ['executor'],
  'execution.learn_quota': ['executor'],
  'execution.park': ['executor'],
  'execution.wake_waiting': ['executor'],
  'execution.sweep_waiting': ['executor'],
  'execution.recent_cancellations': ['executor'],
  'execution.purge': ['executor'],
  'execution.end_waiting': ['auth'],
  'execution.add_artifact': ['executor'],
  'execution.find_artifact': ['gateway'],
  'execution.expired_artifacts': ['executor'],
  'execution.forget_artifacts': ['executor'],
  'execution.expire_artifacts': ['auth'],
  'identity.find_workload_bindings': ['auth'],
  'connect.find_session_org': ['auth'],
  'connect.find_transaction_org': ['auth'],
  'connect.purge_sessions': ['auth'],
  'notification.add_deliveries': ['auth'],
  'notification.claim_deliveries': ['auth'],
  'notification.purge_deliveries': ['auth'],
  'notification.oldest_pending_seconds': ['auth'],
  'audit.ensure_partition': ['audit'],
  'audit.refuse_change': [],
  'audit.refuse_checkpoint_change': [],
  'audit.refuse_hold_change': [],
  'audit.refuse_cut_change': [],
  'audit.note_unsigned': [],
  'audit.partition_days': ['audit'],
  'audit.is_held': ['audit'],
  'audit.is_behind_held': ['audit'],
  'audit.last_of_day': ['audit'],
  'audit.drop_day': ['audit'],
  'bus.notify_outbox': [],
};

const SCHEMAS = "('identity', 'governance', 'vault', 'connect', 'notification', 'execution', 'bus', 'audit')";

describe('rights of the service roles', () => {
  let database: MigratedDatabase;
  let admin: pg.Client;

  beforeAll(async () => {
    database = await migratedDatabase(await testPostgres());
    admin = await database.connect(database.url);
    await admin.query(`SELECT audit.ensure_partition('2026-01-02')`);
  });
  afterAll(() => database.stop());

  async function rightsOn(table: string, role: ServiceRole): Promise<string> {
    const { rows } = await admin.query<{ right: string }>(
      `SELECT CASE WHEN has_table_privilege($1, $2, p) THEN upper(left(p, 1))
                   WHEN p IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege($1, $2, p) THEN lower(left(p, 1))
                   ELSE '' END AS right
       FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p`,
      [`keyward_${role}`, table],
    );
    return rows.map((row) => row.right).join('');
  }

  it('are listed here for every table there is', async () => {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT format('%s.%s', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname IN ${SCHEMAS}`,
    );
    expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(RIGHTS).sort());
  });

  it.each(Object.keys(RIGHTS))('on %s are the least each service needs', async (table) => {
    const actual: Partial<Record<ServiceRole, string>> = {};
    for (const role of SERVICES) {
      const rights = await rightsOn(table, role);
      if (rights !== '') actual[role] = rights;
    }
    expect(actual).toEqual(RIGHTS[table]);
  });

  it('on functions are given one by one, to nobody by default', async () => {
    const { rows } = await admin.query<{ name: string; services: ServiceRole[] }>(
      `SELECT format('%s.%s', n.nspname, p.proname) AS name,
              ARRAY(SELECT s FROM unnest($1::text[]) s WHERE has_function_privilege('keyward_' || s, p.oid, 'EXECUTE')) AS services
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ${SCHEMAS}`,
      [SERVICES],
    );
    const actual = Object.fromEntries(rows.map((row) => [row.name, row.services.toSorted()]));
    expect(actual).toEqual(
      Object.fromEntries(Object.entries(FUNCTION_RIGHTS).map(([name, services]) => [name, services.toSorted()])),
    );
  });

  it.each([
    ['vault.connection', ['parameters', 'reauthorization_asked_at', 'scopes', 'status', 'status_reason', 'updated_at']],
    ['vault.provider_app', ['rejected_at', 'rejected_reason', 'rejected_retry_at', 'rejections']],
  ])('let functions change no more of %s than a refresh tells of it', async (table, columns) => {
    const { rows } = await admin.query<{ column: string }>(
      `SELECT attname AS column FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0
       AND has_column_privilege('keyward_definer', attrelid, attnum, 'UPDATE') ORDER BY 1`,
      [table],
    );
    expect(rows.map((row) => row.column)).toEqual(columns);
  });

  it('let the gateway see of a credential when it ends, and no other column', async () => {
    const { rows } = await admin.query<{ column: string }>(
      `SELECT attname AS column FROM pg_attribute WHERE attrelid = 'vault.credential'::regclass AND attnum > 0
       AND has_column_privilege('keyward_gateway', attrelid, attnum, 'SELECT') ORDER BY 1`,
    );
    expect(rows.map((row) => row.column)).toEqual(['access_expires_at', 'connection_id', 'org_id']);
  });

  it('make no service able to become another, to bypass policies or to create objects', async () => {
    const { rows } = await admin.query(
      `SELECT rolname FROM pg_roles r WHERE rolname LIKE 'keyward_%' AND (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb
         OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
         OR EXISTS (SELECT FROM pg_namespace n WHERE n.nspname IN ${SCHEMAS} AND has_schema_privilege(r.oid, n.oid, 'CREATE')))`,
    );
    expect(rows).toEqual([]);
  });

  it.each<[ServiceRole, string, string]>([
    ['executor', 'cannot read credentials', 'SELECT sealed_access FROM vault.credential'],
    ['executor', 'cannot write credentials', 'UPDATE vault.credential SET generation = 2'],
    ['executor', 'cannot insert credentials', `INSERT INTO vault.credential (connection_id) VALUES ('x')`],
    ['executor', 'cannot read connections', 'SELECT id FROM vault.connection'],
    ['executor', 'cannot claim refreshes', `SELECT * FROM vault.claim_due('x', 1, 1, '{}', '{}')`],
    ['gateway', 'cannot read access tokens', 'SELECT sealed_access FROM vault.credential'],
    ['gateway', 'cannot read refresh tokens', 'SELECT sealed_refresh FROM vault.credential'],
    ['gateway', 'cannot read whole credentials', 'SELECT * FROM vault.credential'],
    ['gateway', 'cannot return what it may not read', 'SELECT k FROM vault.credential k'],
    ['gateway', 'cannot open a call', `SELECT * FROM vault.open_for_call('o', 'a', 'u', 'c', 'p', 'd', NULL)`],
    ['gateway', 'cannot read data keys', 'SELECT wrapped FROM vault.data_key'],
    ['gateway', 'cannot list agent keys', 'SELECT id FROM identity.agent_key'],
    ['refresher', 'cannot read credentials but through its functions', 'SELECT generation FROM vault.credential'],
    ['refresher', 'cannot change credentials but through its functions', 'UPDATE vault.credential SET generation = 2'],
    ['refresher', 'cannot read registrations', 'SELECT sealed_secret FROM vault.provider_app'],
    ['auth', 'cannot claim refreshes', `SELECT * FROM vault.claim_due('x', 1, 1, '{}', '{}')`],
    ['refresher', 'cannot insert connections', `INSERT INTO vault.connection (id) VALUES ('x')`],
    ['refresher', 'cannot insert credentials', `INSERT INTO vault.credential (connection_id) VALUES ('x')`],
    ['refresher', 'cannot give a connection to another agent', `UPDATE vault.connection SET agent_id = 'x'`],
    ['audit', 'cannot update events', `UPDATE audit.event SET type = 'x'`],
    ['audit', 'cannot delete events', 'DELETE FROM audit.event'],
    ['audit', 'cannot truncate events', 'TRUNCATE audit.event'],
    ['audit', 'cannot drop a partition', 'DROP TABLE audit.event_20260102'],
    ['audit', 'cannot write past the policies into a partition', `INSERT INTO audit.event_20260102 (org_id) VALUES ('x')`],
    ['audit', 'cannot rewind a chain', 'DELETE FROM audit.chain_head'],
    ['audit', 'cannot delete checkpoints', 'DELETE FROM audit.checkpoint'],
    ['audit', 'cannot change checkpoints', `UPDATE audit.checkpoint SET jws = 'x'`],
    ['audit', 'cannot shorten a hold', 'UPDATE audit.hold SET to_at = now()'],
    ['audit', 'cannot cut a chain but by dropping a day', `INSERT INTO audit.retention_cut (org_id) VALUES ('x')`],
    ['auth', 'cannot read the trail', 'SELECT id FROM audit.event'],
  ])('%s %s', async (service, _what, statement) => {
    const client = await database.connect(await database.urlOf(service));
    // 42501 insufficient_privilege
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
  });
});
