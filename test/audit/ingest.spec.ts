import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, streams, subjects } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { AuditHarness, event, events } from './harness.js';

describe('audit-service', () => {
  let audit: AuditHarness;
  beforeAll(async () => {
    audit = await AuditHarness.start();
  });
  afterEach(async () => {
    await audit.stopReplicas();
    await audit.jsm.streams.purge(streams.deadLetters);
  });
  afterAll(() => audit.stop());

  it('stores events as they are, each organization in a chain of its own', async () => {
    const [orgA, orgB] = [newId('org'), newId('org')];
    const first = event({
      org: orgA,
      agent: newId('agt'),
      user: 'ada@example.org',
      tool: 'sandbox_echo',
      state: 'failed',
      errorCode: 'provider_error',
      providerStatus: 503,
      durationMs: 0.1 + 0.2,
      scopes: ['notes:read'],
      reason: 'ä "quoted" \u202e and \\ more',
    });
    await audit.publish(first, event({ org: orgB }), event({ org: orgA }));
    await audit.startReplica();
    await audit.settled();
    const chain = await audit.chain(orgA);
    expect(chain).toHaveLength(2);
    expect(chain.map((record) => record.event)).toContainEqual(first);
    expect(await audit.verdict(orgA)).toMatchObject({ ok: true, count: 2 });
    expect(await audit.verdict(orgB)).toMatchObject({ ok: true, count: 1 });
    const { rows } = await audit.database.query('SELECT agent_id, user_id, tool, state, at FROM audit.event WHERE id = $1', [
      first.id,
    ]);
    expect(rows).toEqual([
      { agent_id: first.agent, user_id: first.user, tool: first.tool, state: 'failed', at: new Date(first.at) },
    ]);
  });

  it('counts a repeated event once, and leaves no gap behind it', async () => {
    const org = newId('org');
    const [first, second, third] = events(3, { org });
    if (first === undefined || second === undefined || third === undefined) throw new Error();
    const replica = await audit.startReplica();
    await audit.publish(first);
    await audit.settled();
    // Past the duplicate window the stream takes the same id again; other message ids stand for that.
    const again = (entry: object) => audit.publishRaw(subjects.audit(org), JSON.stringify(entry));
    await Promise.all([
      again(first),
      again(second),
      again(second),
      again(Object.fromEntries(Object.entries(first).reverse())),
      again(third),
    ]);
    await audit.settled();
    expect(new Set((await audit.chain(org)).map((record) => record.event.id))).toEqual(new Set([first.id, second.id, third.id]));
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 3 });
    expect(await audit.metric(replica, 'audit_events_total')).toEqual([3]);
    expect(await audit.deadLetters()).toEqual([]);
  });

  it('two replicas at once keep every chain gapless', async () => {
    const orgs = Array.from({ length: 5 }, () => newId('org'));
    const replicas = [await audit.startReplica(), await audit.startReplica()];
    for (let round = 0; round < 6; round++) await audit.publish(...orgs.flatMap((org) => events(100, { org })));
    await audit.settled();
    for (const org of orgs) expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 600 });
    const shares = await Promise.all(
      replicas.map(async (replica) => (await audit.metric(replica, 'audit_events_total'))[0] ?? 0),
    );
    expect(shares.reduce((sum, share) => sum + share)).toBe(3000);
    expect(Math.min(...shares)).toBeGreaterThan(0);
  });

  it('a SIGKILL in mid-batch loses nothing, repeats nothing and leaves no gap', async () => {
    const org = newId('org');
    const entries = events(700, { org });
    await audit.publish(entries[0] as (typeof entries)[0]);
    await audit.startReplica();
    await audit.settled();
    await audit.stopReplicas();

    const lock = await audit.database.connect();
    await lock.query('BEGIN');
    await lock.query('SELECT * FROM audit.chain_head WHERE org_id = $1 FOR UPDATE', [org]);
    await audit.publish(...entries.slice(1));
    const victim = audit.startProcess();
    // Its transaction waits for the chain that we hold: the batch is begun and not committed.
    await waitFor(async () => (await lock.query(`SELECT 1 FROM pg_locks WHERE NOT granted`)).rowCount === 1, {
      timeoutMs: 20_000,
    });
    await audit.endProcess(victim, 'SIGKILL');
    await lock.query('ROLLBACK');
    lock.release();
    expect(await audit.chain(org)).toHaveLength(1);

    const heir = audit.startProcess();
    // Redelivered once the server gives the dead one's messages to someone else.
    await waitFor(async () => (await audit.waiting()) === 0, { timeoutMs: 60_000 });
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 700 });
    expect(await audit.endProcess(heir, 'SIGTERM')).toBe(0);
  }, 90_000);

  it('SIGTERM lets the batch in hand end and hands back the rest', async () => {
    const org = newId('org');
    await audit.publish(...events(1500, { org }));
    const process = audit.startProcess();
    await waitFor(async () => (await audit.chain(org)).length > 0, { timeoutMs: 20_000 });
    expect(await audit.endProcess(process, 'SIGTERM')).toBe(0);
    await audit.startReplica();
    await audit.settled();
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 1500 });
  });

  it.each<[string, (org: string) => [string, string | Uint8Array]]>([
    ['what is no JSON', (org) => [org, '{"id":']],
    ['what is no UTF-8', (org) => [org, new Uint8Array([0x22, 0xff, 0x22])]],
    ['what is no event', (org) => [org, '{"hello":"world"}']],
    ['an event of another organization', (org) => [org, JSON.stringify(event())]],
    ['an event with a control character', (org) => [org, JSON.stringify({ ...event({ org }), reason: 'a\nINFO forged' })]],
    [
      'an event with NUL, which the database can not hold',
      (org) => [org, JSON.stringify({ ...event({ org }), reason: 'a\u0000' })],
    ],
    ['an event with a lone surrogate', (org) => [org, JSON.stringify({ ...event({ org }), user: '\ud800' })]],
    ['an event of another century', (org) => [org, JSON.stringify(event({ org }, new Date('1970-01-01T00:00:00.000Z')))]],
    ['an event from the future', (org) => [org, JSON.stringify(event({ org }, new Date(Date.now() + 3 * 86_400_000)))]],
    ['a prototype key', (org) => [org, JSON.stringify(event({ org })).replace('{', '{"__proto__":{},')]],
    ['depth', (org) => [org, '['.repeat(50_000)]],
    ['size', (org) => [org, `"${'x'.repeat(300_000)}"`]],
  ])('puts aside %s, and stores what came with it', async (_what, poison) => {
    const org = newId('org');
    const [subjectOrg, bytes] = poison(org);
    const good = events(3, { org });
    await audit.publishRaw(subjects.audit(subjectOrg), bytes);
    await audit.publish(...good);
    await audit.startReplica();
    await audit.settled();
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 3 });
    const letters = await audit.deadLetters();
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ stream: streams.audit, subject: subjects.audit(org), deliveries: 1 });
    expect(Buffer.from(letters[0]?.data ?? '', 'base64')).toEqual(Buffer.from(bytes as string));
    expect(letters[0]?.reason).not.toContain('forged');
  });

  it('puts aside another event under an id that is taken', async () => {
    const org = newId('org');
    const first = event({ org });
    const forged = { ...first, actor: { kind: 'admin', id: 'somebody else' } };
    await audit.publish(first);
    const replica = await audit.startReplica();
    await audit.settled();
    await audit.publishRaw(subjects.audit(org), JSON.stringify(forged));
    await audit.settled();
    expect((await audit.chain(org)).map((record) => record.event)).toEqual([first]);
    expect(await audit.deadLetters()).toMatchObject([{ code: 'idempotency_conflict' }]);
    expect(await audit.metric(replica, 'dlq_messages')).toEqual([0, 0, 1]);
  });

  it('one event that the database refuses does not hold up the others', async () => {
    const org = newId('org');
    const [cursed, ...good] = events(20, { org });
    await audit.database.query(`ALTER TABLE audit.event ADD CONSTRAINT cursed CHECK (id <> '${cursed?.id}')`);
    await audit.publish(...(cursed === undefined ? [] : [cursed]), ...good);
    await audit.startReplica();
    await audit.settled();
    await audit.database.query('ALTER TABLE audit.event DROP CONSTRAINT cursed');
    expect(await audit.verdict(org)).toMatchObject({ ok: true, count: 19 });
    expect(await audit.deadLetters()).toMatchObject([
      { code: 'internal', data: Buffer.from(JSON.stringify(cursed)).toString('base64') },
    ]);
  });

  it('makes partitions ahead, and one for a day that an event asks for, again if it has been dropped', async () => {
    await audit.startReplica();
    const partitions = async () =>
      (
        await audit.database.query<{ name: string }>(
          `SELECT relname AS name FROM pg_class WHERE relispartition AND relkind = 'r'`,
        )
      ).rows.map(({ name }) => name);
    const nameOf = (at: Date) => `event_${at.toISOString().slice(0, 10).replaceAll('-', '')}`;
    const days = [0, 1, 2, 3].map((ahead) => nameOf(new Date(Date.now() + ahead * 86_400_000)));
    await waitFor(async () => {
      const names = await partitions();
      return days.every((day) => names.includes(day));
    });

    const [org, past] = [newId('org'), new Date(Date.now() - 200 * 86_400_000)];
    await audit.publish(event({ org }, past));
    await audit.settled();
    expect(await partitions()).toContain(nameOf(past));
    await audit.database.query(`DROP TABLE audit.${nameOf(past)}`);
    const late = event({ org: newId('org') }, past);
    await audit.publish(late);
    await audit.settled();
    expect(await audit.chain(late.org)).toHaveLength(1);
  });
});
