import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentSchema, connectionSchema, providerAppSchema } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Browser } from './browser.js';
import { AuthHarness } from './harness.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

describe('connecting an account', () => {
  it('goes from the link over our page and the provider to an active connection, with event and audit trail', async () => {
    const tenant = await auth.tenant({ organization: 'Acme & Sons', agent: 'Scribe' });
    const session = await auth.session(tenant);
    expect(session.url).toMatch(new RegExp(`^${auth.url}/connect/[A-Za-z0-9_-]{43}$`));

    const browser = new Browser();
    await browser.open(session.url);
    expect(browser.status).toBe(200);
    expect(browser.title).toBe('Connect your Sandbox account');
    for (const text of ['Acme &amp; Sons', 'Scribe', 'usr_ada', 'Read your notes', 'never see it'])
      expect(browser.page).toContain(text);
    expect(browser.headers.get('content-security-policy')).toMatch(/^default-src 'none'.*frame-ancestors 'none'/);
    expect(browser.headers.get('cache-control')).toBe('no-store');
    expect(browser.headers.get('x-frame-options')).toBe('DENY');
    expect(browser.headers.getSetCookie()[0]).toMatch(
      /^keyward_connect=[A-Za-z0-9_-]{43}; Max-Age=7200; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    expect((await auth.sessionRow(session.id)).state).toBe('opened');

    await browser.submit({ decision: 'continue' });
    const authorization = new URL(browser.trail[0] ?? '');
    expect(authorization.origin).toBe(auth.sandbox.url);
    expect(authorization.searchParams.get('code_challenge_method')).toBe('S256');
    expect(authorization.searchParams.get('redirect_uri')).toBe(tenant.app.redirectUri);

    await browser.signIn();
    expect(browser.status).toBe(200);
    expect(browser.title).toBe('Sandbox is connected');
    const [connection, ...others] = await auth.connections(tenant);
    expect(others).toEqual([]);
    expect(connectionSchema.parse(connection)).toMatchObject({
      organization: tenant.org,
      agent: tenant.agent,
      user: 'usr_ada',
      provider: 'sandbox',
      alias: 'default',
      status: 'active',
      scopes: ['openid', 'offline_access', 'notes:read', 'notes:write'],
    });
    const lifetimeMs = new Date(connection?.expiresAt ?? 0).getTime() - Date.now();
    expect(lifetimeMs).toBeGreaterThan(100_000);
    expect(lifetimeMs).toBeLessThanOrEqual(120_000);
    expect(await auth.sessionRow(session.id)).toEqual({ state: 'completed', failure: null, connection_id: connection?.id });

    const audited = await auth.auditEvent(tenant.org, 'connection.authorized');
    expect(audited).toMatchObject({
      connection: connection?.id,
      generation: 1,
      actor: { kind: 'user', id: 'usr_ada' },
      agent: tenant.agent,
    });
    const [event] = await auth.connectionEvents(tenant.org);
    expect(event).toMatchObject({ event: 'authorized', connection: connection?.id, generation: 1, user: 'usr_ada' });
    const types = (await auth.auditEvents(tenant.org)).map(({ type }) => type);
    expect(types).toEqual([
      'organization.created',
      'agent.created',
      'provider_app.created',
      'connect_session.created',
      'connection.authorized',
    ]);
  });

  it('leaves no token, code, verifier, state or secret readable in the database', async () => {
    const tenant = await auth.tenant();
    const browser = new Browser();
    const session = await auth.session(tenant);
    await browser.connect(session.url);
    expect(browser.title).toBe('Sandbox is connected');
    const secrets = browser.trail.flatMap((url) => ['code', 'state'].flatMap((name) => new URL(url).searchParams.getAll(name)));
    secrets.push(session.url.split('/').at(-1) ?? '', browser.cookies(auth.url).split('=')[1] ?? '');
    expect(secrets).toHaveLength(5);
    const { rows: tables } = await auth.database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('identity', 'vault', 'connect', 'bus', 'governance')`,
    );
    for (const { name } of tables) {
      const { rows } = await auth.database.query<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${name} t`);
      for (const { text } of rows) for (const secret of secrets) expect(text).not.toContain(secret);
    }
  });

  it('connecting the same account again keeps the id and replaces the credential', async () => {
    const tenant = await auth.tenant();
    await new Browser().connect((await auth.session(tenant)).url);
    const [first] = await auth.connections(tenant);
    const again = new Browser();
    await again.connect((await auth.session(tenant)).url, { scopes: ['openid', 'offline_access', 'notes:read'] });
    expect(again.title).toBe('Sandbox is connected');
    const connections = await auth.connections(tenant);
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({ id: first?.id, status: 'active', scopes: ['openid', 'offline_access', 'notes:read'] });
    const { rows } = await auth.database.query('SELECT generation FROM vault.credential WHERE connection_id = $1', [first?.id]);
    expect(rows).toEqual([{ generation: 2 }]);
    await waitFor(async () => (await auth.connectionEvents(tenant.org)).length === 3);
    const events = await auth.connectionEvents(tenant.org);
    expect(events.map(({ event, generation }) => `${event} ${generation}`).sort()).toEqual([
      'authorized 1',
      'authorized 2',
      'scopes_changed 2',
    ]);
    const { rows: history } = await auth.database.query<{ generation: number; scopes: string[] }>(
      'SELECT generation, scopes FROM vault.connection_authorization WHERE connection_id = $1 ORDER BY generation',
      [first?.id],
    );
    expect(history).toEqual([
      { generation: 1, scopes: first?.scopes },
      { generation: 2, scopes: ['openid', 'offline_access', 'notes:read'] },
    ]);
  });

  it('another alias, user or agent is another connection', async () => {
    const tenant = await auth.tenant();
    await new Browser().connect((await auth.session(tenant)).url);
    await new Browser().connect((await auth.session(tenant, { alias: 'work' })).url);
    await new Browser().connect((await auth.session(tenant, { user: 'usr_grace' })).url, { user: 'grace' });
    const connections = await auth.connections(tenant);
    expect(new Set(connections.map(({ id }) => id)).size).toBe(3);
    const { body } = await auth.ask<{ connections: unknown[] }>(`/v1/connections?organization=${tenant.org}&user=usr_grace`);
    expect(body.connections).toHaveLength(1);
  });

  it('stores what was granted, not what was asked', async () => {
    const tenant = await auth.tenant();
    const session = await auth.session(tenant, { scopes: ['openid', 'notes:read', 'notes:write'] });
    await new Browser().connect(session.url, { scopes: ['openid', 'notes:read'] });
    expect((await auth.connections(tenant))[0]?.scopes).toEqual(['openid', 'notes:read']);
  });

  it('without a scope in the answer the granted ones are those asked for', async () => {
    const tenant = await auth.tenant();
    const session = await auth.session(tenant, { scopes: ['openid', 'notes:read'] });
    await auth.manageSandbox('faults', { kind: 'alter', endpoint: 'token', members: { scope: null } });
    await new Browser().connect(session.url);
    expect((await auth.connections(tenant))[0]?.scopes).toEqual(['openid', 'notes:read']);
  });

  it('ends at the registered return URL, exactly as it was registered', async () => {
    const returnUrl = 'http://127.0.0.1:9/done?from=keyward';
    const tenant = await auth.tenant({ returnUrls: [returnUrl] });
    const browser = new Browser();
    browser.stopAt = returnUrl;
    await browser.connect((await auth.session(tenant, { returnUrl })).url);
    expect(browser.trail.at(-1)).toBe(returnUrl);
    expect(browser.status).toBe(303);
    expect((await auth.connections(tenant))[0]?.status).toBe('active');
  });

  it('a session asked for over the bus does the same', async () => {
    const tenant = await auth.tenant();
    const request = { org: tenant.org, agent: tenant.agent, user: 'usr_ada', provider: 'sandbox' };
    const reply = await auth.nc.request('auth.v1.create_connect_session', JSON.stringify(request), { timeout: 5_000 });
    const { outcome, session } = reply.json<{ outcome: string; session: { url: string } }>();
    expect(outcome).toBe('created');
    const browser = new Browser();
    await browser.connect(session.url);
    expect(browser.title).toBe('Sandbox is connected');
    const created = await auth.auditEvent(tenant.org, 'connect_session.created');
    expect(created.actor).toEqual({ kind: 'agent', id: tenant.agent });
  });

  it.each([
    [{ agent: 'agt_00000000000000000000000000000000' }, 'not_found'],
    [{ org: 'org_00000000000000000000000000000000' }, 'not_found'],
    [{ provider: 'nobody' }, 'invalid_request'],
    [{ returnUrl: 'https://evil.example/' }, 'invalid_request'],
    [{ scopes: ['notes:read notes:write'] }, 'invalid_request'],
    [{ user: 'a b' }, 'invalid_request'],
    [{ organization: 'org_00000000000000000000000000000000' }, 'invalid_request'],
  ])('a request over the bus with %j is refused with %s', async (change, code) => {
    const tenant = await auth.tenant();
    const request = { org: tenant.org, agent: tenant.agent, user: 'usr_ada', provider: 'sandbox', ...change };
    const reply = await auth.nc.request('auth.v1.create_connect_session', JSON.stringify(request), { timeout: 5_000 });
    expect(reply.json()).toMatchObject({ outcome: 'failed', error: { code } });
  });
});

describe('not connecting', () => {
  it('Cancel on our page ends it, and the provider hears nothing', async () => {
    const tenant = await auth.tenant({ returnUrls: ['https://app.example/done'] });
    const session = await auth.session(tenant, { returnUrl: 'https://app.example/done' });
    const browser = new Browser();
    await browser.open(session.url);
    await browser.submit({ decision: 'cancel' });
    expect(browser.title).toBe('Cancelled');
    expect(browser.page).toContain('href="https://app.example/done"');
    expect(browser.trail).toEqual([]);
    expect(await auth.sessionRow(session.id)).toMatchObject({ state: 'cancelled', failure: 'cancelled' });
    await browser.open(session.url);
    expect(browser.title).toBe('Cancelled');
    expect(await auth.auditEvent(tenant.org, 'connection.authorization_failed')).toMatchObject({
      user: 'usr_ada',
      provider: 'sandbox',
    });
  });

  it('a no at the provider is told, recorded and final', async () => {
    const tenant = await auth.tenant();
    const session = await auth.session(tenant);
    const browser = new Browser();
    await browser.connect(session.url, { decision: 'deny' });
    expect(browser.status).toBe(200);
    expect(browser.title).toBe('Not connected');
    expect(await auth.sessionRow(session.id)).toMatchObject({ state: 'failed', failure: 'access_denied' });
    expect(await auth.connections(tenant)).toEqual([]);
    await browser.open(session.url);
    expect(browser.status).toBe(410);
    const audited = await auth.auditEvent(tenant.org, 'connection.authorization_failed');
    expect(audited).toMatchObject({ reason: `access_denied (${session.id})`, actor: { kind: 'user', id: 'usr_ada' } });
  });
});

it('answers have the shapes of the contracts', async () => {
  const tenant = await auth.tenant();
  const agents = await auth.ask<{ agents: unknown[] }>(`/v1/agents?organization=${tenant.org}`);
  expect(agentSchema.strict().parse(agents.body.agents[0])).toMatchObject({ id: tenant.agent });
  const apps = await auth.ask<{ providerApps: unknown[] }>(`/v1/provider-apps?organization=${tenant.org}`);
  expect(providerAppSchema.strict().parse(apps.body.providerApps[0])).toMatchObject(tenant.app);
});
