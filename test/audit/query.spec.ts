import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type AuditRecord } from '@keyward/contracts';
import { ADMIN_TOKEN, AuditHarness, event, type Replica } from './harness.js';

interface Page {
  events: AuditRecord[];
  nextCursor: string | null;
}

const [ORG, OTHER_ORG, AGENT, TRACE] = [newId('org'), newId('org'), newId('agt'), 'abcdef0123456789abcdef0123456789'];
const MINUTE_MS = 60_000;
const START = Date.now() - 60 * MINUTE_MS;
const minute = (n: number): Date => new Date(START + n * MINUTE_MS);
/** Before the tests: asking is recorded, too. */
const until = (query: string): string => (query.includes('to=') ? query : `${query}&to=${minute(50).toISOString()}`);

describe('GET /v1/events', () => {
  let audit: AuditHarness;
  let replica: Replica;

  const find = async (query: string): Promise<Page> => {
    const answer = await audit.ask<Page>(replica, `/v1/events?${until(query)}`);
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const reasons = async (query: string) => (await find(query)).events.map((record) => record.event.reason);

  beforeAll(async () => {
    audit = await AuditHarness.start();
    replica = await audit.startReplica();
    const call = { org: ORG, agent: AGENT, user: 'ada', tool: 'sandbox_echo' };
    await audit.publish(
      event({ ...call, state: 'succeeded', reason: 'first' }, minute(0)),
      event({ ...call, state: 'failed', reason: 'second', traceId: TRACE }, minute(1)),
      event({ ...call, tool: 'sandbox_list_notes', state: 'denied', reason: 'third' }, minute(2)),
      event({ ...call, agent: newId('agt'), user: 'grace', state: 'succeeded', reason: 'fourth' }, minute(3)),
      event({ org: ORG, type: 'connection.revoked', user: 'ada', reason: 'fifth' }, minute(4)),
      event({ ...call, org: OTHER_ORG, agent: newId('agt'), state: 'succeeded', reason: 'other' }, minute(5)),
    );
    await audit.settled();
  });
  afterAll(() => audit.stop());

  it('answers whole records, newest first', async () => {
    const { events, nextCursor } = await find(`organization=${ORG}`);
    expect(events.map((record) => record.event.reason)).toEqual(['fifth', 'fourth', 'third', 'second', 'first']);
    expect(nextCursor).toBeNull();
    expect(events.toSorted((a, b) => a.seq - b.seq)).toEqual((await audit.chain(ORG)).slice(0, 5));
  });

  it.each([
    [`agent=${AGENT}`, ['third', 'second', 'first']],
    [`organization=${ORG}&user=ada`, ['fifth', 'third', 'second', 'first']],
    ['user=grace', ['fourth']],
    [`organization=${ORG}&tool=sandbox_list_notes`, ['third']],
    [`organization=${ORG}&state=succeeded`, ['fourth', 'first']],
    ['type=connection.revoked', ['fifth']],
    [`traceId=${TRACE}`, ['second']],
    [`organization=${ORG}&from=${minute(1).toISOString()}&to=${minute(3).toISOString()}`, ['third', 'second']],
    [`organization=${ORG}&from=${encodeURIComponent(minute(4).toISOString().replace('Z', '+00:00'))}`, ['fifth']],
    [`agent=${AGENT}&state=failed&tool=sandbox_echo`, ['second']],
    ['tool=sandbox_echo', ['other', 'fourth', 'second', 'first']],
    ['', ['other', 'fifth', 'fourth', 'third', 'second', 'first']],
    [`organization=${OTHER_ORG}&agent=${AGENT}`, []],
    [`organization=${newId('org')}`, []],
  ])('finds by %p', async (query, expected) => {
    expect(await reasons(query)).toEqual(expected);
  });

  it('pages through everything once, also where events have the same time and new ones arrive meanwhile', async () => {
    const org = newId('org');
    await audit.publish(...Array.from({ length: 25 }, (_, n) => event({ org, reason: `n${n}` }, minute(6 + Math.floor(n / 10)))));
    await audit.settled();
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const page: Page = await find(`organization=${org}&limit=4${cursor === null ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.events.map((record) => record.seq));
      cursor = page.nextCursor;
      if (seen.length === 8) await audit.publish(event({ org }, minute(40)));
      await audit.settled();
    } while (cursor !== null);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  });

  it('pages across organizations', async () => {
    const first = await find('limit=3&tool=sandbox_echo');
    const second = await find(`limit=3&tool=sandbox_echo&cursor=${first.nextCursor}`);
    expect([...first.events, ...second.events].map((record) => record.event.reason)).toEqual([
      'other',
      'fourth',
      'second',
      'first',
    ]);
    expect(second.nextCursor).toBeNull();
  });

  it.each([
    ['an unknown parameter', 'org=x'],
    ['a parameter twice', `user=ada&user=grace`],
    ['a parameter as an array', 'user[]=ada'],
    ['an organization that is none', 'organization=*'],
    ['an organization in other case', `organization=${ORG.toUpperCase()}`],
    ['SQL', `agent=${encodeURIComponent(`${AGENT}' OR '1'='1`)}`],
    ['NUL', 'user=ada%00'],
    ['a state that is none', 'state=great'],
    ['a type that is none', 'type=execution'],
    ['a trace id in upper case', `traceId=${TRACE.toUpperCase()}`],
    ['a time that is none', 'from=yesterday'],
    ['a time without zone', 'from=2026-01-02T03:04:05'],
    ['a range that ends before it begins', `from=${minute(2).toISOString()}&to=${minute(1).toISOString()}`],
    ['a limit of 0', 'limit=0'],
    ['a limit beyond the bound', 'limit=1001'],
    ['a limit that is no number', 'limit=all'],
    ['a limit that is no whole number', 'limit=1.5'],
    ['a prototype key', '__proto__=x'],
    ['a cursor that is none', 'cursor=abc'],
    ['an empty cursor', 'cursor='],
    ['an overlong cursor', `cursor=${'a'.repeat(5000)}`],
  ])('refuses %s', async (_what, query) => {
    const { status, body } = await audit.ask(replica, `/v1/events?${query}`);
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'invalid_request' });
    expect(JSON.stringify(body)).not.toContain("OR '1'='1");
  });

  it('refuses a cursor of which one bit is changed, and one of another query', async () => {
    const { nextCursor } = await find(`organization=${ORG}&limit=2`);
    const bytes = Buffer.from(nextCursor ?? '', 'base64url');
    const attempts = Array.from(bytes, (byte, index) => {
      const changed = Buffer.from(bytes);
      changed[index] = byte ^ 1;
      return changed.toString('base64url');
    });
    for (const cursor of [...attempts, `${nextCursor}=`, `${nextCursor}A`, (nextCursor ?? '').slice(0, -4)]) {
      expect((await audit.ask(replica, `/v1/events?${until(`organization=${ORG}&limit=2&cursor=${cursor}`)}`)).status).toBe(400);
    }
    for (const query of [`organization=${OTHER_ORG}`, '', `organization=${ORG}&user=ada`]) {
      expect((await audit.ask(replica, `/v1/events?${until(`${query}&limit=2&cursor=${nextCursor}`)}`)).status).toBe(400);
    }
    // The size of a page is no part of what is asked.
    expect(await reasons(`organization=${ORG}&limit=50&cursor=${nextCursor}`)).toEqual(['third', 'second', 'first']);
  });

  it('is for the holder of the admin token alone', async () => {
    const attempts: Record<string, string>[] = [
      {},
      { authorization: ADMIN_TOKEN },
      { authorization: `Basic ${ADMIN_TOKEN}` },
      { authorization: `Bearer ${ADMIN_TOKEN.slice(0, -1)}` },
      { authorization: `Bearer ${ADMIN_TOKEN}x` },
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${'x'.repeat(4000)}` },
    ];
    for (const path of [`/v1/events?organization=${ORG}`, `/v1/events/verify?organization=${ORG}`]) {
      for (const headers of attempts) {
        const answer = await audit.ask(replica, path, headers);
        expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    }
  });

  it('says 404 and 405 like every other door', async () => {
    expect((await audit.ask(replica, '/v1/event')).status).toBe(404);
    const response = await fetch(`${replica.url}/v1/events`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(response.status).toBe(405);
  });
});

describe('GET /v1/events/verify', () => {
  let audit: AuditHarness;
  let replica: Replica;
  beforeAll(async () => {
    audit = await AuditHarness.start();
    replica = await audit.startReplica();
  });
  afterAll(() => audit.stop());

  const verify = (query: string) => audit.ask(replica, `/v1/events/verify?${query}`);

  it('verifies a chain of more than one page up to its head, and from a place in it', async () => {
    const org = newId('org');
    for (let round = 0; round < 3; round++) await audit.publish(...Array.from({ length: 750 }, () => event({ org })));
    await audit.settled();
    const chain = await audit.chain(org);
    const head = { seq: 2250, hash: chain.at(-1)?.hash };
    expect((await verify(`organization=${org}`)).body).toEqual({
      organization: org,
      ok: true,
      verified: 2250,
      head,
      complete: true,
    });
    const rest = await verify(`organization=${org}&afterSeq=2000&afterHash=${chain[1999]?.hash}`);
    expect(rest.body).toEqual({ organization: org, ok: true, verified: 250, head, complete: true });
    expect((await verify(`organization=${org}&afterSeq=2000&afterHash=${chain[1998]?.hash}`)).body).toMatchObject({
      ok: false,
      firstBrokenSeq: 2001,
    });
  });

  it.each([
    [
      'an edited event',
      `UPDATE audit.event SET body = jsonb_set(body, '{reason}', '"nothing happened"') WHERE org_id = $1 AND seq = 3`,
      3,
      'hash_mismatch',
    ],
    ['a deleted event', 'DELETE FROM audit.event WHERE org_id = $1 AND seq = 2', 2, 'gap'],
    ['a cut end', 'DELETE FROM audit.event WHERE org_id = $1 AND seq > 4', 5, 'gap'],
  ])('finds %s, even by a superuser who took the trigger away', async (_what, tampering, firstBrokenSeq, reason) => {
    const org = newId('org');
    await audit.publish(...Array.from({ length: 5 }, () => event({ org })));
    await audit.settled();
    const superuser = await audit.database.connect();
    await superuser.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
    await superuser.query(tampering, [org]);
    await superuser.query('COMMIT');
    superuser.release();
    expect((await verify(`organization=${org}`)).body).toMatchObject({ ok: false, firstBrokenSeq, reason });
  });

  it('answers for an organization without events', async () => {
    const org = newId('org');
    expect((await verify(`organization=${org}`)).body).toEqual({
      organization: org,
      ok: true,
      verified: 0,
      head: { seq: 0, hash: '0'.repeat(64) },
      complete: true,
    });
  });

  it.each([
    ['no organization', ''],
    ['all of them', 'organization=*'],
    ['half a position', `organization=${ORG}&afterSeq=1`],
    ['a position that is none', `organization=${ORG}&afterSeq=-1&afterHash=${'0'.repeat(64)}`],
    ['an unknown parameter', `organization=${ORG}&force=true`],
  ])('refuses %s', async (_what, query) => {
    expect(await verify(query)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});
