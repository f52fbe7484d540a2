import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildAuditEvent } from '@keyward/audit';
import {
  headers as names,
  KeywardError,
  newId,
  streams,
  subjects,
  type ConnectionEvent,
  type ControlRevoked,
  type ProviderPaused,
  type RefreshPaused,
  type RefreshRequest,
} from '@keyward/contracts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { createAuditPublisher } from './audit-publisher.js';
import { onConnectionEvent } from './connection-events.js';
import { connectNats, natsHealth } from './connect.js';
import { createPublisher } from './publisher.js';
import { broadcastProviderPaused, onProviderPaused } from './provider-pauses.js';
import { broadcastRefreshPaused, onRefreshPaused } from './refresh-pauses.js';
import { requestRefresh } from './refresh-request.js';
import { ReplyInbox } from './reply-inbox.js';
import { serveRequests, type RequestServer } from './request-server.js';
import { broadcastCatalogChanged, onCatalogChanged } from './catalog-changes.js';
import { broadcastRevoked, onRevoked } from './revocations.js';
import { JetStreamServer } from './server/jetstream-server.js';
import { ensureTopology } from './topology.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

let nats: TestNats;
let nc: NatsConnection;
let other: NatsConnection;

beforeAll(async () => {
  nats = await testNats();
  [nc, other] = await Promise.all([
    connectNats({ servers: [nats.url], name: 'one' }),
    connectNats({ servers: [nats.url], name: 'other', inboxPrefix: '_INBOX.other' }),
  ]);
  await ensureTopology(nc);
});
afterAll(async () => {
  await Promise.all([nc.close(), other.close()]);
  await nats.stop();
});

describe('a connection', () => {
  it('is healthy while the server answers, and not once it is closed', async () => {
    const third = await connectNats({ servers: [nats.url], name: 'third' });
    await natsHealth(third);
    await third.close();
    await expect(natsHealth(third)).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('says which file of credentials it cannot use, to the log and not to callers', async () => {
    const refused = await connectNats({ servers: [nats.url], name: 'x', credsFile: '/nowhere/x.creds' }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: 'dependency_unavailable', cause: { code: 'ENOENT' } });
    expect((refused as Error).message).not.toContain('/nowhere');
  });
});

describe('ReplyInbox', () => {
  it('hands each answer to the one who waits for it', async () => {
    const inbox = new ReplyInbox(nc);
    await nc.flush();
    const waits = Array.from({ length: 50 }, () => inbox.expect(5000));
    for (const [n, { subject }] of [...waits.entries()].reverse()) other.publish(subject, JSON.stringify({ n }));
    expect(await Promise.all(waits.map(({ reply }) => reply))).toEqual(waits.map((_, n) => ({ n })));
    inbox.close();
  });

  it('takes the first answer only, and ignores one to nobody', async () => {
    const inbox = new ReplyInbox(nc);
    await nc.flush();
    const { subject, reply } = inbox.expect(5000);
    other.publish(`${subject}999`, '{"n":0}');
    other.publish(subject, '{"n":1}');
    other.publish(subject, '{"n":2}');
    expect(await reply).toEqual({ n: 1 });
    inbox.close();
  });

  it('stops waiting at the timeout, at the signal, and when it is closed', async () => {
    const inbox = new ReplyInbox(nc);
    await expect(inbox.expect(20).reply).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const reason = new KeywardError('invalid_request', 'Cancelled.');
    await expect(inbox.expect(5000, AbortSignal.abort(reason)).reply).rejects.toBe(reason);
    const controller = new AbortController();
    const aborted = inbox.expect(5000, controller.signal);
    controller.abort(reason);
    await expect(aborted.reply).rejects.toBe(reason);
    const open = inbox.expect(5000);
    inbox.close();
    await expect(open.reply).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('refuses an answer that is not JSON', async () => {
    const inbox = new ReplyInbox(nc);
    await nc.flush();
    const { subject, reply } = inbox.expect(5000);
    other.publish(subject, 'no json');
    await expect(reply).rejects.toMatchObject({ code: 'internal' });
    inbox.close();
  });
});

describe('serveRequests', () => {
  const SUBJECT = 'auth.v1.spec';
  let server: RequestServer;
  const ask = async (payload: string, subject = SUBJECT) => (await other.request(subject, payload, { timeout: 5000 })).json();
  const serving = async (handler: Parameters<typeof serveRequests>[3], options?: Parameters<typeof serveRequests>[4]) => {
    server = serveRequests(nc, SUBJECT, 'spec', handler, options);
    await nc.flush();
  };

  it('answers with what the handler returns', async () => {
    await serving(async (payload, { subject }) => ({ outcome: 'done', payload, subject }));
    expect(await ask('{"a":1}')).toEqual({ outcome: 'done', payload: { a: 1 }, subject: SUBJECT });
    await server.close();
  });

  it('answers with a problem what the handler throws, without the cause', async () => {
    await serving(async (payload) => {
      if (payload === 1) throw new KeywardError('not_found', 'There is no such session.', { cause: new Error('canary') });
      throw new Error('canary');
    });
    const answers = [await ask('1'), await ask('2')];
    expect(answers).toMatchObject([
      { outcome: 'failed', error: { code: 'not_found', status: 404 } },
      { outcome: 'failed', error: { code: 'internal', status: 500 } },
    ]);
    expect(JSON.stringify(answers)).not.toContain('canary');
    await server.close();
  });

  it.each([
    ['what is not JSON', '{"a"', 'invalid_request'],
    ['what is too deep', '['.repeat(100) + ']'.repeat(100), 'invalid_request'],
    ['what is too large', `"${'x'.repeat(2000)}"`, 'request_too_large'],
    ['prototype keys', '{"__proto__":{}}', 'invalid_request'],
    ['nothing', '', 'invalid_request'],
  ])('refuses %s', async (_what, payload, code) => {
    await serving(async () => ({}), { bounds: { maxBytes: 1000, maxDepth: 16 } });
    expect(await ask(payload)).toMatchObject({ outcome: 'failed', error: { code } });
    await server.close();
  });

  it.each(['$JS.API.STREAM.PURGE.CONNECTIONS', '$SYS.REQ.SERVER.PING', ''])(
    'drops a request with the reply subject %j',
    async (reply) => {
      await createPublisher(nc).publish('connection.authorized.org_a', {}, { msgId: `kept${reply}` });
      const jsm = await jetstreamManager(nc);
      const before = (await jsm.streams.info(streams.connections)).state.messages;
      let calls = 0;
      await serving(async () => ({ calls: ++calls }));
      other.publish(SUBJECT, '{}', reply === '' ? {} : { reply });
      await other.flush();
      expect(await ask('{}')).toEqual({ calls: 1 });
      expect((await jsm.streams.info(streams.connections)).state.messages).toBe(before);
      await server.close();
    },
  );

  it('refuses at once what goes beyond its concurrency, and answers what it has taken when it closes', async () => {
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    await serving(
      async () => {
        begun++;
        await gate.promise;
        return { outcome: 'done' };
      },
      { concurrency: 2 },
    );
    const taken = [ask('1'), ask('2')];
    await waitFor(() => begun === 2);
    expect(await ask('3')).toMatchObject({ outcome: 'failed', error: { code: 'dependency_unavailable' } });
    const closed = server.close();
    gate.resolve();
    await closed;
    expect(await Promise.all(taken)).toEqual([{ outcome: 'done' }, { outcome: 'done' }]);
  });
});

describe('control.revoked', () => {
  it('reaches every process, and a broken message stops nobody', async () => {
    const heard: ControlRevoked[] = [];
    const subscriptions = [nc, other].map((connection) => onRevoked(connection, (message) => heard.push(message), quiet));
    await Promise.all([nc.flush(), other.flush()]);
    nc.publish(subjects.controlRevoked, '{"kind":"everything"}');
    nc.publish(subjects.controlRevoked, 'no json');
    const message: ControlRevoked = { kind: 'connection', org: newId('org'), connection: newId('conn') };
    await broadcastRevoked(nc, message);
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([message, message]);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });
});

describe('control.catalog_changed', () => {
  it('reaches every process, and a broken message stops nobody', async () => {
    const heard: string[] = [];
    const subscriptions = [nc, other].map((connection) => onCatalogChanged(connection, ({ org }) => heard.push(org), quiet));
    await Promise.all([nc.flush(), other.flush()]);
    nc.publish(subjects.controlCatalogChanged, '{"org":"*"}');
    nc.publish(subjects.controlCatalogChanged, 'no json');
    const org = newId('org');
    await broadcastCatalogChanged(nc, { org });
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([org, org]);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });
});

describe('control.refresh_paused', () => {
  it('reaches every process, and a broken message stops nobody', async () => {
    const heard: RefreshPaused[] = [];
    const subscriptions = [nc, other].map((connection) => onRefreshPaused(connection, (pause) => heard.push(pause), quiet));
    await Promise.all([nc.flush(), other.flush()]);
    nc.publish(subjects.controlRefreshPaused, '{"lane":"acme","pauseMs":-1}');
    nc.publish(subjects.controlRefreshPaused, 'no json');
    const pause = { lane: 'acme https://acme.example', pauseMs: 5_000 };
    broadcastRefreshPaused(nc, pause);
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([pause, pause]);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });
});

describe('control.provider_paused', () => {
  it('reaches every process, and a broken message stops nobody', async () => {
    const heard: ProviderPaused[] = [];
    const subscriptions = [nc, other].map((connection) => onProviderPaused(connection, (pause) => heard.push(pause), quiet));
    await Promise.all([nc.flush(), other.flush()]);
    nc.publish(subjects.controlProviderPaused, '{"key":"org_1 acme default","pauseMs":1e12}');
    nc.publish(subjects.controlProviderPaused, 'no json');
    const pause = { key: 'org_1 conn_1 acme default', pauseMs: 5_000 };
    broadcastProviderPaused(nc, pause);
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([pause, pause]);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });
});

describe('onConnectionEvent', () => {
  it('hears what is published of a connection, and a broken message stops nobody', async () => {
    const heard: string[] = [];
    const subscription = onConnectionEvent(other, ({ connection }) => heard.push(connection), quiet);
    await other.flush();
    const [org, connection] = [newId('org'), newId('conn')];
    const about = { id: newId('msg'), at: new Date().toISOString(), org, connection, user: null, provider: 'acme', agent: null };
    const publisher = createPublisher(nc);
    await publisher.publish(subjects.connectionEvent('refreshed', org), { broken: true }, { msgId: newId('msg') });
    const event: ConnectionEvent = { ...about, event: 'refreshed', generation: 2 };
    await publisher.publish(subjects.connectionEvent('refreshed', org), event, { msgId: about.id });
    await waitFor(() => heard.length === 1);
    expect(heard).toEqual([connection]);
    subscription.unsubscribe();
  });
});

describe('requestRefresh', () => {
  it('asks the refresher of that provider and waits for its answer', async () => {
    const server = new JetStreamServer({
      ...{ nc: other, logger: quiet, stream: streams.refresh, durable: 'refresher', filter: subjects.credentialRefreshAll },
      ...{ concurrency: 4, ackWaitMs: 5000, maxDeliver: 3 },
    });
    const asked: unknown[] = [];
    server.addHandler(
      subjects.credentialRefreshAll,
      (async (payload: RefreshRequest, context: { reply(answer: object): Promise<void> }) => {
        asked.push(payload);
        await context.reply({ outcome: 'refreshed', generation: payload.newerThan + 1 });
      }) as never,
      true,
    );
    await new Promise<void>((resolve) => server.listen(() => resolve()));
    const inbox = new ReplyInbox(nc);
    const request: RefreshRequest = {
      ...{ org: newId('org'), connection: newId('conn'), newerThan: 4, reason: 'rejected_by_provider' },
      waitMs: 5000,
    };
    expect(await requestRefresh(createPublisher(nc), inbox, 'sandbox', request)).toEqual({ outcome: 'refreshed', generation: 5 });
    expect(asked).toEqual([request]);
    await server.close();
    const late = { ...request, waitMs: 100 };
    await expect(requestRefresh(createPublisher(nc), inbox, 'sandbox', late)).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
    inbox.close();
  });
});

describe('the audit publisher', () => {
  it('resolves once the stream has the event, and stores a repeated one once', async () => {
    const audit = createAuditPublisher(createPublisher(nc));
    const event = buildAuditEvent({
      ...{ type: 'connection.revoked', org: newId('org'), traceId: 'a'.repeat(32) },
      actor: { kind: 'admin', id: 'admin' },
    });
    await audit.record(event);
    await audit.record(event);
    const jsm = await jetstreamManager(nc);
    const { state } = await jsm.streams.info(streams.audit);
    expect(state.messages).toBe(1);
    const stored = await jsm.streams.getMessage(streams.audit, { seq: state.last_seq });
    expect(stored?.json()).toEqual(event);
    expect(stored?.header.get(names.traceparent)).toBe('');
  });

  it('fails when the stream does not take it', async () => {
    const jsm = await jetstreamManager(nc);
    await jsm.streams.delete(streams.audit);
    const publisher = createPublisher(nc);
    await expect(publisher.publish('audit.org_a', {}, { msgId: 'gone', timeoutMs: 200 })).rejects.toMatchObject({
      code: 'dependency_unavailable',
    });
    await ensureTopology(nc);
  });
});
