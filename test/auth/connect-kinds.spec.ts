import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectSessionStatusSchema } from '@keyward/contracts';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';
import { register, registerMcp, sandboxKey } from './registrations.js';

let auth: AuthHarness;
let tenant: Tenant;
beforeAll(async () => {
  auth = await AuthHarness.start();
  tenant = await auth.tenant();
});
afterAll(() => auth.stop());

/** What the whole database holds, as text. */
async function stored(): Promise<string> {
  const { rows: tables } = await auth.database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('identity', 'vault', 'connect', 'bus', 'governance')`,
  );
  const texts = tables.map(({ name }) =>
    auth.database.query<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${name} t`),
  );
  return (await Promise.all(texts)).flatMap(({ rows }) => rows.map(({ text }) => text)).join('\n');
}

describe('an API key', () => {
  it('is entered on our page, probed, sealed and never shown again', async () => {
    const { key } = await sandboxKey(auth);
    const { id, url } = await auth.session(tenant, { provider: 'sandbox_key' });
    const browser = new Browser();
    await browser.open(url);
    expect(browser.page).toMatch(/<label for="field-secret">API key<\/label>/);
    expect(browser.page).toMatch(/<input[^>]*type="password"[^>]*autocomplete="off"/);
    await browser.submit({ decision: 'continue', secret: ` ${key}\n` });
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 200, title: 'Sandbox (API key) is connected' });
    expect(browser.page).toContain('Ada');
    const connection = (await auth.connections(tenant)).find(({ provider }) => provider === 'sandbox_key');
    expect(connection).toMatchObject({
      status: 'active',
      account: { id: 'ada', name: 'Ada' },
      authorizedBy: { kind: 'user', id: 'usr_ada' },
    });
    expect(await stored()).not.toContain(key);
    expect(browser.page).not.toContain(key);
    const status = await auth.ask(`/v1/connect-sessions/${id}?organization=${tenant.org}`);
    expect(connectSessionStatusSchema.strict().parse(status.body)).toMatchObject({
      state: 'completed',
      connection: connection?.id,
    });
  });

  it('that the provider refuses is told at the field, stored nowhere, and can be entered again', async () => {
    const own = await auth.tenant();
    const { key } = await sandboxKey(auth);
    const { id, url } = await auth.session(own, { provider: 'sandbox_key' });
    const browser = new Browser();
    await browser.open(url);
    for (const secret of ['', '   ', 'wrong-key-canary', `${key}x`]) {
      await browser.submit({ decision: 'continue', secret });
      expect(browser.status).toBe(422);
      expect(browser.page).toContain('aria-invalid="true"');
      expect(browser.page).toContain('role="alert"');
      expect(browser.page).not.toContain('wrong-key-canary');
      expect(await auth.connections(own)).toEqual([]);
    }
    expect(await stored()).not.toContain('wrong-key-canary');
    expect(await auth.sessionRow(id)).toMatchObject({ state: 'opened', failure: 'refused', connection_id: null });
    await browser.submit({ decision: 'continue', secret: key });
    expect(browser.title).toBe('Sandbox (API key) is connected');
  });

  it('with fields that the page does not have is refused', async () => {
    const { url } = await auth.session(tenant, { provider: 'sandbox_key', alias: 'fields' });
    const browser = new Browser();
    await browser.open(url);
    const { page } = browser;
    const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
    for (const extra of [{ username: 'x' }, { 'parameter.host': 'evil.example' }, { 'parameter.__proto__': 'x' }, { key: 'x' }]) {
      await browser.open(url, {
        method: 'POST',
        body: new URLSearchParams({ csrf, decision: 'continue', secret: 'k', ...extra }),
      });
      expect(browser.status).toBe(403);
    }
  });

  it('posted a hundred times at once is one connection and one generation', async () => {
    const own = await auth.tenant();
    const { key } = await sandboxKey(auth);
    const { url } = await auth.session(own, { provider: 'sandbox_key' });
    const browser = new Browser();
    await browser.open(url);
    const csrf = /name="csrf" value="([^"]+)"/.exec(browser.page)?.[1] ?? '';
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        fetch(url, {
          method: 'POST',
          body: new URLSearchParams({ csrf, decision: 'continue', secret: key }),
          headers: { cookie: browser.cookies(auth.url), 'x-forwarded-for': `203.0.113.${i}` },
          redirect: 'manual',
        }),
      ),
    );
    expect(answers.every(({ status }) => status === 200 || status === 303)).toBe(true);
    const { rows } = await auth.database.query('SELECT generation FROM vault.credential WHERE org_id = $1', [own.org]);
    expect(rows).toEqual([{ generation: 1 }]);
    await browser.open(url);
    expect(browser.title).toBe('Sandbox (API key) is connected');
  });
});

describe('a service account', () => {
  it('is connected after consent, with nothing to enter', async () => {
    await register(auth, tenant, 'sandbox_service');
    const browser = new Browser();
    await browser.open((await auth.session(tenant, { provider: 'sandbox_service' })).url);
    expect(browser.page).not.toMatch(/type="(password|text)"/);
    await browser.submit({ decision: 'continue' });
    expect(browser.title).toBe('Sandbox (service account) is connected');
    const { rows } = await auth.database.query<{ renewable: boolean; sealed_refresh: Buffer | null }>(
      `SELECT k.renewable, k.sealed_refresh FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
       WHERE c.org_id = $1 AND c.provider = 'sandbox_service'`,
      [tenant.org],
    );
    expect(rows).toEqual([{ renewable: true, sealed_refresh: null }]);
  });

  it('whose registration the provider refuses leaves nothing, and the link works once it is put right', async () => {
    const own = await auth.tenant();
    const { id, clientId } = await register(auth, own, 'sandbox_service');
    const wrong = { organization: own.org, clientId, clientSecret: 'wrong-secret-0123456789' };
    expect((await auth.ask(`/v1/provider-apps/${id}`, { method: 'PUT', body: wrong })).status).toBe(200);
    const browser = new Browser();
    await browser.open((await auth.session(own, { provider: 'sandbox_service' })).url);
    await browser.submit({ decision: 'continue' });
    expect(browser.status).toBe(422);
    expect(await auth.connections(own)).toEqual([]);
    await auth.manageSandbox('clients', {
      client_id: clientId,
      client_secret: 'wrong-secret-0123456789',
      grant_types: ['client_credentials'],
    });
    await browser.submit({ decision: 'continue' });
    expect(browser.title).toBe('Sandbox (service account) is connected');
  });
});

describe('an MCP server', () => {
  it('is discovered, a client registered there, and connected by the ordinary code flow', async () => {
    const app = await registerMcp(auth, tenant);
    expect(app).toMatchObject({ provider: 'sandbox_mcp', registration: 'dynamic', issuer: auth.sandbox.url });
    const browser = new Browser();
    await browser.connect((await auth.session(tenant, { provider: 'sandbox_mcp' })).url);
    expect(browser.title).toBe('Sandbox (MCP server) is connected');
    const authorization = browser.trail.find((url) => url.startsWith(`${auth.sandbox.url}/auth?`)) ?? '';
    const asked = new URL(authorization).searchParams;
    expect(asked.get('resource')).toBe(`${auth.sandbox.url}/mcp`);
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect((await auth.connections(tenant)).find(({ provider }) => provider === 'sandbox_mcp')?.status).toBe('active');
  });

  it('whose authorization server is another one now is not registered anew while a connection lives by the old one', async () => {
    const own = await auth.tenant();
    const { id } = await registerMcp(auth, own);
    await auth.database.query(`UPDATE vault.provider_app SET issuer = 'https://old.example' WHERE id = $1`, [id]);
    const again = () => auth.ask(`/v1/provider-apps/${String(id)}`, { method: 'PUT', body: { organization: own.org } });
    await auth.database.query(
      `INSERT INTO vault.connection (id, org_id, kind, agent_id, user_id, provider, alias, provider_app_id, status)
       VALUES ('conn_' || replace(gen_random_uuid()::text, '-', ''), $1, 'agent', $2, 'usr_ada', 'sandbox_mcp', 'default', $3, 'active')`,
      [own.org, own.agent, id],
    );
    expect(await again()).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await auth.database.query(`UPDATE vault.connection SET status = 'revoked' WHERE org_id = $1`, [own.org]);
    expect(await again()).toMatchObject({ status: 200, body: { issuer: auth.sandbox.url } });
  });
});

describe('a workspace account', () => {
  it('is authorized by an admin for the agents that are named', async () => {
    const own = await auth.tenant();
    const body = { kind: 'workspace', organization: own.org, agents: [own.agent], provider: 'sandbox' };
    const made = await auth.ask<{ url: string }>('/v1/connect-sessions', { body });
    expect(made.status).toBe(201);
    const browser = new Browser();
    await browser.connect(made.body.url);
    expect(browser.title).toBe('Sandbox is connected');
    const [connection] = await auth.connections(own);
    expect(connection).toMatchObject({
      kind: 'workspace',
      agent: null,
      user: null,
      authorizedBy: { kind: 'admin', id: 'admin' },
    });
    const { rows } = await auth.database.query('SELECT agent_id FROM vault.connection_grantee WHERE connection_id = $1', [
      connection?.id,
    ]);
    expect(rows).toEqual([{ agent_id: own.agent }]);
  });

  it.each([
    [{ agents: ['agt_00000000000000000000000000000000'] }, 404],
    [{ agents: ['agt_nobody'] }, 404],
    [{ user: 'usr_ada' }, 400],
    [{ agent: 'agt_00000000000000000000000000000000' }, 400],
  ])('with %j is refused', async (change, status) => {
    const own = await auth.tenant();
    const body = { kind: 'workspace', organization: own.org, agents: [own.agent], provider: 'sandbox', ...change };
    expect((await auth.ask('/v1/connect-sessions', { body })).status).toBe(status);
  });
});

describe('connecting again', () => {
  it('says so, and names what is asked for in addition', async () => {
    const own = await auth.tenant();
    await new Browser().connect((await auth.session(own, { scopes: ['openid', 'notes:read'] })).url);
    const browser = new Browser();
    await browser.open((await auth.session(own, { scopes: ['openid', 'notes:read'] })).url);
    expect(browser.page).toContain('is connected already, with all that is asked for here');
    expect(browser.page).not.toContain('New:');
    await browser.open((await auth.session(own, { scopes: ['openid', 'notes:read', 'notes:write'] })).url);
    expect(browser.page.replace(/\s+/g, ' ')).toMatch(/New:<\/strong> Create and delete your notes/);
    await browser.submit({ decision: 'continue' });
    await browser.signIn();
    expect((await auth.connections(own)).map(({ scopes }) => scopes)).toEqual([['openid', 'notes:read', 'notes:write']]);
  });
});
