import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { World, type TestConnection } from '../../test/world.js';

let world: World;

beforeAll(async () => {
  world = await World.create();
  await world.startRefresher();
});

afterAll(() => world.close());
afterEach(() => world.sandbox.clearFaults());

const becomes = (connection: TestConnection, generation: number) =>
  waitFor(
    async () => {
      const row = await world.row(connection);
      return row.generation === generation ? row : undefined;
    },
    { timeoutMs: 20_000 },
  );

describe('a failed refresh', () => {
  it('over a burst of 503 keeps the token in service and gets through in the end', async () => {
    const connection = await world.connect({ refreshInMs: 0 });
    await world.sandbox.fault({ kind: 'fail', status: 503, count: 2 });
    await waitFor(async () => (await world.row(connection)).failures > 0);
    expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 1 });
    expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
    await becomes(connection, 2);
    expect((await world.sandbox.state()).counters.reuseDetections).toBe(0);
  });

  it('as invalid_grant asks the person again, with event and audit', async () => {
    const connection = await world.connect();
    await world.sandbox.manage('tokens/revoke', { grant: connection.tokens.grant });
    expect(await world.ask(connection)).toMatchObject({ outcome: 'failed', error: { code: 'needs_reauthorization' } });
    expect((await world.row(connection)).status).toBe('needs_reauthorization');
    const [event] = await waitFor(async () => {
      const found = await world.connectionEvents(connection, 'needs_reauthorization');
      return found.length > 0 ? found : undefined;
    });
    expect(event).toMatchObject({ generation: 1, reason: expect.stringContaining('no longer accepts') });
    await waitFor(async () => (await world.auditEvents(connection, 'connection.needs_reauthorization')).length === 1);
  });

  it('that hangs is broken off before its lease ends, and the token is not sent again', async () => {
    const connection = await world.connect({ expiresInMs: 1500 });
    await world.sandbox.fault({ kind: 'delay', ms: 5000 });
    expect(await world.ask(connection)).toMatchObject({ outcome: 'failed' });
    await world.admin.query(
      'UPDATE vault.credential SET refresh_at = least(refresh_at, access_expires_at) WHERE connection_id = $1',
      [connection.connection],
    );
    await waitFor(async () => (await world.row(connection)).status === 'needs_reauthorization');
    const { counters } = await world.sandbox.state();
    expect(counters.reuseDetections).toBe(0);
  });

  it.each([
    ['is cut off', { kind: 'drop' }],
    ['is garbled', { kind: 'garble' }],
    ['has no token', { kind: 'alter', members: { access_token: null, refresh_token: null } }],
  ])('whose answer %s leaves the access token in service and never replays the refresh token', async (_what, fault) => {
    const connection = await world.connect({ expiresInMs: 2500 });
    await world.sandbox.fault(fault);
    const before = (await world.sandbox.state()).counters;
    expect(await world.ask(connection)).toMatchObject({ outcome: 'failed' });
    expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 1 });
    expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
    const row = await waitFor(async () => {
      const found = await world.row(connection);
      return found.status === 'needs_reauthorization' ? found : undefined;
    });
    expect(row.generation).toBe(1);
    const after = (await world.sandbox.state()).counters;
    expect([after.tokenRequests - before.tokenRequests, after.reuseDetections - before.reuseDetections]).toEqual([1, 0]);
  });

  it('whose answer has the next refresh token alone leaves the access token in service, and goes on with that one', async () => {
    const connection = await world.connect();
    const before = (await world.sandbox.state()).counters;
    await world.sandbox.fault({ kind: 'alter', members: { access_token: null } });
    expect(await world.ask(connection)).toMatchObject({ outcome: 'failed' });
    expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 2, failures: 1, sentMsAgo: null });
    await world.sandbox.clearFaults();
    await world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE connection_id = $1', [connection.connection]);
    await waitFor(async () => (await world.row(connection)).generation === 3);
    expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
    const after = (await world.sandbox.state()).counters;
    expect([after.tokenRequests - before.tokenRequests, after.reuseDetections - before.reuseDetections]).toEqual([2, 0]);
  });

  it('at a provider that refused the access token already asks the person at once', async () => {
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'drop' });
    const reply = await world.ask(connection, { reason: 'rejected_by_provider' });
    expect(reply).toMatchObject({ outcome: 'failed', error: { code: 'needs_reauthorization' } });
  });
});

describe('an answer that grants less than before', () => {
  it('is stored, told and recorded', async () => {
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'alter', members: { scope: 'notes:read' } });
    expect(await world.ask(connection)).toEqual({ outcome: 'refreshed', generation: 2 });
    expect((await world.row(connection)).scopes).toEqual(['notes:read']);
    await waitFor(async () => (await world.connectionEvents(connection, 'scopes_changed')).length === 1);
    const [audited] = await waitFor(async () => {
      const found = await world.auditEvents(connection, 'connection.scopes_changed');
      return found.length > 0 ? found : undefined;
    });
    expect(audited).toMatchObject({ generation: 2, scopes: ['notes:read'] });
  });
});

describe('disconnecting during a refresh', () => {
  it('stays disconnected, and what was redeemed meanwhile is revoked at the provider', async () => {
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'delay', ms: 500 });
    const before = (await world.sandbox.state()).counters;
    const reply = world.ask(connection);
    await waitFor(async () => (await world.sandbox.state()).counters.refreshes > before.refreshes);
    await world.admin.query(`UPDATE vault.connection SET status = 'revoked' WHERE id = $1`, [connection.connection]);
    expect(await reply).toMatchObject({ outcome: 'failed', error: { code: 'revoked' } });
    const { rows } = await world.admin.query('SELECT status FROM vault.connection WHERE id = $1', [connection.connection]);
    expect(rows).toEqual([{ status: 'revoked' }]);
    const { grants } = await world.sandbox.state();
    expect(grants.find((one) => one.grant === connection.tokens.grant)).toBeUndefined();
    expect(await world.connectionEvents(connection, 'refreshed')).toEqual([]);
  });
});

describe('a new authorization during a refresh', () => {
  it('wins over what was redeemed', async () => {
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'delay', ms: 500 });
    const before = (await world.sandbox.state()).counters;
    const reply = world.ask(connection);
    await waitFor(async () => (await world.sandbox.state()).counters.refreshes > before.refreshes);
    await world.authorizeAgain(connection, 'the-new-access-token');
    expect(await reply).toEqual({ outcome: 'refreshed', generation: 2 });
    expect(await world.accessToken(connection)).toBe('the-new-access-token');
  });
});

describe('a provider whose refresh tokens last', () => {
  let lasting: World;

  beforeAll(async () => {
    lasting = await World.create();
    await lasting.register({ rotate_refresh_tokens: false });
    await lasting.startRefresher({ KEYWARD_CONNECTORS_DIR: await lasting.connectorsWith('rotates: true', 'rotates: false') });
  });

  afterAll(() => lasting.close());

  it('keeps its refresh token when the answer holds none', async () => {
    const connection = await lasting.connect();
    await lasting.sandbox.fault({ kind: 'alter', members: { refresh_token: null } });
    expect(await lasting.ask(connection)).toEqual({ outcome: 'refreshed', generation: 2 });
    expect(await lasting.ask(connection, { newerThan: 2 })).toEqual({ outcome: 'refreshed', generation: 3 });
    expect(await lasting.sandbox.whoIs(await lasting.accessToken(connection))).toBe('ada');
  });

  it('is asked again after a lost answer', async () => {
    const connection = await lasting.connect({ refreshInMs: 0 });
    await lasting.sandbox.fault({ kind: 'drop' });
    await waitFor(async () => (await lasting.row(connection)).generation === 2, { timeoutMs: 20_000 });
    expect((await lasting.row(connection)).status).toBe('active');
  });
});

describe('a provider that takes a rotated token for a while', () => {
  it('is asked again at once for an answer that was lost', async () => {
    await world.stopRefreshers();
    const grace = await world.connectorsWith('reuse_grace_seconds: 0', 'reuse_grace_seconds: 60');
    await world.startRefresher({ KEYWARD_CONNECTORS_DIR: grace });
    await world.register({ rotate_refresh_tokens: false });
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'drop' });
    expect(await world.ask(connection)).toEqual({ outcome: 'refreshed', generation: 2 });
  });

  it('is not asked a third time at once, but again while that while lasts', async () => {
    const connection = await world.connect();
    await world.sandbox.fault({ kind: 'drop' });
    await world.sandbox.fault({ kind: 'fail' });
    const before = (await world.sandbox.state()).counters.tokenRequests;
    expect(await world.ask(connection, { reason: 'rejected_by_provider' })).toMatchObject({
      outcome: 'failed',
      error: { code: 'provider_unavailable', retryAfterMs: expect.any(Number) },
    });
    expect((await world.sandbox.state()).counters.tokenRequests - before).toBe(2);
    expect((await world.row(connection)).sentMsAgo).toEqual(expect.any(Number));
    await becomes(connection, 2);
    expect((await world.row(connection)).sentMsAgo).toBeNull();
  });
});
