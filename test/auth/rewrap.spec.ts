import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { AcmeHarness } from './acme-harness.js';
import { ADMIN_TOKEN, type AuthHarness } from './harness.js';

let here: AcmeHarness;
let auth: AuthHarness;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ auth } = here);
});
afterAll(() => here.stop());

describe('rewrapping the vault', () => {
  const rewrap = async (body?: object) => {
    const response = await fetch(`${auth.url}/v1/vault/rewrap`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
    const text = await response.text();
    const lines = text.split('\n').filter((line) => line !== '');
    return { response, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };
  const wrapped = async () => {
    const { rows } = await auth.database.query<{ id: string; hex: string }>(
      `SELECT id, encode(wrapped, 'hex') AS hex FROM vault.data_key WHERE state <> 'destroyed' ORDER BY id`,
    );
    return rows;
  };

  it('tells how it goes on, a line each, and at the end that what succeeded was counted; everything still opens', async () => {
    const team = await auth.team();
    const { id } = await here.connected(team);
    const before = await wrapped();
    const { response, lines } = await rewrap();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    expect(lines.at(-1)).toEqual({
      processed: before.length,
      failed: 0,
      resumeAfter: expect.stringMatching(/^org_/),
      complete: true,
      failures: [],
    });
    for (const line of lines.slice(0, -1)) expect(Object.keys(line)).toEqual(['processed', 'failed', 'resumeAfter']);
    const after = await wrapped();
    expect(after.map((row) => row.id)).toEqual(before.map((row) => row.id));
    expect(after.filter((row, i) => row.hex === before[i]?.hex)).toEqual([]);
    const test = await auth.ask(`/v1/connections/${id}/test?organization=${team.org}`, { method: 'POST' });
    expect(test.body).toMatchObject({ outcome: 'working' });
  });

  it('goes on after an organization, names a key that does not open, and goes on past it', async () => {
    const [first, second] = [await auth.team(), await auth.team()];
    await here.connected(first);
    await here.connected(second);
    const { rows } = await auth.database.query<{ id: string }>(
      `UPDATE vault.data_key SET wrapped = decode('00', 'hex') WHERE org_id = $1 RETURNING id`,
      [first.org],
    );
    const whole = await rewrap();
    expect(whole.lines.at(-1)).toMatchObject({
      failed: 1,
      complete: false,
      failures: [{ organization: first.org, dataKey: rows[0]?.id, code: 'internal' }],
    });
    expect((await rewrap({ after: first.org })).lines.at(-1)).toMatchObject({ processed: 1, failed: 0, complete: true });
    await auth.database.query('DELETE FROM vault.data_key WHERE org_id = $1', [first.org]);
  });

  it('ends when whoever asked hangs up: the key in hand is stored, no other is touched', async () => {
    const teams = await Promise.all(Array.from({ length: 12 }, () => auth.team()));
    for (const team of teams) await here.connected(team);
    const orgs = teams.map(({ org }) => org).sort();
    const mine = async () => {
      const { rows } = await auth.database.query<{ hex: string }>(
        `SELECT encode(wrapped, 'hex') AS hex FROM vault.data_key WHERE org_id = ANY($1) ORDER BY org_id`,
        [orgs],
      );
      return rows.map(({ hex }) => hex);
    };
    const before = await mine();
    const lock = await auth.database.connect();
    await lock.query('BEGIN');
    await lock.query('SELECT FROM vault.data_key WHERE org_id = $1 FOR UPDATE', [orgs[0]]);
    const hangUp = new AbortController();
    const asked = fetch(`${auth.url}/v1/vault/rewrap`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: '{}',
      signal: hangUp.signal,
    }).then((response) => response.text());
    await waitFor(async () => {
      const { rows } = await auth.database.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%vault.data_key%'`,
      );
      return rows.length > 0;
    });
    hangUp.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    // The service knows once it has answered something else.
    await auth.team();
    await lock.query('COMMIT');
    lock.release();
    await waitFor(async () => (await mine())[0] !== before[0]);
    for (let i = 0; i < 5; i++) await auth.team();
    expect((await mine()).slice(1)).toEqual(before.slice(1));
  });

  it.each([[{ after: 'org_x' }], [{ after: 1 }], [{ from: 'x' }]])('with %j is refused', async (body) => {
    expect((await rewrap(body)).response.status).toBe(400);
  });
});
