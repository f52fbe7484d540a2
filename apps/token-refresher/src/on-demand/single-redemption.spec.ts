import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { World } from '../../test/world.js';

let world: World;

beforeAll(async () => {
  world = await World.create();
  // As in production: where many ask on a busy machine, a lease of the other tests' length would end on the way.
  const lease = { KEYWARD_REFRESH_LEASE_MS: '30000' };
  await Promise.all([world.startRefresher(lease), world.startRefresher(lease)]);
});

afterAll(() => world.close());

/** Token requests and reuse detections that `work` causes. */
async function counting<T>(work: () => Promise<T>) {
  const before = (await world.sandbox.state()).counters;
  const result = await work();
  const after = (await world.sandbox.state()).counters;
  const requests = after.tokenRequests - before.tokenRequests;
  return { result, requests, reuse: after.reuseDetections - before.reuseDetections };
}

describe('refreshing on demand', () => {
  it('serves 50 concurrent askers, over two processes, with one token request', async () => {
    const connection = await world.connect();
    const { result, requests, reuse } = await counting(() =>
      Promise.all(Array.from({ length: 50 }, () => world.ask(connection))),
    );
    expect(result).toEqual(Array.from({ length: 50 }, () => ({ outcome: 'refreshed', generation: 2 })));
    expect([requests, reuse]).toEqual([1, 0]);
    // What is stored is what the provider thinks: its first rotation, and a token that works.
    expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
    const { grants } = await world.sandbox.state();
    expect(grants.find((one) => one.grant === connection.tokens.grant)?.rotations).toBe(1);
  });

  it('costs one token request for each of 100 connections with 20 askers each', async () => {
    const connections = await Promise.all(Array.from({ length: 100 }, () => world.connect()));
    const { result, requests, reuse } = await counting(() =>
      Promise.all(connections.flatMap((one) => Array.from({ length: 20 }, () => world.ask(one)))),
    );
    expect(new Set(result.map((reply) => JSON.stringify(reply)))).toEqual(new Set(['{"outcome":"refreshed","generation":2}']));
    expect([requests, reuse]).toEqual([100, 0]);
  });

  it('answers at once when the stored generation is newer than the one the asker has', async () => {
    const connection = await world.connect();
    await world.ask(connection);
    const { result, requests } = await counting(() => world.ask(connection));
    expect([result, requests]).toEqual([{ outcome: 'refreshed', generation: 2 }, 0]);
  });

  it('refreshes generation after generation', async () => {
    const connection = await world.connect();
    for (const newerThan of [1, 2, 3]) {
      expect(await world.ask(connection, { newerThan })).toEqual({ outcome: 'refreshed', generation: newerThan + 1 });
    }
    expect((await world.sandbox.state()).counters.reuseDetections).toBe(0);
  });

  it('tells the event and the audit trail of a refresh once', async () => {
    const connection = await world.connect();
    await Promise.all([world.ask(connection), world.ask(connection)]);
    const [event] = await waitFor(async () => {
      const found = await world.connectionEvents(connection, 'refreshed');
      return found.length > 0 ? found : undefined;
    });
    expect(event).toMatchObject({ event: 'refreshed', generation: 2, provider: 'sandbox', user: 'usr_ada' });
    const [audit] = await waitFor(async () => {
      const found = await world.auditEvents(connection, 'connection.refreshed');
      return found.length > 0 ? found : undefined;
    });
    expect(audit).toMatchObject({ generation: 2, actor: { kind: 'service', id: 'token-refresher' } });
    expect(JSON.stringify([event, audit])).not.toContain(await world.accessToken(connection));
    expect(await world.connectionEvents(connection, 'refreshed')).toHaveLength(1);
    expect(await world.auditEvents(connection, 'connection.refreshed')).toHaveLength(1);
  });

  it('answers when its deadline comes, and still stores what was redeemed', async () => {
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'delay', ms: 600 });
    // Whether the refresher's answer or the asker's own clock comes first is all one.
    const answer = await world.ask(connection, { waitMs: 200 }).catch((error: unknown) => ({ outcome: 'failed', error }));
    expect(answer).toMatchObject({ outcome: 'failed', error: { code: 'deadline_exceeded' } });
    await waitFor(async () => (await world.row(connection)).generation === 2);
    expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
  });

  it('answers about connections of others as about ones that do not exist', async () => {
    const connection = await world.connect();
    const foreign = await world.ask({ ...connection, org: newId('org') });
    const absent = await world.ask({ ...connection, connection: newId('conn') });
    expect(foreign).toMatchObject({ outcome: 'failed', error: { code: 'not_found' } });
    expect(absent).toMatchObject({ outcome: 'failed', error: { code: 'not_found' } });
  });

  it('refuses what is disconnected or waits for its person', async () => {
    for (const [status, code] of [
      ['revoked', 'revoked'],
      ['needs_reauthorization', 'needs_reauthorization'],
    ] as const) {
      const connection = await world.connect();
      await world.admin.query('UPDATE vault.connection SET status = $2 WHERE id = $1', [connection.connection, status]);
      const { result, requests } = await counting(() => world.ask(connection));
      expect(result).toMatchObject({ outcome: 'failed', error: { code } });
      expect(requests).toBe(0);
    }
  });

  it('counts what runs out unrefreshed, what was used so, and what became of each attempt', async () => {
    const late = await world.connect({ expiresInMs: 5000 });
    const expired = await world.connect({ expiresInMs: -1000 });
    // What sleeps may run out; what failed, or was due before its end, should not have.
    expect(await world.metric('credential_expiring_soon')).toBe(0);
    await world.admin.query('UPDATE vault.credential SET failures = 1 WHERE connection_id = ANY ($1)', [
      [late.connection, expired.connection],
    ]);
    expect(await world.metric('credential_expiring_soon')).toBe(2);
    await Promise.all([world.ask(late), world.ask(expired)]);
    expect(await world.metric('credential_expiring_soon')).toBe(0);
    expect(await world.metric('credential_found_expired_total')).toBe(1);
    expect(await world.metric('credential_refresh_total', 'provider="sandbox",outcome="refreshed"')).toBeGreaterThan(0);
  });

  it('sends a message that is no request to the dead letters', async () => {
    const { createPublisher } = await import('@keyward/jetstream');
    await createPublisher(world.nc).publish('credential.refresh.sandbox', { org: 'nonsense' }, { msgId: newId('msg') });
    const letters = await waitFor(async () => {
      const found = await world.published('deadLetters', 'dead_letter.REFRESH');
      return found.length > 0 ? found : undefined;
    });
    expect(letters).toHaveLength(1);
  });
});
