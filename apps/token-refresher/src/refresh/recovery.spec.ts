import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { World, type TestConnection } from '../../test/world.js';

let world: World;

beforeAll(async () => (world = await World.create()));
afterAll(() => world.close());
afterEach(() => world.stopRefreshers());

const declares = (line: string) => world.connectorsWith('reuse_grace_seconds: 0', line);
const introspects = () =>
  world.connectorsWith('reuse_grace_seconds: 0', 'recovery_probe: introspection', [
    'revocation_endpoint:',
    'introspection_endpoint: ${url}/token/introspection\n  revocation_endpoint:',
  ]);

async function counting(work: () => Promise<unknown>) {
  const before = (await world.sandbox.state()).counters;
  await work();
  const after = (await world.sandbox.state()).counters;
  return { requests: after.tokenRequests - before.tokenRequests, reuse: after.reuseDetections - before.reuseDetections };
}

/** Two refreshers find what another process has left behind. */
async function find(connectors: string | undefined): Promise<void> {
  const environment = connectors === undefined ? {} : { KEYWARD_CONNECTORS_DIR: connectors };
  await Promise.all([world.startRefresher(environment), world.startRefresher(environment)]);
}

async function isRefreshed(connection: TestConnection): Promise<void> {
  await waitFor(async () => (await world.row(connection)).generation === 2, { timeoutMs: 20_000 });
  expect(await world.row(connection)).toMatchObject({ status: 'active', failures: 0, sentMsAgo: null, leaseOwner: null });
  expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
}

/** The token in service is left there, and only at its end is the person asked. */
async function isLost(connection: TestConnection): Promise<void> {
  await waitFor(async () => (await world.row(connection)).failures > 0, { timeoutMs: 20_000 });
  expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 1, sentMsAgo: expect.any(Number) });
  await world.admin.query('UPDATE vault.credential SET refresh_at = now(), access_expires_at = now() WHERE connection_id = $1', [
    connection.connection,
  ]);
  await waitFor(async () => (await world.row(connection)).status === 'needs_reauthorization', { timeoutMs: 20_000 });
  await waitFor(async () => (await world.connectionEvents(connection, 'needs_reauthorization')).length === 1);
  const [audited] = await waitFor(async () => {
    const found = await world.auditEvents(connection, 'connection.needs_reauthorization');
    return found.length > 0 ? found : undefined;
  });
  expect(audited).toMatchObject({ reason: expect.stringContaining('The answer to a refresh was lost') });
}

describe('what a refresher leaves behind that was killed', () => {
  it('before it had sent anything is refreshed by the next, and nobody is asked', async () => {
    const connection = await world.connect();
    await world.leaveBehind(connection, null);
    const counted = await counting(async () => {
      await find(undefined);
      await isRefreshed(connection);
    });
    expect(counted).toEqual({ requests: 1, reuse: 0 });
  });

  it('after it had sent a token that does not rotate is made again', async () => {
    const connection = await world.connect();
    await world.leaveBehind(connection, 3_600_000);
    await find(await world.connectorsWith('rotates: true', 'rotates: false'));
    await isRefreshed(connection);
  });

  it('inside the grace of its provider is made again', async () => {
    await world.register({ rotate_refresh_tokens: false });
    try {
      const connection = await world.connect();
      await world.redeemAndForget(connection);
      await world.leaveBehind(connection, 5_000);
      await find(await declares('reuse_grace_seconds: 60'));
      await isRefreshed(connection);
    } finally {
      await world.register();
    }
  });

  it.each([
    ['past the grace of its provider', 'reuse_grace_seconds: 60'],
    ['at a provider that says nothing of it', 'reuse_grace_seconds: 0'],
  ])('%s is never sent again', async (_what, declared) => {
    const connection = await world.connect();
    await world.redeemAndForget(connection);
    await world.leaveBehind(connection, 61_000);
    const counted = await counting(async () => {
      await find(await declares(declared));
      await isLost(connection);
    });
    expect(counted).toEqual({ requests: 0, reuse: 0 });
  });

  it('is made again where the provider says that the token is unspent, and not before it can know', async () => {
    const connection = await world.connect();
    await find(await introspects());
    await world.leaveBehind(connection, 0);
    await waitFor(async () => (await world.row(connection)).failures === 1, { timeoutMs: 20_000 });
    expect(await world.row(connection)).toMatchObject({ generation: 1, sentMsAgo: expect.any(Number) });
    const counted = await counting(() => isRefreshed(connection));
    expect(counted).toEqual({ requests: 1, reuse: 0 });
  });

  it('is given up where the provider says that the token is spent', async () => {
    const connection = await world.connect();
    await world.redeemAndForget(connection);
    await world.leaveBehind(connection, 10_000);
    const counted = await counting(async () => {
      await find(await introspects());
      await isLost(connection);
    });
    expect(counted).toEqual({ requests: 0, reuse: 0 });
  });
});

describe('an answer that comes after the lease is lost', () => {
  it('is stored all the same, also by a connection whose person was asked meanwhile', async () => {
    const connection = await world.connect({ expiresInMs: 60_000 });
    const held = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await world.startRefresher({}, async (step) => {
      if (step !== 'answered') return;
      answered.resolve();
      await held.promise;
    });
    const reply = world.ask(connection, { reason: 'rejected_by_provider' });
    await answered.promise;
    // Another replica found what was sent and unanswered, and gave it up.
    const gaveUp = world.startRefresher();
    await world.admin.query(
      `UPDATE vault.credential SET lease_until = now(), refresh_at = now(), access_expires_at = now() WHERE connection_id = $1`,
      [connection.connection],
    );
    await gaveUp;
    await waitFor(async () => (await world.row(connection)).status === 'needs_reauthorization', { timeoutMs: 20_000 });
    held.resolve();
    expect(await reply).toEqual({ outcome: 'refreshed', generation: 2 });
    await isRefreshed(connection);
  });
});
