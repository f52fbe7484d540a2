import { once } from 'node:events';
import { request, type ClientRequest } from 'node:http';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chainHash, GENESIS_HASH, readCheckpoint, type ExportVerdict } from '@keyward/audit';
import { readLines, verifyExport } from '@keyward/audit/verification';
import { createSigningKeyFile } from '@keyward/checkpoint-signing';
import { DEPLOYMENT_ORG, newId, type AuditRecord } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { CursorCodec } from '../../apps/audit-service/src/query/cursor.js';
import { ADMIN_TOKEN, AuditHarness, event, events, type Replica } from './harness.js';

const AUTHORIZED = { authorization: `Bearer ${ADMIN_TOKEN}` };

interface Checkpoint {
  seq: number;
  hash: string;
  jws: string;
  anchoredAt: string | null;
}

let audit: AuditHarness;
let replica: Replica;
let dir: string;
let keys: Parameters<typeof verifyExport>[1] & object;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'keyward-'));
  await createSigningKeyFile(join(dir, 'signing.pem'));
  audit = await AuditHarness.start(undefined, {
    KEYWARD_AUDIT_SIGNING: 'local',
    KEYWARD_AUDIT_SIGNING_KEY_FILE: join(dir, 'signing.pem'),
    KEYWARD_AUDIT_CHECKPOINT_SECONDS: '1',
    KEYWARD_AUDIT_ANCHOR: 'file',
    KEYWARD_AUDIT_ANCHOR_DIR: join(dir, 'anchors'),
    KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS: '1',
  });
  replica = await audit.startReplica();
  keys = (await audit.ask<{ keys: [] }>(replica, '/v1/checkpoints/keys', {})).body;
});
afterAll(async () => {
  await audit.stop();
  await rm(dir, { recursive: true, force: true });
});

const checkpoints = async (org: string): Promise<Checkpoint[]> =>
  (await audit.ask<{ checkpoints: Checkpoint[] }>(replica, `/v1/checkpoints?organization=${org}`)).body.checkpoints;
const verify = async (org: string) => (await audit.ask(replica, `/v1/events/verify?organization=${org}`)).body;

/** Until the chain is signed as far as it goes, and the copy is where it should be. */
async function signed(org: string, seq: number): Promise<Checkpoint> {
  return waitFor(async () => (await checkpoints(org)).find((one) => one.seq === seq && one.anchoredAt !== null), {
    timeoutMs: 10_000,
    what: `a checkpoint of seq ${seq}`,
  });
}

async function chained(count: number, org = newId('org')): Promise<string> {
  await audit.publish(...events(count, { org }));
  await audit.settled();
  return org;
}

async function exported(query: string): Promise<{ text: string; response: Response; verdict: ExportVerdict }> {
  const response = await fetch(`${replica.url}/v1/events/export?${query}`, { headers: AUTHORIZED });
  const text = await response.text();
  return { text, response, verdict: await verifyExport(readLines(chunks(text)), keys) };
}

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** A whole chain made anew, its head too, as whoever owns the database can. */
async function rewrite(org: string, change: (record: AuditRecord) => object): Promise<void> {
  let prev = GENESIS_HASH;
  for (const record of await audit.chain(org)) {
    const body = { ...record.event, ...change(record) };
    const hash = chainHash(prev, body);
    const values = [org, record.seq, JSON.stringify(body), prev, hash];
    await audit.tamper([`UPDATE audit.event SET body = $3, prev_hash = $4, hash = $5 WHERE org_id = $1 AND seq = $2`, values]);
    prev = hash;
  }
  await audit.tamper(['UPDATE audit.chain_head SET hash = $2 WHERE org_id = $1', [org, prev]]);
}

describe('checkpoints', () => {
  it('are signed as a chain moves, each naming the one before it, and not while it stands still', async () => {
    const org = await chained(3);
    await signed(org, 3);
    await chained(4, org);
    const { jws } = await signed(org, 7);
    const { statement } = readCheckpoint(jws);
    expect(statement).toMatchObject({ org, seq: 7, hash: (await audit.chain(org)).at(-1)?.hash, events: 4, previous: 3 });
    await signed(await chained(1), 1);
    expect((await checkpoints(org)).map(({ seq }) => seq)).toEqual([7, 3]);
    expect(await audit.metric(replica, 'audit_checkpoint_failures_total')).toEqual([0, 0]);
    expect(await waitFor(async () => (await audit.metric(replica, 'audit_checkpoint_age_seconds'))[0] === 0)).toBe(true);
  });

  it('are copied to where nobody takes them back', async () => {
    const org = await chained(2);
    const { jws } = await signed(org, 2);
    expect(await readFile(join(dir, 'anchors', 'checkpoints', org, '000000000002'), 'utf8')).toBe(jws);
  });

  it('are copied though another organization’s place is taken by what was never stated of it', async () => {
    const [org, other] = [newId('org'), newId('org')];
    const taken = join(dir, 'anchors', 'checkpoints', org);
    await mkdir(taken, { recursive: true });
    await writeFile(join(taken, '000000000001'), 'something else', { mode: 0o400 });
    const tomorrow = new Date(Date.now() + 86_400_000);
    await utimes(join(taken, '000000000001'), tomorrow, tomorrow);
    await chained(1, org);
    await waitFor(async () => (await checkpoints(org)).length === 1);
    await signed(await chained(1, other), 1);
    expect((await checkpoints(org))[0]?.anchoredAt).toBeNull();
    expect((await audit.metric(replica, 'audit_checkpoint_failures_total'))[1]).toBeGreaterThan(0);
  });

  it('are verified with keys that anybody may have', async () => {
    const response = await fetch(`${replica.url}/v1/checkpoints/keys`);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const {
      keys: [key],
    } = (await response.json()) as { keys: [Record<string, string>] };
    expect(key).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: expect.any(String) });
    expect(key).not.toHaveProperty('d');
  });

  it('are paged', async () => {
    const org = await chained(1);
    await signed(org, 1);
    await chained(1, org);
    await signed(org, 2);
    const first = await audit.ask<{ nextCursor: string }>(replica, `/v1/checkpoints?organization=${org}&limit=1`);
    const path = `/v1/checkpoints?organization=${org}&limit=1&cursor=${first.body.nextCursor}`;
    expect((await audit.ask(replica, path)).body).toMatchObject({ checkpoints: [{ seq: 1 }], nextCursor: null });
  });

  it('are final in the database, like the events they speak of', async () => {
    const org = await chained(1);
    await signed(org, 1);
    const update = 'UPDATE audit.checkpoint SET anchored_at = NULL WHERE org_id = $1';
    await expect(audit.database.query(update, [org])).rejects.toMatchObject({ code: '42501' });
    await expect(audit.database.query('DELETE FROM audit.checkpoint')).rejects.toMatchObject({ code: '42501' });
    await expect(audit.database.query('TRUNCATE audit.checkpoint')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a chain that was made anew as a whole, with its head', () => {
  it('contradicts what was signed, where it is stored and in an export, and is signed no more', async () => {
    const org = await chained(6);
    await signed(org, 6);
    await rewrite(org, ({ seq }) => (seq === 4 ? { reason: 'nothing happened' } : {}));
    expect(await verify(org)).toMatchObject({ ok: false, firstBrokenSeq: 6, reason: 'checkpoint_mismatch' });
    expect((await exported(`organization=${org}`)).verdict).toMatchObject({ ok: false, fault: { reason: 'rewritten', seq: 6 } });
    await waitFor(async () => ((await audit.metric(replica, 'audit_checkpoint_failures_total'))[0] ?? 0) > 0);
    expect((await checkpoints(org)).map(({ seq }) => seq)).toEqual([6]);
    await audit.tamper(['DELETE FROM audit.chain_head WHERE org_id = $1', [org]]);
  });

  it('is found where its end was cut off and its head put back', async () => {
    const org = await chained(5);
    await signed(org, 5);
    const { hash } = (await audit.chain(org))[2] as AuditRecord;
    await audit.tamper(
      ['DELETE FROM audit.event WHERE org_id = $1 AND seq > 3', [org]],
      [`UPDATE audit.chain_head SET seq = 3, hash = decode($2, 'hex') WHERE org_id = $1`, [org, hash]],
    );
    expect(await verify(org)).toMatchObject({ ok: false, firstBrokenSeq: 4, reason: 'gap' });
  });

  it('is not mended by another statement', async () => {
    const [org, other] = [await chained(2), await chained(2)];
    await Promise.all([signed(org, 2), signed(other, 2)]);
    const [{ jws }] = (await checkpoints(other)) as [Checkpoint];
    await audit.tamper(['UPDATE audit.checkpoint SET jws = $2 WHERE org_id = $1', [org, jws]]);
    expect(await verify(org)).toMatchObject({ ok: false, firstBrokenSeq: 2, reason: 'checkpoint_mismatch' });
    await audit.tamper(['UPDATE audit.checkpoint SET jws = $2 WHERE org_id = $1', [org, `${jws.slice(0, -8)}AAAAAAAA`]]);
    expect(await verify(org)).toMatchObject({ ok: false, firstBrokenSeq: 2, reason: 'forged_checkpoint' });
  });
});

describe('GET /v1/events/export', () => {
  it('gives a whole trail that is verified elsewhere, up to a checkpoint made for its end', async () => {
    const org = await chained(1200);
    const { text, response, verdict } = await exported(`organization=${org}`);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(response.headers.get('content-disposition')).toMatch(
      new RegExp(`^attachment; filename="keyward-audit-${org}-.*\\.jsonl"$`),
    );
    expect(verdict).toMatchObject({ ok: true, proof: 'proven', events: 1200, head: { seq: 1200 } });
    expect(JSON.parse(text.split('\n').at(-2) ?? '')).toMatchObject({ kind: 'end', events: 1200, head: { seq: 1200 } });
  });

  it('goes on where an earlier one ended', async () => {
    const org = await chained(4);
    await exported(`organization=${org}`);
    await audit.settled();
    const { verdict } = await exported(`organization=${org}&afterSeq=4`);
    // That it was exported is the one event since.
    expect(verdict).toMatchObject({ ok: true, proof: 'proven', from: { seq: 4 }, events: 1 });
    expect((await audit.ask(replica, `/v1/events/export?organization=${org}&afterSeq=99`)).status).toBe(400);
  });

  it('gives what matches, and says that it is not all', async () => {
    const org = await chained(3);
    await audit.publish(event({ org, user: 'ada' }));
    await audit.settled();
    const { text, verdict } = await exported(`organization=${org}&user=ada`);
    expect(JSON.parse(text.split('\n')[0] ?? '')).toMatchObject({ kind: 'export', filter: { user: 'ada' }, from: null });
    expect(verdict).toMatchObject({ ok: true, proof: 'rows', filtered: true, events: 1 });
  });

  it('gives an organization without a trail as that', async () => {
    const { text } = await exported(`organization=${newId('org')}`);
    expect(JSON.parse(text.split('\n')[1] ?? '')).toEqual({ kind: 'end', events: 0, head: null });
  });

  it('shows a deleted row to whoever verifies it', async () => {
    const org = await chained(5);
    await audit.tamper(['DELETE FROM audit.event WHERE org_id = $1 AND seq = 2', [org]]);
    expect((await exported(`organization=${org}`)).verdict).toMatchObject({ ok: false, fault: { reason: 'missing', seq: 2 } });
  });

  // Ingest needs less of a row than an export does, and goes on.
  it('breaks off where it can not go on, instead of ending; and bounds how many run', async () => {
    const [org, other] = [await chained(2), await chained(2)];
    const superuser = await audit.database.connect();
    await superuser.query(
      `BEGIN; REVOKE SELECT ON audit.event FROM keyward_audit; GRANT SELECT (id, at, body) ON audit.event TO keyward_audit;
       LOCK TABLE audit.event IN ACCESS EXCLUSIVE MODE`,
    );
    const pathOf = (id: string) => `/v1/events/export?organization=${id}&state=failed`;
    const ask = (id: string) => fetch(`${replica.url}${pathOf(id)}`, { headers: AUTHORIZED });
    const running = await Promise.all([ask(org), ask(org)]);
    expect((await audit.ask(replica, pathOf(org))).status).toBe(429);
    running.push(...(await Promise.all([ask(other), ask(other)])));
    expect((await audit.ask(replica, pathOf(newId('org')))).status).toBe(429);
    const texts = running.map((response) => response.text());
    await superuser.query('COMMIT');
    expect((await Promise.allSettled(texts)).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    await superuser.query('GRANT SELECT ON audit.event TO keyward_audit');
    superuser.release();
    expect((await exported(`organization=${org}`)).verdict).toMatchObject({ ok: true });
  });

  it('makes room where a client has gone', async () => {
    const org = await chained(2);
    const superuser = await audit.database.connect();
    await superuser.query('BEGIN; LOCK TABLE audit.event IN ACCESS EXCLUSIVE MODE');
    const url = `${replica.url}/v1/events/export?organization=${org}&state=failed`;
    const begun = await Promise.all([begin(url), begin(url)]);
    for (const asked of begun) asked.destroy();
    await superuser.query('COMMIT');
    superuser.release();
    await waitFor(async () => (await exported(`organization=${org}`)).response.status === 200);
  });
});

/** A request whose answer has begun. */
async function begin(url: string): Promise<ClientRequest> {
  const asked = request(url, { headers: AUTHORIZED, agent: false }).end();
  await once(asked, 'response');
  return asked.on('error', () => undefined);
}

describe('reading the trail', () => {
  const readings = async (org: string, type: string) =>
    (await audit.chain(org)).map((record) => record.event).filter((one) => one.type === type);

  it('is in the trail: who, and what was asked for; a page that follows is part of the first', async () => {
    const org = await chained(3);
    const first = await audit.ask<{ nextCursor: string }>(replica, `/v1/events?organization=${org}&limit=2&user=ada`);
    expect(first.status).toBe(200);
    const page = await audit.ask<{ nextCursor: string }>(replica, `/v1/events?organization=${org}&limit=2`);
    await audit.ask(replica, `/v1/events?organization=${org}&limit=2&cursor=${page.body.nextCursor}`);
    await verify(org);
    await exported(`organization=${org}&type=execution.completed`);
    await audit.settled();
    const actor = { kind: 'admin', id: 'admin' };
    expect(await readings(org, 'audit.read')).toEqual([
      expect.objectContaining({ actor, target: 'user=ada' }),
      expect.objectContaining({ actor }),
    ]);
    expect(await readings(org, 'audit.verified')).toHaveLength(1);
    expect(await readings(org, 'audit.exported')).toEqual([
      expect.objectContaining({ actor, target: 'type=execution.completed' }),
    ]);
  });

  it('goes on for an hour: who shows a cursor later is in the trail once more', async () => {
    const org = await chained(3);
    const cursors = new CursorCodec(ADMIN_TOKEN);
    const at = new Date(Date.now() + 60_000).toISOString();
    const page = (age: number) => {
      const cursor = cursors.encode({ at, org, seq: 3, recordedAt: Date.now() - age }, { organization: org }, 'admin');
      return audit.ask<{ nextCursor: string }>(replica, `/v1/events?organization=${org}&limit=1&cursor=${cursor}`);
    };
    expect((await page(3_000_000)).status).toBe(200);
    const { nextCursor } = (await page(3_700_000)).body;
    expect((await audit.ask(replica, `/v1/events?organization=${org}&limit=1&cursor=${nextCursor}`)).status).toBe(200);
    await audit.settled();
    expect(await readings(org, 'audit.read')).toHaveLength(1);
  });

  it('of all organizations, or of one that has no trail, is in that of the deployment', async () => {
    const unknown = newId('org');
    await audit.ask(replica, `/v1/events?agent=agt_${'0'.repeat(32)}`);
    await audit.ask(replica, `/v1/events?organization=${unknown}`);
    await audit.settled();
    const targets = (await readings(DEPLOYMENT_ORG, 'audit.read')).map(({ target }) => target);
    expect(targets).toEqual(expect.arrayContaining([`organization=*&agent=agt_${'0'.repeat(32)}`, `organization=${unknown}`]));
    expect(await audit.chain(unknown)).toEqual([]);
  });
});
