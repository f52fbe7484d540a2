import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, providerAppMessageSchema, streams } from '@keyward/contracts';
import { freePort } from '@keyward/embedded';
import { createDataSource } from '@keyward/postgres';
import { waitFor } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { purgeDeliveries } from '../../apps/auth-service/src/notifications/purge-deliveries.js';
import type { AuthHarness } from './harness.js';
import { answering, verify, type Received } from './webhook-receiver.js';
import { WebhookWorld } from './webhook-world.js';

let here: WebhookWorld;
let auth: AuthHarness;
let org: string;
let slug: string;
let path: string;
beforeAll(async () => {
  here = await WebhookWorld.start();
  auth = here.auth;
});
afterAll(() => here.stop());
beforeEach(async () => {
  ({ org, slug } = await auth.team());
  path = here.path();
});

const idOf = ({ headers }: Received) => String(headers['webhook-id']);
const sql = (text: string, values: unknown[]) => auth.database.query(text, values);

/** Of the series that has all of these labels. */
async function metric(name: string, ...labels: string[]): Promise<number> {
  const text = await (await fetch(new URL('/metrics', auth.service.opsUrl))).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  const line = lines.find((one) => labels.every((label) => one.includes(`"${label}"`)));
  return Number(line?.split(' ').at(-1) ?? 0);
}

describe('a message that is not taken', () => {
  it.each([
    ['refused', answering(400)],
    ['answered by an error', answering(500)],
    ['redirected', answering(307, { location: '/elsewhere' })],
    ['answered without end', (response) => void response.writeHead(200).end(Buffer.alloc(10 * 1024 * 1024))],
    ['hung up on', (response) => void response.destroy()],
    ['answered with a status that there is not', (response) => void response.socket?.end('HTTP/1.1 999 Odd\r\n\r\n')],
    ['answered with nonsense', (response) => void response.socket?.end('nonsense\r\n\r\n')],
  ] satisfies [string, Parameters<typeof here.receiver.answer>[1]][])(
    'when %s, comes again under the same id',
    async (_how, answer) => {
      const endpoint = await here.endpoint(org, path);
      here.receiver.answer(path, answer);
      const id = await here.publish(org);
      const tried = await here.delivery(endpoint, ({ status, error }) => status !== null || error !== null);
      expect(tried).toMatchObject({ id, state: 'pending', attempts: 1, settledAt: null });
      const wait = Date.parse(tried.nextAttemptAt ?? '') - Date.parse(tried.createdAt);
      expect([wait > 3_000, wait < 15_000]).toEqual([true, true]);
      expect((await here.read(endpoint)).failingSince).not.toBeNull();
      here.receiver.answer(path, answering(200));
      await here.hurry(id);
      expect(await here.delivery(endpoint, ({ state }) => state === 'delivered')).toMatchObject({
        attempts: 2,
        status: 200,
        error: null,
      });
      const messages = await here.arrived(path, 2);
      expect(messages.map(idOf)).toEqual([id, id]);
      expect(messages[1]?.body).toBe(messages[0]?.body);
      expect(messages.map((message) => verify(endpoint.secret, message))).toHaveLength(2);
      expect(here.receiver.at('/elsewhere')).toEqual([]);
      expect((await here.read(endpoint)).failingSince).toBeNull();
    },
  );

  it.each([
    ['seconds', () => '7200'],
    ['a date', () => new Date(Date.now() + 7_200_000).toUTCString()],
  ])('is not sent again before the receiver wants it: %s', async (_how, value) => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.answer(path, answering(429, { 'retry-after': value() }));
    await here.publish(org);
    const { nextAttemptAt, createdAt } = await here.delivery(endpoint, ({ status }) => status === 429);
    const wait = (Date.parse(nextAttemptAt ?? '') - Date.parse(createdAt)) / 1000;
    expect([wait > 7_190, wait < 7_260]).toEqual([true, true]);
    // Nor is any other.
    const [other, beside] = [await here.publish(org), here.path()];
    await here.endpoint(org, beside);
    await here.publish(org);
    await here.arrived(beside);
    expect((await here.deliveries(endpoint)).find(({ id }) => id === other)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(here.receiver.at(path)).toHaveLength(1);
  });

  it('is given up after the thirteenth attempt', async () => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.answer(path, answering(503));
    const id = await here.publish(org);
    await here.delivery(endpoint, ({ status }) => status === 503);
    await sql(`UPDATE notification.webhook_delivery SET attempts = 12 WHERE event_id = $1`, [id]);
    await here.hurry(id);
    expect(await here.delivery(endpoint, ({ state }) => state !== 'pending')).toMatchObject({
      ...{ state: 'failed', attempts: 13, status: 503, nextAttemptAt: null },
    });
    expect((await here.read(endpoint)).enabled).toBe(true);
  });
});

describe('an endpoint', () => {
  const disabled = () => auth.auditEvent(org, 'webhook_endpoint.disabled');

  it('that answers 410 is disabled at once, with what still waits for it, and that is on record', async () => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.answer(path, answering(503));
    const waiting = await here.publish(org);
    await here.delivery(endpoint, ({ status }) => status === 503);
    here.receiver.answer(path, answering(410));
    const last = await here.publish(org);
    await waitFor(async () => !(await here.read(endpoint)).enabled);
    expect(await here.read(endpoint)).toMatchObject({ disabledReason: 'gone' });
    const states = (await here.deliveries(endpoint)).map(({ id, state }) => [id, state]);
    expect(new Map(states as [string, string][])).toEqual(
      new Map([
        [waiting, 'cancelled'],
        [last, 'failed'],
      ]),
    );
    expect(await disabled()).toMatchObject({ actor: { kind: 'service' }, reason: `${endpoint.id}: it answered 410 Gone` });
  });

  it('that has failed for five days is disabled; enabled again, it begins anew', async () => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.answer(path, answering(500));
    const id = await here.publish(org);
    await here.delivery(endpoint, ({ status }) => status === 500);
    await sql(`UPDATE notification.webhook_endpoint SET failing_since = now() - interval '121 hours' WHERE id = $1`, [
      endpoint.id,
    ]);
    await here.hurry(id);
    await waitFor(async () => !(await here.read(endpoint)).enabled);
    expect(await here.read(endpoint)).toMatchObject({ disabledReason: 'failing' });
    expect((await disabled()).reason).toBe(`${endpoint.id}: every attempt has failed for 5 days`);
    const enabled = await auth.ask(`/v1/webhook-endpoints/${endpoint.id}?organization=${org}`, {
      method: 'PATCH',
      body: { enabled: true },
    });
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null, failingSince: null });
  });

  it('that is disabled hears nothing of what happens meanwhile, nor afterwards', async () => {
    const endpoint = await here.endpoint(org, path, { enabled: false });
    const [beside, quiet] = [here.path(), await here.publish(org)];
    await here.endpoint(org, beside);
    await here.publish(org);
    await here.arrived(beside);
    expect(await here.deliveries(endpoint)).toEqual([]);
    // As the statement leaves it that saw the endpoint just before it was disabled.
    await sql(
      `INSERT INTO notification.webhook_delivery (endpoint_id, event_id, org_id, type, occurred_at, provider, connection_id)
       VALUES ($1, $2, $3, 'connection.needs_reauthorization', now(), 'sandbox', 'conn_x')`,
      [endpoint.id, newId('msg'), org],
    );
    await auth.ask(`/v1/webhook-endpoints/${endpoint.id}?organization=${org}`, { method: 'PATCH', body: { enabled: true } });
    const loud = await here.publish(org);
    expect((await here.arrived(path)).map(idOf)).toEqual([loud]);
    expect(loud).not.toBe(quiet);
  });

  it('whose organization is shredded is sent nothing more', async () => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.answer(path, answering(503));
    const id = await here.publish(org);
    await here.delivery(endpoint, ({ status }) => status === 503);
    here.receiver.answer(path, answering(204));
    expect((await auth.ask(`/v1/organizations/${org}/shred`, { body: { confirm: slug, revokeFirstSeconds: 0 } })).status).toBe(
      200,
    );
    await here.hurry(id);
    await here.publish(org);
    await auth.team().then((team) => (org = team.org));
    const beside = here.path();
    await here.endpoint(org, beside);
    await here.publish(org);
    await here.arrived(beside);
    expect(await here.deliveries(endpoint)).toEqual([expect.objectContaining({ id, attempts: 1 })]);
    expect(here.receiver.at(path)).toHaveLength(1);
  });

  it('that hangs holds up neither those of others nor more than a few of its own', async () => {
    const slow = await here.endpoint(org, path);
    here.receiver.hold(path);
    for (let n = 0; n < 20; n++) await here.publish(org);
    await here.arrived(path, 4);
    const other = await auth.team();
    const quick = here.path();
    const endpoint = await here.endpoint(other.org, quick);
    const began = performance.now();
    for (let n = 0; n < 20; n++) await here.publish(other.org);
    await here.arrived(quick, 20);
    expect(performance.now() - began).toBeLessThan(10_000);
    await waitFor(async () => (await here.deliveries(endpoint)).every(({ state }) => state === 'delivered'));
    expect(here.receiver.at(path)).toHaveLength(4);
    here.receiver.letGo(path);
    await here.arrived(path, 20);
    await waitFor(async () => (await here.deliveries(slow)).every(({ state }) => state === 'delivered'));
  });
});

describe('an event', () => {
  it('that comes twice, or again later, is one delivery', async () => {
    const endpoint = await here.endpoint(org, path);
    const id = newId('msg');
    for (let n = 0; n < 3; n++) await here.publish(org, 'needs_reauthorization', { id });
    await here.publish(org, 'needs_reauthorization');
    await here.arrived(path, 2);
    expect((await here.deliveries(endpoint)).filter((delivery) => delivery.id === id)).toHaveLength(1);
    expect(here.receiver.at(path).filter((received) => idOf(received) === id)).toHaveLength(1);
  });

  it('that is none, or is said to be of another organization, is put aside, and what is behind it arrives', async () => {
    const other = await auth.team();
    await here.endpoint(org, path);
    const foreign = here.path();
    await here.endpoint(other.org, foreign);
    const lettersBefore = await letters();
    auth.nc.publish(`connection.needs_reauthorization.${org}`, 'nonsense');
    auth.nc.publish(`connection.needs_reauthorization.${org}`, '{"id":1}');
    await here.publish(org, 'needs_reauthorization', { org: other.org });
    // Fine by its shape, and yet no database takes it.
    await here.publish(org, 'needs_reauthorization', { at: '0000-01-01T00:00:00Z' });
    await here.publish(org, 'needs_reauthorization', { reason: 'a \u0000 b' });
    const id = await here.publish(org);
    expect((await here.arrived(path)).map(idOf)).toEqual([id]);
    await waitFor(async () => (await letters()) === lettersBefore + 5);
    expect(here.receiver.at(path)).toHaveLength(1);
    expect(here.receiver.at(foreign)).toEqual([]);
  });

  it('of a registration is told too', async () => {
    const endpoint = await here.endpoint(org, path);
    const event = { id: newId('msg'), event: 'rejected', at: new Date().toISOString(), org, providerApp: newId('app') };
    const payload = { ...event, provider: 'sandbox', reason: 'invalid_client' };
    auth.nc.publish(`provider_app.rejected.${org}`, JSON.stringify(payload));
    const [received] = (await here.arrived(path)) as [Received];
    const message = verify(endpoint.secret, received);
    expect(providerAppMessageSchema.parse(message)).toEqual(message);
    expect(message).toMatchObject({ data: { providerApp: event.providerApp, reason: 'invalid_client' } });
  });

  it('that comes while something of ours is amiss waits until that is mended', async () => {
    await here.endpoint(org, path);
    const jsm = await jetstreamManager(auth.nc);
    const before = await letters();
    const right = 'EXECUTE ON FUNCTION notification.add_deliveries';
    await sql(`REVOKE ${right} FROM keyward_auth`, []);
    const id = await here.publish(org);
    const consumer = () => jsm.consumers.info(streams.connections, 'auth-service-webhooks');
    await waitFor(async () => (await consumer()).num_redelivered > 0 || (await letters()) > before);
    await sql(`GRANT ${right} TO keyward_auth`, []);
    expect((await here.arrived(path)).map(idOf)).toEqual([id]);
    expect(await letters()).toBe(before);
  });

  async function letters(): Promise<number> {
    const jsm = await jetstreamManager(auth.nc);
    return (await jsm.streams.info(streams.deadLetters)).state.messages;
  }

  it('is counted, with how it ended', async () => {
    const counted = () => metric('webhook_deliveries_total', 'connection.revoked', 'delivered');
    const before = await counted();
    await here.endpoint(org, path, { events: ['connection.revoked'] });
    await here.publish(org, 'revoked');
    await waitFor(async () => (await counted()) === before + 1);
    expect(await metric('webhook_delivery_seconds_count')).toBeGreaterThan(0);
    await here.endpoint(org, here.path(), { events: ['connection.authorized'], url: `${here.other.origin}/oldest` });
    here.other.hold('/oldest');
    await here.publish(org, 'authorized');
    await waitFor(async () => (await metric('webhook_oldest_pending_seconds')) > 0);
    here.other.letGo('/oldest');
  });

  it('of more than 30 days ago is forgotten', async () => {
    const endpoint = await here.endpoint(org, path);
    const [old, young] = [await here.publish(org), await here.publish(org)];
    await waitFor(async () => (await here.deliveries(endpoint)).filter(({ state }) => state === 'delivered').length === 2);
    await sql(`UPDATE notification.webhook_delivery SET created_at = now() - interval '31 days' WHERE event_id = $1`, [old]);
    const dataSource = await createDataSource({ url: auth.loginUrl, applicationName: 'purge' }).initialize();
    await purgeDeliveries(dataSource);
    expect(await purgeDeliveries(dataSource)).toBe(0);
    await dataSource.destroy();
    expect((await here.deliveries(endpoint)).map(({ id }) => id)).toEqual([young]);
  });
});

describe('several replicas', () => {
  const replica = async () => auth.startReplica({ KEYWARD_HTTP_PORT: String(await freePort()) });

  it('deliver each message once; what one had in hand when it ended comes again under the same id', async () => {
    const second = await replica();
    const endpoint = await here.endpoint(org, path, { events: ['connection.refreshed', 'connection.needs_reauthorization'] });
    const ids = await Promise.all(Array.from({ length: 60 }, () => here.publish(org, 'refreshed')));
    const come = await here.arrived(path, 60);
    await waitFor(async () => (await here.deliveries(endpoint)).every(({ state }) => state === 'delivered'));
    expect(come.map(idOf).sort()).toEqual(ids.sort());
    here.receiver.hold(path);
    const id = await here.publish(org);
    await here.arrived(path, 61);
    // As when its lease is over and nothing was heard of its holder.
    await here.hurry(id);
    const messages = (await here.arrived(path, 62)).slice(60);
    expect(messages.map(idOf)).toEqual([id, id]);
    here.receiver.letGo(path);
    expect(await here.delivery(endpoint, ({ state }) => state === 'delivered')).toMatchObject({ id, attempts: 2 });
    await second.stop();
  });
});

describe('a process that stops while a receiver thinks', () => {
  it('does not wait for it for long, and leaves the message to the next at once', async () => {
    const endpoint = await here.endpoint(org, path);
    here.receiver.hold(path);
    const id = await here.publish(org);
    await here.arrived(path);
    const began = performance.now();
    await auth.stopServices();
    expect(performance.now() - began).toBeLessThan(12_000);
    here.receiver.letGo(path);
    await auth.startReplica();
    expect((await here.arrived(path, 2)).map(idOf)).toEqual([id, id]);
    expect(await here.delivery(endpoint, ({ state }) => state === 'delivered')).toMatchObject({ id, attempts: 1 });
  });
});

describe('a process that is killed while a receiver thinks', () => {
  it('is followed by another with the same message, under the same id; its log holds no secret, address, answer or person', async () => {
    const endpoint = await here.endpoint(org, path);
    const refusing = here.path();
    await here.endpoint(org, `${refusing}?token=canary`);
    here.receiver.answer(`${refusing}?token=canary`, answering(500, { 'x-canary': 'canary' }, 'canary'));
    await auth.stopServices();
    here.receiver.hold(path);
    const id = await here.publish(org);
    const doomed = auth.spawnReplica({ KEYWARD_LOG_LEVEL: 'trace' });
    let log = '';
    for (const stream of [doomed.stdout, doomed.stderr]) stream?.on('data', (chunk) => (log += String(chunk)));
    const died = once(doomed, 'close');
    await here.arrived(path);
    await waitFor(() => log.includes('a webhook message was not taken'));
    doomed.kill('SIGKILL');
    await died;
    for (const secret of [endpoint.secret.slice('whsec_'.length), 'canary', 'usr_ada']) expect(log).not.toContain(secret);
    here.receiver.letGo(path);
    await auth.startReplica();
    // Nobody else may have it before the lease is over.
    expect(await here.deliveries(endpoint)).toEqual([expect.objectContaining({ id, state: 'pending', attempts: 1 })]);
    await here.hurry(id);
    const messages = await here.arrived(path, 2);
    expect(messages.map(idOf)).toEqual([id, id]);
    expect(await here.delivery(endpoint, ({ state }) => state === 'delivered')).toMatchObject({ id, attempts: 2 });
  });
});

describe('the consumer of events', () => {
  it('goes on where it was after a restart; lost, or made late, it misses nothing and tells nothing twice or of long ago', async () => {
    await here.endpoint(org, path);
    await auth.stopServices();
    const jsm = await jetstreamManager(auth.nc);
    const missed = await here.publish(org);
    await auth.startReplica();
    expect((await here.arrived(path)).map(idOf)).toEqual([missed]);

    await auth.stopServices();
    await jsm.consumers.delete(streams.connections, 'auth-service-webhooks');
    await here.publish(org, 'needs_reauthorization', { at: new Date(Date.now() - 3_600_000).toISOString() });
    const early = await here.publish(org);
    await auth.startReplica();
    await here.arrived(path, 2);
    const now = await here.publish(org);
    await here.arrived(path, 3);
    expect(here.receiver.at(path).map(idOf)).toEqual([missed, early, now]);
  });
});
