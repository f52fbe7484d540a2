import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import {
  CUSTODY_TOKEN_TYPE,
  custodyAnswerSchemas,
  custodyOperations,
  custodySubject,
  newId,
  releasedTokenSchema,
  type Connection,
  type CustodyOperation,
} from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { compactDecrypt, decodeProtectedHeader, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';

type Door = 'NATS' | 'HTTP';
interface Answered {
  code: string;
  problem: string;
  answer: Record<string, unknown>;
}

let auth: AuthHarness;
let ours: Tenant;
let sibling: Tenant;
let theirs: Tenant;
let mine: string;
let another: string;
let recipient: { privateKey: CryptoKey; jwk: JWK };

beforeAll(async () => {
  auth = await AuthHarness.start();
  await auth.startRefresher();
  [ours, theirs] = [await auth.tenant(), await auth.tenant()];
  const { body } = await auth.ask<{ id: string }>('/v1/agents', {
    body: { organization: ours.org, slug: 'sibling', name: 'Sibling' },
  });
  sibling = { ...ours, agent: body.id };
  for (const tenant of [ours, sibling, theirs]) await new Browser().connect((await auth.session(tenant)).url);
  mine = await connectionOf(ours);
  another = await connectionOf(theirs);
  const { privateKey, publicKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
  recipient = { privateKey, jwk: await exportJWK(publicKey) };
});
afterAll(() => auth.stop());

async function connectionOf({ org, agent }: Tenant): Promise<string> {
  const { body } = await auth.ask<{ connections: Connection[] }>(`/v1/connections?organization=${org}&agent=${agent}`);
  return body.connections[0]?.id ?? '';
}

/** What nobody asked for is not in the answer: the trace differs, and nothing else may. */
async function ask(door: Door, operation: CustodyOperation, request: object): Promise<Answered> {
  if (door === 'NATS') {
    const message = await auth.nc.request(custodySubject(operation), JSON.stringify(request), { timeout: 20_000 });
    const reply = message.json<{ outcome: string; answer?: object; error?: Record<string, unknown> }>();
    const { traceId: _trace, ...error } = reply.error ?? {};
    return {
      code: reply.outcome === 'answered' ? 'answered' : String(error['code']),
      problem: JSON.stringify(error),
      answer: { ...error, ...reply.answer },
    };
  }
  const { status, body } = await auth.ask(`/v1/custody/${operation}`, { body: request });
  const { traceId: _trace, ...answer } = body;
  const code = status === 200 ? 'answered' : String(body['code']);
  return { code, problem: JSON.stringify(answer), answer };
}

const tokenRequest = (tenant: Tenant, connection: string, more: object = {}) => ({
  ...{ org: tenant.org, agent: tenant.agent, connection, recipientKey: recipient.jwk },
  ...more,
});

const release = (tenant: Tenant, how: 'PUT' | 'DELETE') =>
  auth.ask(`/v1/agents/${tenant.agent}/token-releases/sandbox?organization=${tenant.org}`, { method: how });

const DOORS: Door[] = ['NATS', 'HTTP'];

describe.each(DOORS)('custody over %s', (door) => {
  it('makes a link to connect, and finishes what came back to a platform that serves the redirect URI itself', async () => {
    const { org, agent } = ours;
    const user = `usr_${door.toLowerCase()}`;
    const { answer: session } = await ask(door, 'get_oauth_url', { org, agent, user, provider: 'sandbox' });
    const { url } = custodyAnswerSchemas.get_oauth_url.parse(session);
    const browser = new Browser();
    const callback = await browser.connectUpToCallback(url, ours.app.redirectUri);
    const cookie = /=([^;]+)/.exec(browser.cookies(auth.url))?.[1] ?? '';
    const context = callback.pathname.split('/').at(-1);
    const finish = (caller: object) =>
      ask(door, 'handle_oauth_callback', { ...caller, context, query: callback.search, browser: cookie });

    expect((await finish({ org, agent: sibling.agent })).answer).toEqual({ outcome: 'state_invalid', connection: null });
    expect((await finish({ org: theirs.org, agent: theirs.agent })).answer).toEqual({
      outcome: 'state_invalid',
      connection: null,
    });
    const stranger = ask(door, 'handle_oauth_callback', { org, agent, context, query: callback.search, browser: 'x'.repeat(43) });
    expect((await stranger).answer).toEqual({ outcome: 'other_browser', connection: null });
    const { answer } = await finish({ org, agent });
    expect(answer).toMatchObject({ outcome: 'connected', connection: { user, agent, status: 'active' } });
    expect((await finish({ org, agent })).answer).toMatchObject({ outcome: 'replayed', connection: null });
  });

  it('lists and describes what the agent may use, as metadata', async () => {
    const { org, agent } = ours;
    const { answer } = await ask(door, 'list_integrations', { org, agent });
    const { connections } = custodyAnswerSchemas.list_integrations.parse(answer);
    expect(connections.map(({ id }) => id)).toContain(mine);
    expect(new Set(connections.map((each) => each.agent))).toEqual(new Set([agent]));
    const of = await ask(door, 'list_integrations', { org, agent, user: 'usr_nobody' });
    expect(of.answer).toEqual({ connections: [], nextCursor: null });
    const { answer: one } = await ask(door, 'get_integration', { org, agent, connection: mine });
    expect(custodyAnswerSchemas.get_integration.parse(one)).toMatchObject({ id: mine, expiresAt: expect.any(String) });
    expect(JSON.stringify([answer, one])).not.toMatch(/sealed|token/i);
  });

  it.each(['get_access_token', 'get_integration', 'disconnect_integration'] as const)(
    '%s answers for every connection that is another’s, gone or no id exactly as for one that never was',
    async (operation) => {
      const request = (tenant: Pick<Tenant, 'org' | 'agent'>, connection: string) => ({
        ...{ org: tenant.org, agent: tenant.agent, connection },
        ...(operation === 'get_access_token' ? { recipientKey: recipient.jwk } : {}),
      });
      const absent = await ask(door, operation, request(ours, newId('conn')));
      expect(absent.code).toBe('not_found');
      for (const [tenant, connection] of [
        [ours, another],
        [ours, await connectionOf(sibling)],
        [sibling, mine],
        [theirs, mine],
        [{ ...ours, org: theirs.org }, mine],
        [{ ...ours, org: newId('org') }, mine],
        [{ ...ours, agent: newId('agt') }, mine],
        [ours, mine.toUpperCase()],
        [{ ...ours, agent: ours.agent.toUpperCase() }, mine],
        [{ ...ours, org: ours.org.toUpperCase() }, mine],
        [ours, `${mine}x`],
        [ours, ''],
      ] as [Tenant, string][]) {
        expect(await ask(door, operation, request(tenant, connection))).toEqual(absent);
      }
    },
  );

  it('lists for an agent of another organization, or that is no id at all, what it lists for one that never was', async () => {
    const absent = await ask(door, 'list_integrations', { org: ours.org, agent: newId('agt') });
    expect(absent.code).toBe('not_found');
    for (const caller of [
      { org: ours.org, agent: theirs.agent },
      { org: theirs.org, agent: ours.agent },
      { org: newId('org'), agent: ours.agent },
      { org: ours.org, agent: ours.agent.toUpperCase() },
      { org: ours.org.toUpperCase(), agent: ours.agent },
      { org: ours.org, agent: 'null' },
    ]) {
      expect(await ask(door, 'list_integrations', caller)).toEqual(absent);
    }
  });

  it('refuses what is no request, and says where', async () => {
    const { org, agent } = ours;
    for (const [operation, request, pointer] of [
      ['get_integration', { org, agent }, '/connection'],
      ['get_oauth_url', { org, agent, user: 'a b', provider: 'sandbox' }, '/user'],
      ['list_integrations', { org, agent, everyone: true }, ''],
      ['handle_oauth_callback', { org, agent, context: '../x', query: '', browser: '' }, '/context'],
    ] as const) {
      const { code, answer } = await ask(door, operation, request);
      expect([code, (answer['errors'] as { pointer: string }[])[0]?.pointer]).toEqual(['invalid_request', pointer]);
    }
  });
});

describe('get_access_token', () => {
  const opened = async (answer: Record<string, unknown>) => {
    const { jwe } = custodyAnswerSchemas.get_access_token.parse(answer);
    const { plaintext } = await compactDecrypt(jwe, recipient.privateKey);
    return releasedTokenSchema.parse(JSON.parse(new TextDecoder().decode(plaintext)));
  };
  const working = async (token: string) =>
    (await fetch(`${auth.sandbox.url}/api/notes`, { headers: { authorization: `Bearer ${token}` } })).status;

  it('is forbidden, and recorded as refused, until an admin releases the provider’s tokens to this agent', async () => {
    await release(sibling, 'PUT');
    expect((await ask('NATS', 'get_access_token', tokenRequest(ours, mine))).code).toBe('forbidden');
    const refusal = await waitFor(async () =>
      (await auth.auditEvents(ours.org)).find(({ errorCode }) => errorCode === 'forbidden'),
    );
    expect(refusal).toMatchObject({
      ...{ type: 'connection.token_refused', agent: ours.agent, connection: mine, provider: 'sandbox', user: 'usr_ada' },
      actor: { kind: 'agent', id: ours.agent },
    });
    const granted = await release(ours, 'PUT');
    expect(granted.body).toMatchObject({ agent: ours.agent, provider: 'sandbox', granted: true });
    expect((await release(ours, 'PUT')).body).toEqual(granted.body);
    const grants = await waitFor(async () => {
      const found = (await auth.auditEvents(ours.org)).filter(({ type }) => type === 'token_release.granted');
      return found.length >= 2 ? found : undefined;
    });
    expect(grants.map(({ agent }) => agent)).toEqual([sibling.agent, ours.agent]);
  });

  it('seals the token to the caller’s key, and the token works', async () => {
    const { answer } = await ask('NATS', 'get_access_token', tokenRequest(ours, mine));
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
    const { answer } = await ask('HTTP', 'get_access_token', tokenRequest(ours, mine, { recipientKey }));
    const jwe = String(answer['jwe']);
    expect(decodeProtectedHeader(jwe)['kid']).toBe('mine-7');
    expect((await compactDecrypt(jwe, privateKey)).plaintext.length).toBeGreaterThan(20);
  });

  it('does not leave where it can not be recorded', async () => {
    await auth.database.query('REVOKE INSERT ON bus.outbox FROM keyward_auth');
    try {
      const { code, answer } = await ask('NATS', 'get_access_token', tokenRequest(ours, mine));
      expect([code, 'jwe' in answer]).toEqual([expect.stringMatching(/^(internal|dependency_unavailable)$/), false]);
    } finally {
      await auth.database.query('GRANT INSERT ON bus.outbox TO keyward_auth');
    }
    expect((await ask('NATS', 'get_access_token', tokenRequest(ours, mine))).code).toBe('answered');
  });

  it('renews a token first that is about to expire', async () => {
    const before = await opened((await ask('NATS', 'get_access_token', tokenRequest(ours, mine))).answer);
    await expireIn(mine, 10);
    const { answer } = await ask('NATS', 'get_access_token', tokenRequest(ours, mine));
    expect(answer['generation']).toBe(2);
    const after = await opened(answer);
    expect(after.accessToken).not.toBe(before.accessToken);
    expect(await working(after.accessToken)).toBe(200);
  });

  it('answers a scope that the grant lacks with a link that asks for the union', async () => {
    const scopes = ['notes:read', 'notes:delete'];
    const { code, answer } = await ask('HTTP', 'get_access_token', tokenRequest(ours, mine, { scopes }));
    expect([code, answer['missingScopes']]).toEqual(['missing_scopes', ['notes:delete']]);
    expect(answer['connectUrl']).toContain(`${auth.url}/connect/`);
    const { rows } = await auth.database.query<{ scopes: string[] }>(
      'SELECT scopes FROM connect.connect_session WHERE org_id = $1 ORDER BY id DESC LIMIT 1',
      [ours.org],
    );
    expect(rows[0]?.scopes).toEqual(expect.arrayContaining(scopes));
  });

  it.each([
    ['not on its curve', () => ({ ...recipient.jwk, y: recipient.jwk.x })],
    ['of the point at nowhere', () => ({ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) })],
    ['of an X25519 point of low order', () => ({ kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) })],
    ['with its private half', () => ({ ...recipient.jwk, d: 'A'.repeat(43) })],
    ['of another curve', () => ({ ...recipient.jwk, crv: 'P-384' })],
    ['that is a shared secret', () => ({ kty: 'oct', k: 'A'.repeat(43) })],
    ['that is RSA', () => ({ kty: 'RSA', n: 'A'.repeat(342), e: 'AQAB' })],
    ['that is huge', () => ({ ...recipient.jwk, x: 'A'.repeat(100_000) })],
    ['that is too short', () => ({ ...recipient.jwk, x: 'AA' })],
    ['of a prototype', () => ({ kty: 'EC', crv: 'P-256', x: ['A'], y: { length: 3 } })],
  ])('refuses a recipient key %s', async (_what, key) => {
    const { code, answer } = await ask('NATS', 'get_access_token', tokenRequest(ours, mine, { recipientKey: key() }));
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
    const { code, answer } = await ask('NATS', 'get_access_token', tokenRequest(ours, id));
    expect([code, answer['connectUrl']]).toEqual(['needs_reauthorization', expect.stringContaining('/connect/')]);
    await auth.database.query(`UPDATE vault.connection SET status = 'needs_reauthorization' WHERE id = $1`, [id]);
    expect((await ask('NATS', 'get_access_token', tokenRequest(ours, id))).code).toBe('needs_reauthorization');
  });

  it('ends with the release, and with the connection', async () => {
    const { org, agent } = ours;
    await release(ours, 'DELETE');
    expect((await ask('NATS', 'get_access_token', tokenRequest(ours, mine))).code).toBe('forbidden');
    await release(ours, 'PUT');
    const { answer } = await ask('NATS', 'disconnect_integration', { org, agent, connection: mine });
    expect(answer).toMatchObject({ id: mine, status: 'revoked' });
    expect((await ask('NATS', 'get_access_token', tokenRequest(ours, mine))).code).toBe('revoked');
    const refusal = await waitFor(async () => (await auth.auditEvents(org)).find((event) => event.errorCode === 'revoked'));
    expect(refusal).toMatchObject({ type: 'connection.token_refused', connection: mine });
  });

  it('is not given to whoever may not have it by the workspace either', async () => {
    const { rows } = await auth.database.query<{ id: string }>(
      `UPDATE vault.connection SET kind = 'workspace', user_id = NULL, agent_id = NULL WHERE id = $1 RETURNING id`,
      [await connectionOf(sibling)],
    );
    const shared = rows[0]?.id ?? '';
    expect((await ask('NATS', 'get_access_token', tokenRequest(sibling, shared))).code).toBe('not_found');
    await auth.database.query('INSERT INTO vault.connection_grantee (connection_id, agent_id, org_id) VALUES ($1, $2, $3)', [
      ...[shared, sibling.agent, sibling.org],
    ]);
    expect((await ask('NATS', 'get_access_token', tokenRequest(sibling, shared))).code).toBe('answered');
    expect((await ask('NATS', 'get_access_token', tokenRequest(ours, shared))).code).toBe('not_found');
    const ending = { org: sibling.org, agent: sibling.agent, connection: shared };
    expect((await ask('NATS', 'disconnect_integration', ending)).code).toBe('forbidden');
    expect(await whileGrantIsTaken(shared, () => ask('NATS', 'get_access_token', tokenRequest(sibling, shared)))).toMatchObject({
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
    'UPDATE vault.credential SET access_expires_at = now() + make_interval(secs => $2) WHERE connection_id = $1',
    [connection, seconds],
  );
}

describe('any request', () => {
  const operation = fc.constantFrom(...custodyOperations);
  const id = fc.constantFrom('org', 'agt', 'conn').map((prefix) => newId(prefix as 'org'));
  const value = fc.oneof(fc.jsonValue({ maxDepth: 4 }), id, fc.string({ unit: 'binary' }));
  const members = [
    'org',
    'agent',
    'connection',
    'user',
    'provider',
    'scopes',
    'recipientKey',
    'cursor',
    'context',
    'query',
    'browser',
  ];
  const request = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.dictionary(fc.constantFrom(...members), value),
    fc.dictionary(fc.constantFrom(...members), value).map((more) => ({ org: newId('org'), agent: newId('agt'), ...more })),
  );
  const REFUSALS = ['invalid_request', 'not_found'];

  test.prop([operation, request], { numRuns: 200 })(
    'over NATS is answered or refused without an error of ours',
    async (op, payload) => {
      const { code, answer } = await ask('NATS', op, payload as object);
      if (code === 'answered') expect(JSON.stringify(answer)).toContain('state_invalid');
      else expect(REFUSALS).toContain(code);
    },
  );

  test.prop([operation, request], { numRuns: 60 })('over HTTP likewise', async (op, payload) => {
    const { code } = await ask('HTTP', op, payload as object);
    expect(['answered', ...REFUSALS]).toContain(code);
  });
});

describe('the doors of custody', () => {
  it('are one micro-service that is found with all its operations', async () => {
    const message = await auth.nc.request('$SRV.INFO.auth', '', { timeout: 5000 });
    const { endpoints, version } = message.json<{ version: string; endpoints: { subject: string; queue_group: string }[] }>();
    expect(version).toBe('1.0.0');
    expect(endpoints.map(({ subject }) => subject)).toEqual(expect.arrayContaining(custodyOperations.map(custodySubject)));
    expect(new Set(endpoints.map(({ queue_group: queue }) => queue))).toEqual(new Set(['auth-service']));
  });

  it('over HTTP are for admins, and know no seventh operation', async () => {
    const { org, agent } = ours;
    for (const token of ['', 'wrong', 'kwa_nonsense']) {
      const { status } = await auth.ask('/v1/custody/list_integrations', { body: { org, agent }, token });
      expect(status).toBe(401);
    }
    expect((await auth.ask('/v1/custody/constructor', { body: { org, agent } })).status).toBe(404);
  });
});
