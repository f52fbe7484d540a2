import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readLines, verifyExport } from '@keyward/audit/verification';
import { createSigningKeyFile } from '@keyward/checkpoint-signing';
import { DEPLOYMENT_ORG, newId } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { ADMIN_TOKEN, AuditHarness, event, type Replica } from './harness.js';

const DAY_MS = 86_400_000;
const AUTHORIZED = { authorization: `Bearer ${ADMIN_TOKEN}` };
const ago = (days: number): Date => new Date(Date.now() - days * DAY_MS);
const name = (days: number): string => ago(days).toISOString().slice(0, 10).replaceAll('-', '');
const [ORG, HELD, LATE] = [newId('org'), newId('org'), newId('org')];

describe('retention', () => {
  let audit: AuditHarness;
  let replica: Replica;
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'keyward-'));
    await createSigningKeyFile(join(dir, 'signing.pem'));
    audit = await AuditHarness.start(undefined, {
      KEYWARD_AUDIT_SIGNING: 'local',
      KEYWARD_AUDIT_SIGNING_KEY_FILE: join(dir, 'signing.pem'),
      KEYWARD_AUDIT_CHECKPOINT_SECONDS: '1',
    });
    replica = await audit.startReplica();
    for (const at of [ago(41), ago(40), ago(40), ago(20), ago(1)]) await add(event({ org: ORG }, at));
    // What came late was chained behind what is to be kept.
    for (const at of [ago(1), ago(45)]) await add(event({ org: LATE }, at));
    await add(event({ org: HELD }, ago(40)));
  });
  afterAll(async () => {
    await audit.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function add(one: ReturnType<typeof event>): Promise<void> {
    await audit.publish(one);
    await audit.settled();
  }

  const send = async (method: string, path: string, body?: object, headers: Record<string, string> = AUTHORIZED) => {
    const response = await fetch(`${replica.url}${path}`, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  async function partitions(): Promise<string[]> {
    const { rows } = await audit.database.query<{ day: string }>(
      `SELECT substr(relname, 7) AS day FROM pg_class WHERE relname ~ '^event_[0-9]{8}$' ORDER BY 1`,
    );
    return rows.map(({ day }) => day);
  }

  /** Until a replica with this retention has had its first round. */
  async function round(kept: number[]): Promise<void> {
    const other = await audit.startReplica(undefined, { KEYWARD_AUDIT_RETENTION_DAYS: '30' });
    await waitFor(async () => expect(await audit.metric(other, 'audit_retention_kept_days')).toEqual(kept) === undefined, {
      what: 'a round of retention',
    });
    await other.service.stop();
  }

  it('is the operator’s: holds are placed by nobody else, and are in the trail', async () => {
    const hold = { organization: HELD, from: ago(42).toISOString(), to: ago(39).toISOString(), reason: 'Case 12' };
    expect((await send('POST', '/v1/holds', hold, { authorization: 'Bearer kwp_x' })).status).toBe(403);
    expect((await send('POST', '/v1/holds', { ...hold, to: hold.from })).status).toBe(400);
    const placed = await send('POST', '/v1/holds', hold);
    expect(placed).toMatchObject({ status: 201, body: { ...hold, placedBy: 'admin', releasedAt: null } });
    await audit.settled();
    expect((await audit.chain(HELD)).at(-1)?.event).toMatchObject({ type: 'audit.hold_placed', target: placed.body['id'] });
  });

  it('drops nothing that a hold keeps, nor what came late', async () => {
    const before = await partitions();
    await round([2, 1, 0]);
    expect(await partitions()).toEqual(before);
  });

  it('drops days once they are held no more, and what is left is verified from there on', async () => {
    const { holds } = (await send('GET', '/v1/holds')).body as { holds: { id: string }[] };
    expect((await send('DELETE', `/v1/holds/${holds[0]?.id}`)).body).toMatchObject({ releasedBy: 'admin' });
    await round([0, 1, 0]);
    const left = await partitions();
    expect([name(45), name(41), name(40), name(20)].map((day) => left.includes(day))).toEqual([true, false, false, true]);

    const verified = await audit.ask(replica, `/v1/events/verify?organization=${ORG}`);
    expect(verified.body).toMatchObject({ ok: true, complete: true });
    const text = await (await fetch(`${replica.url}/v1/events/export?organization=${ORG}`, { headers: AUTHORIZED })).text();
    const { body: keys } = await audit.ask<{ keys: [] }>(replica, '/v1/checkpoints/keys');
    const lines = readLines(
      (async function* () {
        yield Buffer.from(text);
      })(),
    );
    expect(await verifyExport(lines, keys)).toMatchObject({ ok: true, proof: 'proven', from: { seq: 3 } });
    expect((await audit.ask(replica, `/v1/events/export?organization=${ORG}&afterSeq=2`)).status).toBe(400);
  });

  it('is in the trail of each organization and of the deployment', async () => {
    await audit.settled();
    // Sorted: what different rounds tell travels in different batches, of which either may be chained first.
    const applied = async (org: string) =>
      (await audit.chain(org))
        .filter(({ event: one }) => one.type === 'audit.retention_applied')
        .map(({ event: one }) => one.reason)
        .sort();
    expect(await applied(ORG)).toEqual([
      '1 events were dropped; the chain begins behind 1',
      '2 events were dropped; the chain begins behind 3',
    ]);
    expect(await applied(DEPLOYMENT_ORG)).toEqual([
      '1 events of 1 organizations were dropped',
      '3 events of 2 organizations were dropped',
    ]);
  });

  it('keeps an older day, too, whose late event was chained behind what a hold keeps', async () => {
    const org = newId('org');
    for (const at of [ago(35), ago(50)]) await add(event({ org }, at));
    const hold = { organization: org, from: ago(36).toISOString(), to: ago(34).toISOString(), reason: 'Case 13' };
    const { id } = (await send('POST', '/v1/holds', hold)).body;
    await round([2, 1, 0]);
    expect((await audit.chain(org)).slice(0, 2).map(({ seq }) => seq)).toEqual([1, 2]);
    const statements = [[org], [2], ['never looked at']];
    const drop = audit.database.query(`SELECT audit.drop_day($1::date, $2, $3, $4)`, [
      ago(50).toISOString().slice(0, 10),
      ...statements,
    ]);
    await expect(drop).rejects.toMatchObject({ code: 'KW002' });
    await send('DELETE', `/v1/holds/${String(id)}`);
  });

  it('drops nothing early where the clock of the service is ahead of the database’s', async () => {
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 1000 * DAY_MS);
    await round([0, 1, 0]).finally(() => clock.mockRestore());
    expect(await partitions()).toContain(name(20));
  });

  it('is refused by the database for the last days, and for a day that was changed meanwhile', async () => {
    const drop = (days: number) =>
      audit.database.query(`SELECT audit.drop_day($1::date, '{}', '{}', '{}')`, [ago(days).toISOString().slice(0, 10)]);
    await expect(drop(1)).rejects.toMatchObject({ code: 'KW001' });
    await expect(drop(20)).rejects.toMatchObject({ code: 'KW003' });
  });
});
