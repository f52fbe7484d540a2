import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { World, type TestConnection } from '../../test/world.js';

let world: World;
let connections: TestConnection[];

beforeAll(async () => {
  world = await World.create();
  connections = await Promise.all(Array.from({ length: 5 }, () => world.connect({ refreshInMs: 0 })));
  await world.register({ client_secret: 'another-secret-than-stored' });
  await Promise.all([world.startRefresher(), world.startRefresher()]);
});
afterAll(() => world.close());

const tokenRequests = async () => (await world.sandbox.state()).counters.tokenRequests;
const everyRow = () => Promise.all(connections.map((connection) => world.row(connection)));
const told = (event: string) => world.published('connections', `provider_app.${event}.${world.org}`);
const audited = async (event: string) =>
  (await world.published('audit', `audit.${world.org}`)).filter(({ type }) => type === `provider_app.${event}`);

async function app(): Promise<{ rejections: number; rejected_reason: string | null; waits: boolean | null }> {
  const { rows } = await world.admin.query<{ rejections: number; rejected_reason: string | null; waits: boolean | null }>(
    'SELECT rejections, rejected_reason, rejected_retry_at > now() AS waits FROM vault.provider_app',
  );
  if (rows[0] === undefined) throw new Error('there is no registration');
  return rows[0];
}

/** The time that was set has come, for the registration and for all that wait for it. */
async function itIsTime(): Promise<void> {
  await world.admin.query('UPDATE vault.provider_app SET rejected_retry_at = now()');
  await world.admin.query(`UPDATE vault.credential SET refresh_at = now(), lease_until = NULL`);
}

describe('a registration that its provider rejects', () => {
  it('is marked and told of once, and nothing is held against its connections', async () => {
    await waitFor(async () => (await told('rejected')).length > 0, { timeoutMs: 20_000 });
    await waitFor(async () => (await everyRow()).every(({ leaseOwner }) => leaseOwner === null));
    expect(await app()).toEqual({ rejections: 1, rejected_reason: expect.stringContaining('invalid_client'), waits: true });
    for (const row of await everyRow()) {
      expect(row).toMatchObject({ status: 'active', generation: 1, failures: 0, sentMsAgo: null });
    }
    const [event, ...more] = await told('rejected');
    expect(event).toMatchObject({ event: 'rejected', provider: 'sandbox', reason: expect.stringContaining('invalid_client') });
    expect(more).toEqual([]);
    await waitFor(async () => (await audited('rejected')).length === 1);
    expect(await world.metric('provider_apps_rejected')).toBe(1);
  });

  it('is not asked with again before its time, by the clock or by whoever asks, who is told whose fault it is', async () => {
    const before = await tokenRequests();
    await world.admin.query('UPDATE vault.credential SET refresh_at = now()');
    await waitFor(async () => (await everyRow()).every(({ refreshInMs }) => (refreshInMs ?? 0) > 0), { timeoutMs: 20_000 });
    const replies = await Promise.all(connections.map((connection) => world.ask(connection)));
    for (const reply of replies) {
      expect(reply).toMatchObject({
        outcome: 'failed',
        error: { code: 'provider_error', detail: expect.stringContaining('registration') },
      });
    }
    expect((await tokenRequests()) - before).toBe(0);
  });

  it('is tried with one connection when it is time', async () => {
    const before = await tokenRequests();
    await itIsTime();
    await waitFor(async () => (await app()).rejections === 2, { timeoutMs: 20_000 });
    await waitFor(async () =>
      (await everyRow()).every(({ leaseOwner, refreshInMs }) => leaseOwner === null && (refreshInMs ?? 0) > 0),
    );
    expect((await tokenRequests()) - before).toBe(1);
    expect(await told('rejected')).toHaveLength(1);
  });

  it('goes on for all as soon as it is taken for one', async () => {
    await world.register();
    await itIsTime();
    await waitFor(async () => (await told('accepted')).length > 0, { timeoutMs: 20_000 });
    expect(await app()).toEqual({ rejections: 0, rejected_reason: null, waits: null });
    // They are spread over a minute, which no test waits for.
    await world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE generation = 1');
    await waitFor(async () => (await everyRow()).every(({ generation }) => generation === 2), { timeoutMs: 20_000 });
    expect(await told('accepted')).toHaveLength(1);
    await waitFor(async () => (await audited('accepted')).length === 1);
    expect(await world.metric('provider_apps_rejected')).toBe(0);
    expect((await world.sandbox.state()).counters.reuseDetections).toBe(0);
  });
});
