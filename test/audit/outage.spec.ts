import { afterEach, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { dedicatedPostgres, waitFor } from '@keyward/testing';
import { AuditHarness, event, events } from './harness.js';

describe('audit-service under faults', () => {
  let audit: AuditHarness;
  afterEach(() => audit.stop());

  const ready = async ({ service }: { service: { opsUrl: string } }): Promise<boolean> =>
    (await fetch(`${service.opsUrl}/readyz`)).ok;

  it('loses nothing while PostgreSQL is dead, says so, and goes on by itself', async () => {
    const postgres = await dedicatedPostgres();
    audit = await AuditHarness.start(postgres);
    const org = newId('org');
    const replica = await audit.startReplica();
    await audit.publish(...events(100, { org }));
    await audit.settled();
    await postgres.kill();
    await audit.publish(...events(800, { org }));
    await waitFor(async () => !(await ready(replica)));
    expect(await audit.ask(replica, '/v1/events')).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
    expect(await audit.waiting()).toBe(800);
    await waitFor(async () => ((await audit.metric(replica, 'audit_ingest_lag_seconds'))[0] ?? 0) > 0);
    await postgres.restart();
    await audit.settled();
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 900 });
    await waitFor(() => ready(replica));
    // Not at once: who asks is recorded too.
    await waitFor(async () => (await audit.metric(replica, 'audit_ingest_lag_seconds'))[0] === 0);
    expect(await audit.deadLetters()).toEqual([]);
  }, 60_000);

  it('loses nothing while the disk is full', async () => {
    audit = await AuditHarness.start();
    const org = newId('org');
    await audit.startReplica();
    await audit.publish(event({ org }));
    await audit.settled();
    await audit.database.query(`
      CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER no_space BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION public.no_space()`);
    await audit.publish(...events(50, { org }));
    await waitFor(async () => {
      const { rows } = await audit.database.query<{ rollbacks: string }>(
        `SELECT xact_rollback AS rollbacks FROM pg_stat_database WHERE datname = current_database()`,
      );
      return Number(rows[0]?.rollbacks) > 0;
    });
    expect(await audit.waiting()).toBe(50);
    await audit.database.query('DROP TRIGGER no_space ON audit.event');
    await audit.settled();
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 51 });
    expect(await audit.deadLetters()).toEqual([]);
  });

  it('loses nothing when nats-server is killed and restarted under load', async () => {
    audit = await AuditHarness.start();
    const org = newId('org');
    await audit.startReplica();
    const load = (async () => {
      for (let round = 0; round < 20; round++) await audit.publish(...events(100, { org }));
    })();
    await waitFor(async () => (await audit.chain(org)).length > 300);
    await audit.nats.kill();
    await audit.nats.restart();
    await load;
    await audit.settled();
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 2000 });
  }, 60_000);

  it('starts before its database does, alive and not ready, and then takes what has gathered', async () => {
    const postgres = await dedicatedPostgres();
    audit = await AuditHarness.start(postgres);
    const org = newId('org');
    await audit.publish(...events(10, { org }));
    await postgres.kill();
    const service = await audit.beginReplica();
    expect((await fetch(`${service.opsUrl}/healthz`)).status).toBe(200);
    expect(await ready({ service })).toBe(false);
    await postgres.restart();
    await waitFor(() => ready({ service }));
    await audit.settled();
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 10 });
  }, 60_000);
});
