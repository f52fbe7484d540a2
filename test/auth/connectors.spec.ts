import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Connector, type ConnectorDetail, type ControlCatalogChanged } from '@keyward/contracts';
import { onCatalogChanged } from '@keyward/jetstream';
import { sandboxConnectors, waitFor } from '@keyward/testing';
import { AuthHarness, CONNECTORS, type Tenant } from './harness.js';

interface Page {
  connectors: Connector[];
  nextCursor: string | null;
}

let auth: AuthHarness;
let ours: Tenant;
let theirs: Tenant;
beforeAll(async () => {
  auth = await AuthHarness.start({ env: { KEYWARD_CONNECTORS_DIR: sandboxConnectors(CONNECTORS, 'github') } });
  [ours, theirs] = [await auth.tenant(), await auth.tenant()];
});
afterAll(() => auth.stop());

function manifest(name: string, { origin = `https://api.${name}.example`, kind = 'api_key' } = {}): string {
  return `name: ${name}\ntitle: Title of ${name}\ncategories: [crm]\nauth: { kind: ${kind} }\nbase_url: ${origin}\norigins: ['${origin}']\n`;
}

function tools(tool: string): string {
  return `- name: ${tool}
  title: Get
  description: Gets.
  effect: read
  input: { type: object }
  request: { method: GET, path: /things }
`;
}

const post = (body: object) => auth.ask<ConnectorDetail & Record<string, unknown>>('/v1/connectors', { body });
const list = async (tenant: Tenant, query = '') =>
  (await auth.ask<Page>(`/v1/connectors?organization=${tenant.org}${query}`)).body.connectors.map(({ name }) => name);
const remove = (tenant: Tenant, name: string) =>
  auth.ask(`/v1/connectors/${name}?organization=${tenant.org}`, { method: 'DELETE' });

const connect = (tenant: Tenant, provider: string) =>
  auth.database.query(
    `INSERT INTO vault.connection (id, org_id, kind, user_id, agent_id, provider, alias, status, authorized_by_kind, authorized_by_id)
     VALUES ($1, $2, 'agent', 'usr_ada', $3, $4, 'default', 'active', 'user', 'usr_ada')`,
    [newId('conn'), tenant.org, tenant.agent, provider],
  );

describe('connectors', () => {
  it('of the deployment are everybody’s; a posted one is its organization’s alone, at once', async () => {
    const changes: ControlCatalogChanged[] = [];
    const subscription = onCatalogChanged(auth.nc, (message) => changes.push(message));
    await auth.nc.flush();
    const { status, body } = await post({ organization: ours.org, manifest: manifest('acme'), tools: tools('acme_get') });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: {
        name: 'acme',
        kind: 'api_key',
        origin: 'organization',
        version: 1,
        tools: 1,
        origins: ['https://api.acme.example'],
      },
    });
    await waitFor(() => changes.length === 1);
    expect(changes).toEqual([{ org: ours.org }]);
    subscription.unsubscribe();
    expect(await list(ours)).toEqual(expect.arrayContaining(['acme', 'sandbox']));
    expect(await list(theirs)).not.toContain('acme');
    expect((await auth.ask(`/v1/connectors/acme?organization=${theirs.org}`)).status).toBe(404);
    expect((await auth.ask(`/v1/connectors/acme?organization=${newId('org')}`)).status).toBe(404);
    const sandbox = (await auth.ask<ConnectorDetail>(`/v1/connectors/sandbox?organization=${theirs.org}`)).body;
    expect(sandbox).toMatchObject({ origin: 'deployment', version: null, posted: null });
    expect(sandbox.toolList.map(({ name }) => name)).toContain('sandbox_get_note');
  });

  it('are found by words and by category, in pages', async () => {
    const tenant = await auth.tenant();
    await post({ organization: tenant.org, manifest: manifest('findable') });
    expect(await list(tenant, '&search=TITLE%20OF%20find')).toEqual(['findable']);
    expect(await list(tenant, '&category=crm&search=findable')).toEqual(['findable']);
    expect(await list(tenant, '&category=banking&search=findable')).toEqual([]);
    expect(await list(tenant, '&cursor=findable')).not.toContain('findable');
    expect((await auth.ask(`/v1/connectors?organization=${tenant.org}&cursor=..%2F`)).status).toBe(400);
  });

  it('are refused with every line that is wrong, and nothing is lost', async () => {
    const broken = manifest('lined').replace('title: Title of lined', 'title: ""').replace('[crm]', '[nothing]');
    const answer = await post({ organization: ours.org, manifest: broken });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        errors: [
          { pointer: '/manifest', detail: expect.stringContaining('line 2, /title') },
          { pointer: '/manifest', detail: expect.stringContaining('line 3, /categories/0') },
        ],
      },
    });
    const badTool = await post({
      organization: ours.org,
      manifest: manifest('lined'),
      tools: tools('lined_get').replace('/things', '//x'),
    });
    expect(badTool.body).toMatchObject({
      errors: [{ pointer: '/tools', detail: expect.stringContaining('line 6, /0/request/path') }],
    });
    expect(await list(ours)).not.toContain('lined');
    expect((await post({ organization: ours.org, manifest: manifest('lined'), tools: tools('lined_get') })).status).toBe(201);
  });

  it.each([
    ['a name of the deployment', manifest('sandbox'), undefined],
    ['a tool of the deployment', manifest('thief'), tools('sandbox_get_note')],
    ['this machine', manifest('thief', { origin: 'http://127.0.0.1:9' }), undefined],
    ['a variable', `${manifest('thief')}variables: { a: b }\n`, undefined],
    ['no YAML', '\u0000', undefined],
  ])('%s is not to be had', async (_what, text, toolsText) => {
    const { status, body } = await post({
      organization: ours.org,
      manifest: text,
      ...(toolsText === undefined ? {} : { tools: toolsText }),
    });
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'invalid_request' });
  });

  it('rise in version, and every change is in the audit trail', async () => {
    const tenant = await auth.tenant();
    const name = 'versioned';
    await post({ organization: tenant.org, manifest: manifest(name) });
    expect((await post({ organization: tenant.org, manifest: manifest(name, { kind: 'basic' }) })).body).toMatchObject({
      version: 2,
      kind: 'basic',
    });
    expect((await remove(tenant, name)).status).toBe(204);
    expect((await remove(tenant, name)).status).toBe(404);
    expect(await list(tenant)).not.toContain(name);
    await auth.auditEvent(tenant.org, 'connector.removed');
    const trail = (await auth.auditEvents(tenant.org)).filter(({ type }) => type.startsWith('connector.'));
    expect(trail.map(({ type, provider, reason }) => [type, provider, reason])).toEqual([
      ['connector.posted', name, 'version 1'],
      ['connector.posted', name, 'version 2'],
      ['connector.removed', name, undefined],
    ]);
  });

  it('while secrets are held, a new version sends them nowhere else, and there is no removing', async () => {
    const tenant = await auth.tenant();
    const name = 'keeper';
    await post({ organization: tenant.org, manifest: manifest(name) });
    await connect(tenant, name);
    for (const change of [{ kind: 'basic' }, { origin: 'https://evil.example' }]) {
      const { status, body } = await post({ organization: tenant.org, manifest: manifest(name, change) });
      expect({ status, code: body['code'] }).toEqual({ status: 409, code: 'conflict' });
    }
    expect((await remove(tenant, name)).status).toBe(409);
    const same = await post({ organization: tenant.org, manifest: manifest(name), tools: tools('keeper_get') });
    expect(same).toMatchObject({ status: 201, body: { version: 2, tools: 1 } });
    await auth.database.query(`UPDATE vault.connection SET status = 'revoked' WHERE org_id = $1`, [tenant.org]);
    expect((await post({ organization: tenant.org, manifest: manifest(name, { origin: 'https://new.example' }) })).status).toBe(
      201,
    );
    expect((await remove(tenant, name)).status).toBe(204);
  });

  it('under a name that secrets are held for, of a connector that the deployment no longer offers, there is no posting', async () => {
    const tenant = await auth.tenant();
    await connect(tenant, 'withdrawn');
    const { status, body } = await post({ organization: tenant.org, manifest: manifest('withdrawn') });
    expect({ status, code: body['code'] }).toEqual({ status: 409, code: 'conflict' });
    expect(await list(tenant)).not.toContain('withdrawn');
    await auth.database.query(`UPDATE vault.connection SET status = 'revoked' WHERE org_id = $1`, [tenant.org]);
    expect((await post({ organization: tenant.org, manifest: manifest('withdrawn') })).status).toBe(201);
  });

  it.each([
    ['takes away the suffixes', (text: string) => text.replace(/, host_suffixes: .*? \}/, ' }')],
    ['adds a suffix', (text: string) => text.replace("['.shops.example']", "['.shops.example', '.example']")],
    ['takes it from somebody else', (text: string) => text.replace('source: input', 'source: { callback: shop }')],
    ['has another default', (text: string) => text.replace('default: a.shops', 'default: b.shops')],
  ])(
    'while secrets are held, a parameter that addresses are made of stays what it is: a version that %s',
    async (_what, change) => {
      const tenant = await auth.tenant();
      const before = `${manifest('shops', { origin: 'https://${connection.shop}' })}connection_parameters:
  shop: { title: Shop, type: hostname, source: input, default: a.shops.example, host_suffixes: ['.shops.example'] }
`;
      expect((await post({ organization: tenant.org, manifest: before })).status).toBe(201);
      await connect(tenant, 'shops');
      expect(change(before)).not.toBe(before);
      const { status, body } = await post({ organization: tenant.org, manifest: change(before) });
      expect({ status, code: body['code'] }).toEqual({ status: 409, code: 'conflict' });
      expect((await post({ organization: tenant.org, manifest: before.replace('title: Shop', 'title: Store') })).status).toBe(
        201,
      );
    },
  );

  it('posted at the same time: one wins, each version is there once', async () => {
    const tenant = await auth.tenant();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post({ organization: tenant.org, manifest: manifest('raced') })),
    );
    const versions = answers.filter(({ status }) => status === 201).map(({ body }) => body.version);
    expect(new Set(versions).size).toBe(versions.length);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    expect(versions).toContain(1);
  });

  it.each([
    ['GET', '/v1/connectors'],
    ['POST', '/v1/connectors'],
    ['GET', '/v1/connectors/acme'],
    ['DELETE', '/v1/connectors/acme'],
  ] as const)('%s %s is closed without a token', async (method, path) => {
    const { status } = await auth.ask(path, { method, token: 'wrong', ...(method === 'GET' ? {} : { body: {} }) });
    expect(status).toBe(401);
  });

  describe('overlays of a connector of the deployment', () => {
    const address = (tenant: Tenant, name = 'sandbox') => `/v1/connectors/${name}/overlay?organization=${tenant.org}`;
    const put = (tenant: Tenant, overlay: string, name = 'sandbox') =>
      auth.ask(`/v1/connectors/${name}/overlay`, { method: 'PUT', body: { organization: tenant.org, overlay } });
    const toolsOf = async (tenant: Tenant) =>
      (await auth.ask<ConnectorDetail>(`/v1/connectors/sandbox?organization=${tenant.org}`)).body.toolList.map(
        ({ name }) => name,
      );
    const HIDES = 'connector: sandbox\ntools: { sandbox_delete_note: { hidden: true } }';

    it('change what their organization has, at once, until they are removed', async () => {
      const tenant = await auth.tenant();
      expect(await toolsOf(tenant)).toContain('sandbox_delete_note');
      expect((await auth.ask(address(tenant))).status).toBe(404);
      expect(await put(tenant, HIDES)).toMatchObject({ status: 200, body: { connector: 'sandbox', version: 1, overlay: HIDES } });
      expect(await toolsOf(tenant)).not.toContain('sandbox_delete_note');
      expect(await toolsOf(theirs)).toContain('sandbox_delete_note');
      expect((await auth.ask(address(theirs))).status).toBe(404);
      expect(await put(tenant, 'connector: sandbox')).toMatchObject({ status: 200, body: { version: 2 } });
      expect(await auth.ask(address(tenant))).toMatchObject({ status: 200, body: { version: 2, overlay: 'connector: sandbox' } });
      expect(await toolsOf(tenant)).toContain('sandbox_delete_note');
      const gone = () => auth.ask(address(tenant), { method: 'DELETE' });
      expect([(await gone()).status, (await gone()).status]).toEqual([204, 404]);
      expect(await auth.auditEvent(tenant.org, 'connector.overlay_removed')).toMatchObject({ provider: 'sandbox' });
      expect(await auth.auditEvent(tenant.org, 'connector.overlaid')).toMatchObject({ provider: 'sandbox', reason: 'version 1' });
    });

    it.each<[string, string, string, number, RegExp]>([
      [
        'of a tool that there is not',
        'sandbox',
        'connector: sandbox\ntools: { sandbox_gone: {} }',
        400,
        /line 2, \/tools\/sandbox_gone/,
      ],
      ['of another connector', 'sandbox', 'connector: github', 400, /another connector/],
      ['that are not readable', 'sandbox', '{', 400, /The overlay is not valid/],
      ['of no connector of the deployment', 'acme', 'connector: acme', 404, /no such connector/],
      ['of a name that can be none', '__proto__', 'connector: acme', 404, /no such connector/],
    ])('%s are refused', async (_what, name, overlay, status, detail) => {
      expect(await put(ours, overlay, name)).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
    });

    it.each(['GET', 'PUT', 'DELETE'] as const)('%s is closed without a token', async (method) => {
      const { status } = await auth.ask(address(ours), { method, token: 'wrong', ...(method === 'PUT' ? { body: {} } : {}) });
      expect(status).toBe(401);
    });
  });
});
