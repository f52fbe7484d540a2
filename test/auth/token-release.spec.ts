import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CUSTODY_TOKEN_TYPE, custodyAnswerSchemas, releasedTokenSchema, type Connection } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { compactDecrypt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import { Browser } from './browser.js';
import { CustodyWorld, type Answered } from './custody-world.js';
import type { AuthHarness, Tenant } from './harness.js';

let world: CustodyWorld;
let auth: AuthHarness;
let ours: Tenant;
let sibling: Tenant;
let mine: string;
beforeAll(async () => {
  world = await CustodyWorld.start();
  ({ auth, ours, sibling, mine } = world);
});
afterAll(() => world.stop());

describe('get_access_token', () => {
  const opened = async (answer: Record<string, unknown>) => {
    const { jwe } = custodyAnswerSchemas.get_access_token.parse(answer);
    const { plaintext } = await compactDecrypt(jwe, world.recipient.privateKey);
    return releasedTokenSchema.parse(JSON.parse(new TextDecoder().decode(plaintext)));
  };
  const working = async (token: string) =>
    (await fetch(`${auth.sandbox.url}/api/notes`, { headers: { authorization: `Bearer ${token}` } })).status;

  it('is forbidden, and recorded as refused, until an admin releases the provider’s tokens to this agent', async () => {
    await world.release(sibling, 'PUT');
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine))).code).toBe('forbidden');
    const refusal = await waitFor(async () =>
      (await auth.auditEvents(ours.org)).find(({ errorCode }) => errorCode === 'forbidden'),
    );
    expect(refusal).toMatchObject({
      ...{ type: 'connection.token_refused', agent: ours.agent, connection: mine, provider: 'sandbox', user: 'usr_ada' },
      actor: { kind: 'agent', id: ours.agent },
    });
    const granted = await world.release(ours, 'PUT');
    expect(granted.body).toMatchObject({ agent: ours.agent, provider: 'sandbox', granted: true });
    expect((await world.release(ours, 'PUT')).body).toEqual(granted.body);
    const grants = await waitFor(async () => {
      const found = (await auth.auditEvents(ours.org)).filter(({ type }) => type === 'token_release.granted');
      return found.length >= 2 ? found : undefined;
    });
    expect(grants.map(({ agent }) => agent)).toEqual([sibling.agent, ours.agent]);
  });

  it('seals the token to the caller’s key, and the token works', async () => {
    const { answer } = await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine));
    const { jwe, generation, connection } = custodyAnswerSchemas.get_access_token.parse(answer);
    expect([generation, connection]).toEqual([1, mine]);
    expect(decodeProtectedHeader(jwe)).toMatchObject({
      ...{ alg: 'ECDH-ES', enc: 'A256GCM', typ: CUSTODY_TOKEN_TYPE, kid: expect.any(String) },
    });
    const token = await opened(answer);
    expect(token.tokenType).toBe('Bearer');
    expect(await working(token.accessToken)).toBe(200);
    expect(JSON.stringify(answer)).not.toContain(token.accessToken);
    const recorded = await auth.auditEvent(ours.org, 'connection.token_released');
    expect(recorded).toMatchObject({ agent: ours.agent, connection: mine, provider: 'sandbox', generation: 1 });
    expect(recorded.reason).toMatch(/^sealed to [\w-]{43}$/);
  });

  it('takes X25519 keys, and echoes the key id', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
    const recipientKey = { ...(await exportJWK(publicKey)), kid: 'mine-7' };
    const { answer } = await world.ask('HTTP', 'get_access_token', world.tokenRequest(ours, mine, { recipientKey }));
    const jwe = String(answer['jwe']);
    expect(decodeProtectedHeader(jwe)['kid']).toBe('mine-7');
    expect((await compactDecrypt(jwe, privateKey)).plaintext.length).toBeGreaterThan(20);
  });

  it('does not leave where it can not be recorded', async () => {
    await auth.database.query('REVOKE INSERT ON bus.outbox FROM keyward_auth');
    try {
      const { code, answer } = await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine));
      expect([code, 'jwe' in answer]).toEqual([expect.stringMatching(/^(internal|dependency_unavailable)$/), false]);
    } finally {
      await auth.database.query('GRANT INSERT ON bus.outbox TO keyward_auth');
    }
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine))).code).toBe('answered');
  });

  it('counts as a use: what slept is kept fresh from then on', async () => {
    const times = 'last_used_at, refresh_at, awake_refresh_at';
    const { rows: before } = await auth.database.query<{ awake_refresh_at: Date }>(
      `UPDATE vault.credential SET last_used_at = now() - interval '30 days', refresh_at = NULL, awake_refresh_at = now() + interval '20 min'
       WHERE connection_id = $1 RETURNING ${times}`,
      [mine],
    );
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine))).code).toBe('answered');
    const { rows } = await auth.database.query<Record<string, Date>>(
      `SELECT ${times} FROM vault.credential WHERE connection_id = $1`,
      [mine],
    );
    expect(rows[0]).toMatchObject({ refresh_at: before[0]?.awake_refresh_at });
    expect(Date.now() - (rows[0]?.['last_used_at']?.getTime() ?? 0)).toBeLessThan(3_600_000);
  });

  it('renews a token first that is about to expire', async () => {
    const before = await opened((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine))).answer);
    await expireIn(mine, 10);
    const { answer } = await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine));
    expect(answer['generation']).toBe(2);
    const after = await opened(answer);
    expect(after.accessToken).not.toBe(before.accessToken);
    expect(await working(after.accessToken)).toBe(200);
  });

  it('answers a scope that the grant lacks with a link that asks for the union', async () => {
    const scopes = ['notes:read', 'notes:delete'];
    const { code, answer } = await world.ask('HTTP', 'get_access_token', world.tokenRequest(ours, mine, { scopes }));
    expect([code, answer['missingScopes']]).toEqual(['missing_scopes', ['notes:delete']]);
    expect(answer['connectUrl']).toContain(`${auth.url}/connect/`);
    const { rows } = await auth.database.query<{ scopes: string[] }>(
      'SELECT scopes FROM connect.connect_session WHERE org_id = $1 ORDER BY id DESC LIMIT 1',
      [ours.org],
    );
    expect(rows[0]?.scopes).toEqual(expect.arrayContaining(scopes));
  });

  it.each([
    ['not on its curve', () => ({ ...world.recipient.jwk, y: world.recipient.jwk.x })],
    ['of the point at nowhere', () => ({ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) })],
    ['of an X25519 point of low order', () => ({ kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) })],
    ['with its private half', () => ({ ...world.recipient.jwk, d: 'A'.repeat(43) })],
    ['of another curve', () => ({ ...world.recipient.jwk, crv: 'P-384' })],
    ['that is a shared secret', () => ({ kty: 'oct', k: 'A'.repeat(43) })],
    ['that is RSA', () => ({ kty: 'RSA', n: 'A'.repeat(342), e: 'AQAB' })],
    ['that is huge', () => ({ ...world.recipient.jwk, x: 'A'.repeat(100_000) })],
    ['that is too short', () => ({ ...world.recipient.jwk, x: 'AA' })],
    ['of a prototype', () => ({ kty: 'EC', crv: 'P-256', x: ['A'], y: { length: 3 } })],
  ])('refuses a recipient key %s', async (_what, key) => {
    const { code, answer } = await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine, { recipientKey: key() }));
    expect([code, JSON.stringify(answer['errors'])]).toEqual(['invalid_request', expect.stringContaining('/recipientKey')]);
  });

  it('answers for a connection that its provider no longer accepts with a link to connect again', async () => {
    await new Browser().connect((await auth.session(ours, { user: 'usr_gone' })).url);
    const { body } = await auth.ask<{ connections: Connection[] }>(`/v1/connections?organization=${ours.org}&user=usr_gone`);
    const id = body.connections[0]?.id ?? '';
    await auth.database.query(
      `UPDATE vault.credential SET access_expires_at = now() - interval '1 minute', renewable = false WHERE connection_id = $1`,
      [id],
    );
    const { code, answer } = await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, id));
    expect([code, answer['connectUrl']]).toEqual(['needs_reauthorization', expect.stringContaining('/connect/')]);
    await auth.database.query(`UPDATE vault.connection SET status = 'needs_reauthorization' WHERE id = $1`, [id]);
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, id))).code).toBe('needs_reauthorization');
  });

  it('ends with the release, and with the connection', async () => {
    const { org, agent } = ours;
    await world.release(ours, 'DELETE');
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine))).code).toBe('forbidden');
    await world.release(ours, 'PUT');
    const { answer } = await world.ask('NATS', 'disconnect_integration', { org, agent, connection: mine });
    expect(answer).toMatchObject({ id: mine, status: 'revoked' });
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, mine))).code).toBe('revoked');
    const refusal = await waitFor(async () => (await auth.auditEvents(org)).find((event) => event.errorCode === 'revoked'));
    expect(refusal).toMatchObject({ type: 'connection.token_refused', connection: mine });
  });

  it('is not given to whoever may not have it by the workspace either', async () => {
    const { rows } = await auth.database.query<{ id: string }>(
      `UPDATE vault.connection SET kind = 'workspace', user_id = NULL, agent_id = NULL WHERE id = $1 RETURNING id`,
      [await world.connectionOf(sibling)],
    );
    const shared = rows[0]?.id ?? '';
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(sibling, shared))).code).toBe('not_found');
    await auth.database.query('INSERT INTO vault.connection_grantee (connection_id, agent_id, org_id) VALUES ($1, $2, $3)', [
      ...[shared, sibling.agent, sibling.org],
    ]);
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(sibling, shared))).code).toBe('answered');
    expect((await world.ask('NATS', 'get_access_token', world.tokenRequest(ours, shared))).code).toBe('not_found');
    const ending = { org: sibling.org, agent: sibling.agent, connection: shared };
    expect((await world.ask('NATS', 'disconnect_integration', ending)).code).toBe('forbidden');
    expect(
      await whileGrantIsTaken(shared, () => world.ask('NATS', 'get_access_token', world.tokenRequest(sibling, shared))),
    ).toMatchObject({
      code: 'not_found',
    });
  });
});

/** What is asked for has been allowed, and waits for the connection, when the agent loses the workspace's connection. */
async function whileGrantIsTaken(connection: string, ask: () => Promise<Answered>): Promise<Answered> {
  const client = await auth.database.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ pid: number }>(
      'SELECT pg_backend_pid() AS pid FROM vault.connection WHERE id = $1 FOR UPDATE',
      [connection],
    );
    const asked = ask();
    const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))';
    await waitFor(async () => (await auth.database.query(waiting, [rows[0]?.pid])).rowCount === 1);
    await client.query('DELETE FROM vault.connection_grantee WHERE connection_id = $1', [connection]);
    await client.query('COMMIT');
    return await asked;
  } finally {
    client.release(true);
  }
}

async function expireIn(connection: string, seconds: number): Promise<void> {
  await auth.database.query(
    `UPDATE vault.credential SET access_expires_at = now() + make_interval(secs => $2), obtained_at = now() - interval '1 hour'
     WHERE connection_id = $1`,
    [connection, seconds],
  );
}
