import { createHmac, timingSafeEqual } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  connectionMessageSchema,
  newId,
  type ConnectionMessage,
  type CreatedWebhookEndpoint,
  type WebhookEndpoint,
  type WebhookTest,
} from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Browser } from './browser.js';
import type { AuthHarness } from './harness.js';
import { webhooksCommand, webhooksJson } from './webhook-cli.js';
import { answering, verify, type Received } from './webhook-receiver.js';
import { WebhookWorld } from './webhook-world.js';

let here: WebhookWorld;
let auth: AuthHarness;
let org: string;
let path: string;
beforeAll(async () => {
  here = await WebhookWorld.start();
  auth = here.auth;
});
afterAll(() => here.stop());
beforeEach(async () => {
  ({ org } = await auth.team());
  path = here.path();
});

const all = '/v1/webhook-endpoints';
const one = ({ id }: WebhookEndpoint, rest = '') => `${all}/${id}${rest}?organization=${org}`;
const add = (body: object) => auth.ask<WebhookEndpoint & { errors?: object[] }>(all, { body: { organization: org, ...body } });
const change = (endpoint: WebhookEndpoint, body: object) => auth.ask<WebhookEndpoint>(one(endpoint), { method: 'PATCH', body });

describe('an endpoint', () => {
  it('is made with a secret that is shown this once, changed, listed and removed, all of it on record', async () => {
    const made = await here.endpoint(org, path, { description: 'On call' });
    expect(made).toMatchObject({ events: ['connection.needs_reauthorization', 'provider_app.rejected'], enabled: true });
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { secret: _, ...shown } = made;
    expect(await here.read(made)).toEqual(shown);
    const changed = await change(made, { events: ['connection.revoked', 'connection.revoked'], enabled: false });
    expect(changed.body).toMatchObject({
      events: ['connection.revoked'],
      enabled: false,
      disabledReason: null,
      description: 'On call',
    });
    expect((await auth.ask(`${all}?organization=${org}`)).body).toEqual({ webhookEndpoints: [changed.body] });
    expect((await auth.ask(one(made), { method: 'DELETE' })).status).toBe(204);
    expect((await auth.ask(one(made))).status).toBe(404);
    const reasons = async () => {
      const events = (await auth.auditEvents(org)).filter(({ type }) => type.startsWith('webhook_endpoint.'));
      return events.length === 3 ? events.map(({ type, reason }) => `${type} ${reason}`) : undefined;
    };
    expect(await waitFor(reasons)).toEqual([
      `webhook_endpoint.added ${made.id}: ${here.receiver.origin}`,
      `webhook_endpoint.updated ${made.id}: events, enabled`,
      `webhook_endpoint.removed ${made.id}: ${here.receiver.origin}`,
    ]);
  });

  it('can not have an address that leads inside, neither at first nor later', async () => {
    const url = 'https://169.254.169.254/latest/meta-data';
    const answers = [await add({ url }), await change(await here.endpoint(org, path), { url })];
    for (const answer of answers) expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/url' }] } });
  });

  it.each([
    [{ events: [] }],
    [{ events: ['connection.*'] }],
    [{ events: ['execution.completed'] }],
    [{ description: 'two\nlines' }],
    [{ secret: 'whsec_x' }],
    [{ enabled: 'yes' }],
  ])('can not have %j', async (wrong) => {
    expect((await add({ url: 'https://receiver.example/hook', ...wrong })).status).toBe(400);
  });

  it('is removed with however many deliveries it has', async () => {
    const made = await here.endpoint(org, path);
    await auth.database.query(
      `INSERT INTO notification.webhook_delivery (endpoint_id, event_id, org_id, type, occurred_at, provider, connection_id, state, settled_at)
       SELECT $1, 'msg_' || n, $2, 'connection.revoked', now(), 'sandbox', 'conn_x', 'delivered', now() FROM generate_series(1, 10001) n`,
      [made.id, org],
    );
    const answers = [await auth.ask(one(made), { method: 'DELETE' }), await auth.ask(one(made))];
    expect(answers.map(({ status }) => status)).toEqual([204, 404]);
  });

  it('is one of twenty at most, however many are added at once', async () => {
    const answers = await Promise.all(Array.from({ length: 24 }, () => add({ url: 'https://receiver.example/hook' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(20).fill(201), ...Array(4).fill(409)]);
  });
});

describe('what happens to a connection', () => {
  const bodyOf = (received: Received) => JSON.parse(received.body) as ConnectionMessage;

  it('is told to the endpoints that asked for it, signed so that the library and plain crypto find it genuine', async () => {
    const tenant = await auth.tenant();
    const wanted = { events: ['connection.authorized', 'connection.revoked'] };
    const endpoint = await here.endpoint(tenant.org, path, wanted);
    const elsewhere = here.path();
    await here.endpoint(tenant.org, elsewhere, { events: ['connection.refreshed'] });
    await here.endpoint(org, elsewhere, wanted);
    const { url } = await auth.session(tenant);
    await new Browser().connect(url);
    const [connection] = await auth.connections(tenant);
    await auth.ask(`/v1/connections/${connection?.id}?organization=${tenant.org}`, { method: 'DELETE' });
    const [first, second] = await here.arrived(path, 2);
    const types = [first, second].map((received) => verify<ConnectionMessage>(endpoint.secret, received as Received).type);
    expect(types.sort()).toEqual(['connection.authorized', 'connection.revoked']);
    expect(here.receiver.at(elsewhere)).toEqual([]);
    const message = bodyOf(first as Received);
    expect(connectionMessageSchema.parse(message)).toEqual(message);
    expect(message.data).toMatchObject({
      ...{ organization: tenant.org, connection: connection?.id, kind: 'agent', alias: 'default', provider: 'sandbox' },
      ...{ user: 'usr_ada', agent: tenant.agent },
    });
    const { headers, body } = first as Received;
    const key = Buffer.from(endpoint.secret.slice('whsec_'.length), 'base64');
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = Buffer.from(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    expect(timingSafeEqual(expected, Buffer.from(String(headers['webhook-signature'])))).toBe(true);
    expect(headers['content-type']).toBe('application/json');
    for (const name of ['traceparent', 'cookie', 'authorization']) expect(headers[name]).toBeUndefined();
  });

  it('is not genuine with another body, id, time or secret', async () => {
    const endpoint = await here.endpoint(org, path);
    await here.publish(org);
    const [received] = (await here.arrived(path)) as [Received];
    expect(verify(endpoint.secret, received)).toMatchObject({ type: 'connection.needs_reauthorization' });
    const { body, headers } = received;
    const changed = (name: string, value: string) => ({ body, headers: { ...headers, [name]: value } });
    const later = String(Number(headers['webhook-timestamp']) + 1);
    for (const forged of [
      { body: body.replace('usr_ada', 'usr_eve').replace('sandbox', 'sandbax'), headers },
      changed('webhook-id', newId('msg')),
      changed('webhook-timestamp', later),
      changed('webhook-timestamp', String(Number(headers['webhook-timestamp']) - 600)),
      changed('webhook-signature', `v1,${Buffer.alloc(32).toString('base64')}`),
    ])
      expect(() => verify(endpoint.secret, forged)).toThrow();
    expect(() => verify(`whsec_${Buffer.alloc(32, 7).toString('base64')}`, received)).toThrow();
  });

  it('needs_reauthorization says how to mend it: the request it names makes a link, and no link is in it', async () => {
    const tenant = await auth.tenant();
    await new Browser().connect((await auth.session(tenant, { alias: 'work' })).url);
    const [connection] = await auth.connections(tenant);
    await here.endpoint(tenant.org, path);
    await here.publish(tenant.org, 'needs_reauthorization', { connection: connection?.id, reason: 'refused' });
    const [received] = (await here.arrived(path)) as [Received];
    const { reauthorize, reason } = bodyOf(received).data;
    expect({ reason, url: reauthorize?.url }).toEqual({ reason: 'refused', url: `${auth.url}/v1/connect-sessions` });
    const link = await auth.ask<{ url: string }>('/v1/connect-sessions', { body: reauthorize?.body });
    expect(link.status).toBe(201);
    await new Browser().connect(link.body.url);
    const connections = await auth.connections(tenant);
    expect(connections).toEqual([expect.objectContaining({ id: connection?.id, alias: 'work', scopes: connection?.scopes })]);
    expect(received.body).not.toContain('/connect/');
  });

  it('as it really goes: a grant that ends at the provider is told, mended by the request in the message, and told again', async () => {
    const tenant = await auth.tenant();
    await here.endpoint(tenant.org, path, { events: ['connection.needs_reauthorization', 'connection.authorized'] });
    await new Browser().connect((await auth.session(tenant)).url);
    await here.arrived(path);
    const app = await auth.ask<{ clientId: string }>(`/v1/provider-apps/${tenant.app.id}?organization=${tenant.org}`);
    await auth.manageSandbox('tokens/revoke', { client: app.body.clientId });
    await auth.startRefresher();
    await auth.database.query('UPDATE vault.credential SET refresh_at = now() WHERE org_id = $1', [tenant.org]);
    const [, asked] = (await here.arrived(path, 2)) as [Received, Received];
    const { type, data } = bodyOf(asked);
    expect(type).toBe('connection.needs_reauthorization');
    const link = await auth.ask<{ url: string }>('/v1/connect-sessions', { body: data.reauthorize?.body });
    await new Browser().connect(link.body.url);
    const mended = bodyOf((await here.arrived(path, 3))[2] as Received);
    expect(mended).toMatchObject({ type: 'connection.authorized', data: { connection: data.connection } });
    expect(mended.data.generation).toBeGreaterThan(data.generation);
    expect((await auth.connections(tenant)).map(({ id, status }) => [id, status])).toEqual([[data.connection, 'active']]);
  });

  it('and to a workspace connection, which is nobody’s: the request names the agents that may use it', async () => {
    const { agent } = await auth.team().then(async (team) => ((org = team.org), team));
    const made = await auth.ask<{ id: string }>('/v1/connections', {
      body: {
        organization: org,
        kind: 'workspace',
        agents: [agent],
        provider: 'sandbox_key',
        secret: 'an API key',
        probe: false,
      },
    });
    await here.endpoint(org, path);
    const about = { connection: made.body.id, provider: 'sandbox_key', user: null, agent: null };
    await here.publish(org, 'needs_reauthorization', about);
    const [received] = (await here.arrived(path)) as [Received];
    const { data } = bodyOf(received);
    expect(data).toMatchObject({ kind: 'workspace', user: null, agent: null, reauthorize: { body: { agents: [agent] } } });
    expect((await auth.ask('/v1/connect-sessions', { body: data.reauthorize?.body })).status).toBe(201);
  });

  it('names a person no more once they are erased, not even in a message that waits', async () => {
    const tenant = await auth.tenant();
    const user = 'usr_erased_canary';
    await new Browser().connect((await auth.session(tenant, { user })).url);
    const [connection] = await auth.connections(tenant);
    const endpoint = await here.endpoint(tenant.org, path);
    here.receiver.answer(path, answering(503));
    const id = await here.publish(tenant.org, 'needs_reauthorization', { connection: connection?.id, user });
    await here.delivery(endpoint, ({ status }) => status === 503);
    expect((await here.arrived(path))[0]?.body).toContain(user);
    await auth.ask(`/v1/users/${user}?organization=${tenant.org}`, { method: 'DELETE' });
    const { rows } = await auth.database.query<{ named: boolean }>(
      `SELECT strpos(d::text, $1) > 0 AS named FROM notification.webhook_delivery d WHERE event_id = $2`,
      [user, id],
    );
    expect(rows).toEqual([{ named: false }]);
    here.receiver.answer(path, answering(204));
    await here.hurry(id);
    const [, again] = await here.arrived(path, 2);
    expect(again?.body).not.toContain(user);
    expect(bodyOf(again as Received).data.user).toMatch(/^erased-/);
  });
});

describe('a secret', () => {
  const rotate = (endpoint: WebhookEndpoint, body?: object) =>
    auth.ask<CreatedWebhookEndpoint>(one(endpoint, '/rotate-secret'), {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
    });
  const genuine = (received: Received, ...secrets: string[]) =>
    secrets.map((secret) => {
      try {
        return verify(secret, received) !== undefined;
      } catch {
        return false;
      }
    });

  it('is rotated with an overlap, in which messages are signed with both; without one, with the new one alone', async () => {
    const endpoint = await here.endpoint(org, path);
    const second = (await rotate(endpoint)).body;
    expect(second.secret).not.toBe(endpoint.secret);
    expect(Date.parse(second.previousSecretUntil ?? '')).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    await here.publish(org);
    const [both] = (await here.arrived(path)) as [Received];
    expect(genuine(both, endpoint.secret, second.secret)).toEqual([true, true]);
    const third = (await rotate(endpoint, { overlapSeconds: 0 })).body;
    await here.publish(org);
    const [, alone] = (await here.arrived(path, 2)) as [Received, Received];
    expect(genuine(alone, endpoint.secret, second.secret, third.secret)).toEqual([false, false, true]);
  });

  it('of an overlap that is over signs nothing', async () => {
    const endpoint = await here.endpoint(org, path);
    const second = (await rotate(endpoint)).body;
    await auth.database.query(`UPDATE notification.webhook_endpoint SET previous_secret_until = now() WHERE id = $1`, [
      endpoint.id,
    ]);
    const { body } = await auth.ask<WebhookTest>(one(endpoint, '/test'), { method: 'POST' });
    expect(body.delivered).toBe(true);
    await here.publish(org);
    for (const received of await here.arrived(path, 2))
      expect(genuine(received, endpoint.secret, second.secret)).toEqual([false, true]);
  });

  it('that several rotate at once is one of theirs, and who came too late is told', async () => {
    const endpoint = await here.endpoint(org, path);
    const answers = await Promise.all([rotate(endpoint), rotate(endpoint), rotate(endpoint)]);
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
    await here.publish(org);
    const [received] = (await here.arrived(path)) as [Received];
    const made = answers.filter(({ status }) => status === 200).map(({ body }) => body.secret);
    expect(genuine(received, ...made)).toContain(true);
  });

  it('stands in no answer after its own, in no row, and in no record', async () => {
    const endpoint = await here.endpoint(org, path);
    await here.publish(org);
    await here.delivery(endpoint, ({ state }) => state === 'delivered');
    const answers = [
      await here.read(endpoint),
      await here.deliveries(endpoint),
      (await auth.ask(`${all}?organization=${org}`)).body,
    ];
    const { rows } = await auth.database.query<{ line: string }>(
      `SELECT e::text || d::text AS line FROM notification.webhook_endpoint e JOIN notification.webhook_delivery d ON d.endpoint_id = e.id
       WHERE e.org_id = $1`,
      [org],
    );
    await auth.auditEvent(org, 'webhook_endpoint.added');
    const text = JSON.stringify([answers, rows, await auth.auditEvents(org)]);
    const bytes = Buffer.from(endpoint.secret.slice('whsec_'.length), 'base64');
    for (const form of [endpoint.secret.slice('whsec_'.length), bytes.toString('hex'), bytes.toString('base64url')])
      expect(text).not.toContain(form);
  });
});

describe('a test', () => {
  const test = (endpoint: WebhookEndpoint) => auth.ask<WebhookTest>(one(endpoint, '/test'), { method: 'POST' });

  it.each([
    [204, true],
    [500, false],
    [410, false],
    [302, false],
  ])('answered %i says so, never what else was in the answer, and changes nothing', async (status, delivered) => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.answer(path, answering(status, { location: `${here.other.origin}/elsewhere`, 'x-canary': 'canary' }));
    const { body } = await test(endpoint);
    expect(body).toMatchObject({ endpoint: endpoint.id, delivered, status, error: null });
    expect(JSON.stringify(body)).not.toContain('canary');
    const [received] = (await here.arrived(path)) as [Received];
    expect(verify(endpoint.secret, received)).toMatchObject({ type: 'webhook.test', data: { endpoint: endpoint.id } });
    expect(received.headers['webhook-id']).toBe(body.message);
    expect(await here.read(endpoint)).toMatchObject({ enabled: true, failingSince: null });
    expect(await here.deliveries(endpoint)).toEqual([]);
    expect(here.other.at('/elsewhere')).toEqual([]);
  });

  it('is one of ten in a row; then each has to wait its turn, at whichever endpoint of the organization', async () => {
    const endpoints = [await here.endpoint(org, path), await here.endpoint(org, path)];
    const answers = await Promise.all(Array.from({ length: 6 }, () => endpoints.map(test)).flat());
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(10).fill(200), 429, 429]);
    expect(answers.find(({ status }) => status === 429)?.body).toMatchObject({ retryAfterMs: expect.any(Number) });
    ({ org } = await auth.team());
    expect((await test(await here.endpoint(org, path))).status).toBe(200);
    expect(here.receiver.at(path)).toHaveLength(11);
  });

  it('of an endpoint where nobody is, or behind a name that leads inside, says that there was no answer', async () => {
    const closed = await here.endpoint(org, path, { url: 'https://receiver.invalid/hook' });
    expect((await test(closed)).body).toMatchObject({ delivered: false, status: null, error: 'provider_unavailable' });
    const inside = await here.endpoint(org, path, { url: 'https://localhost/hook' });
    expect((await test(inside)).body).toMatchObject({ delivered: false, status: null, error: 'egress_denied' });
  });
});

describe('keyward webhooks', () => {
  const keyward = (...args: string[]) => webhooksCommand(auth.url, org, ...args);
  const json = <T>(...args: string[]) => webhooksJson<T>(auth.url, org, ...args);

  it('adds an address, tries it, rotates its secret, changes it and removes it', async () => {
    const url = here.receiver.origin + path;
    const made = await json<CreatedWebhookEndpoint>('add', url, '--event', 'connection.revoked,connection.refreshed');
    expect(made).toMatchObject({ url, events: ['connection.revoked', 'connection.refreshed'] });
    const tried = await keyward('test', made.id);
    expect([tried.code, tried.stdout]).toEqual([0, expect.stringMatching(/^delivered +yes\nstatus +204\n/)]);
    expect(verify(made.secret, here.receiver.at(path)[0] as Received)).toMatchObject({ type: 'webhook.test' });
    here.receiver.answer(path, answering(500));
    expect(await keyward('test', made.id)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^delivered +no\nstatus +500\n/),
    });
    const rotated = await keyward('rotate-secret', made.id, '--overlap', '60');
    expect(rotated.stdout).toMatch(/^whe_[0-9a-f]{32} [^\n]+\nwhsec_[^\n]+\n$/);
    await here.publish(org, 'revoked');
    await here.delivery(made, ({ status }) => status === 500);
    const sent = await keyward('deliveries', made.id);
    expect(sent.stdout).toMatch(/^MESSAGE +EVENT +STATE +ATTEMPTS +ANSWER/);
    expect(sent.stdout).toMatch(/^msg_[0-9a-f]{32} +connection\.revoked +pending +1 +500 +conn_/m);
    expect((await keyward('list')).stdout).toContain('failing since');
    const changed = await json<WebhookEndpoint>('update', made.id, '--no-enable', '--description', 'Off duty');
    expect(changed).toMatchObject({ enabled: false, description: 'Off duty' });
    const shown = await keyward('get', made.id);
    expect(shown.stdout).toMatch(/^state +disabled$/m);
    expect(shown.stdout).not.toContain('whsec_');
    expect((await keyward('remove', made.id)).stdout).toBe(`${made.id} is removed.\n`);
    expect((await keyward('list')).stdout).toBe('Nobody is told. Add an address: keyward webhooks add <address>\n');
  });

  it.each([
    ['an address that can be none', ['add', 'http://receiver.example/'], 1, '/url: must be an https URL'],
    ['an event that there is not', ['add', 'https://receiver.example/', '--event', 'x'], 1, '/events/0'],
    ['nothing to change', ['update', 'whe_x'], 2, '--no-enable'],
    ['an endpoint of nobody’s', ['get', `whe_${'0'.repeat(32)}`], 1, 'There is no such webhook endpoint.'],
  ])('answers %s with what is wrong', async (_what, args, code, text) => {
    const ran = await keyward(...args);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
    expect(ran.stderr).toContain(text);
  });
});
