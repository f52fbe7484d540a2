import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { broadcastRevoked } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import { World, type TestConnection } from '../../test/world.js';

let world: World;
let [redeemed, untouched]: TestConnection[] = [];

beforeAll(async () => {
  world = await World.create();
  [redeemed, untouched] = await Promise.all([world.connect(), world.connect()]);
  await world.startRefresher();
});
afterAll(() => world.close());

function given(connection: TestConnection | undefined): TestConnection {
  if (connection === undefined) throw new Error('there is no connection');
  return connection;
}

const refreshes = async () => (await world.sandbox.state()).counters.refreshes;

describe('keys that are gone', () => {
  it('after the provider has redeemed: the answer can not be kept, and that the token may be spent is', async () => {
    const connection = given(redeemed);
    const before = await refreshes();
    await world.sandbox.fault({ kind: 'delay', ms: 500 });
    const reply = world.ask(connection);
    await waitFor(async () => (await refreshes()) > before);
    await world.credentials.shredOrganization(world.org);
    await broadcastRevoked(world.nc, { kind: 'organization', org: world.org });
    expect(await reply).toMatchObject({ outcome: 'failed' });
    expect(await world.row(connection)).toMatchObject({
      ...{ status: 'active', generation: 1, failures: 1, leaseOwner: null },
      sentMsAgo: expect.any(Number),
    });
  });

  it('before anything was sent: nothing is, and no token looks spent', async () => {
    const connection = given(untouched);
    const before = await refreshes();
    expect(await world.ask(connection)).toMatchObject({ outcome: 'failed' });
    expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 1, sentMsAgo: null, leaseOwner: null });
    expect(await refreshes()).toBe(before);
  });
});
