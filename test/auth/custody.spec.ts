import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { custodyAnswerSchemas, custodyOperations, custodySubject, newId } from '@keyward/contracts';
import { Browser } from './browser.js';
import { CustodyWorld, type Door } from './custody-world.js';
import type { AuthHarness, Tenant } from './harness.js';

let world: CustodyWorld;
let auth: AuthHarness;
let ours: Tenant;
let sibling: Tenant;
let theirs: Tenant;
let mine: string;
let another: string;
beforeAll(async () => {
  world = await CustodyWorld.start();
  ({ auth, ours, sibling, theirs, mine, another } = world);
});
afterAll(() => world.stop());

const DOORS: Door[] = ['NATS', 'HTTP'];

describe.each(DOORS)('custody over %s', (door) => {
  it('makes a link to connect, and finishes what came back to a platform that serves the redirect URI itself', async () => {
    const { org, agent } = ours;
    const user = `usr_${door.toLowerCase()}`;
    const { answer: session } = await world.ask(door, 'get_oauth_url', { org, agent, user, provider: 'sandbox' });
    const { url } = custodyAnswerSchemas.get_oauth_url.parse(session);
    const browser = new Browser();
    const callback = await browser.connectUpToCallback(url, ours.app.redirectUri);
    const cookie = /=([^;]+)/.exec(browser.cookies(auth.url))?.[1] ?? '';
    const context = callback.pathname.split('/').at(-1);
    const finish = (caller: object) =>
      world.ask(door, 'handle_oauth_callback', { ...caller, context, query: callback.search, browser: cookie });

    expect((await finish({ org, agent: sibling.agent })).answer).toEqual({ outcome: 'state_invalid', connection: null });
    expect((await finish({ org: theirs.org, agent: theirs.agent })).answer).toEqual({
      outcome: 'state_invalid',
      connection: null,
    });
    const stranger = world.ask(door, 'handle_oauth_callback', {
      org,
      agent,
      context,
      query: callback.search,
      browser: 'x'.repeat(43),
    });
    expect((await stranger).answer).toEqual({ outcome: 'other_browser', connection: null });
    const { answer } = await finish({ org, agent });
    expect(answer).toMatchObject({ outcome: 'connected', connection: { user, agent, status: 'active' } });
    expect((await finish({ org, agent })).answer).toMatchObject({ outcome: 'replayed', connection: null });
  });

  it('lists and describes what the agent may use, as metadata', async () => {
    const { org, agent } = ours;
    const { answer } = await world.ask(door, 'list_integrations', { org, agent });
    const { connections } = custodyAnswerSchemas.list_integrations.parse(answer);
    expect(connections.map(({ id }) => id)).toContain(mine);
    expect(new Set(connections.map((each) => each.agent))).toEqual(new Set([agent]));
    const of = await world.ask(door, 'list_integrations', { org, agent, user: 'usr_nobody' });
    expect(of.answer).toEqual({ connections: [], nextCursor: null });
    const { answer: one } = await world.ask(door, 'get_integration', { org, agent, connection: mine });
    expect(custodyAnswerSchemas.get_integration.parse(one)).toMatchObject({ id: mine, expiresAt: expect.any(String) });
    expect(JSON.stringify([answer, one])).not.toMatch(/sealed|token/i);
  });

  it.each(['get_access_token', 'get_integration', 'disconnect_integration'] as const)(
    '%s answers for every connection that is another’s, gone or no id exactly as for one that never was',
    async (operation) => {
      const request = (tenant: Pick<Tenant, 'org' | 'agent'>, connection: string) => ({
        ...{ org: tenant.org, agent: tenant.agent, connection },
        ...(operation === 'get_access_token' ? { recipientKey: world.recipient.jwk } : {}),
      });
      const absent = await world.ask(door, operation, request(ours, newId('conn')));
      expect(absent.code).toBe('not_found');
      for (const [tenant, connection] of [
        [ours, another],
        [ours, await world.connectionOf(sibling)],
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
        expect(await world.ask(door, operation, request(tenant, connection))).toEqual(absent);
      }
    },
  );

  it('lists for an agent of another organization, or that is no id at all, what it lists for one that never was', async () => {
    const absent = await world.ask(door, 'list_integrations', { org: ours.org, agent: newId('agt') });
    expect(absent.code).toBe('not_found');
    for (const caller of [
      { org: ours.org, agent: theirs.agent },
      { org: theirs.org, agent: ours.agent },
      { org: newId('org'), agent: ours.agent },
      { org: ours.org, agent: ours.agent.toUpperCase() },
      { org: ours.org.toUpperCase(), agent: ours.agent },
      { org: ours.org, agent: 'null' },
    ]) {
      expect(await world.ask(door, 'list_integrations', caller)).toEqual(absent);
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
      const { code, answer } = await world.ask(door, operation, request);
      expect([code, (answer['errors'] as { pointer: string }[])[0]?.pointer]).toEqual(['invalid_request', pointer]);
    }
  });
});

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
      const { code, answer } = await world.ask('NATS', op, payload as object);
      if (code === 'answered') expect(JSON.stringify(answer)).toContain('state_invalid');
      else expect(REFUSALS).toContain(code);
    },
  );

  test.prop([operation, request], { numRuns: 60 })('over HTTP likewise', async (op, payload) => {
    const { code } = await world.ask('HTTP', op, payload as object);
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
