import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { streams } from '@keyward/contracts';
import { createNatsOperator, mintServiceCreds, type NatsOperator, type NatsPermissions } from '@keyward/nats-accounts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { errors, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { connectNats } from './connect.js';
import { createPublisher } from './publisher.js';
import { ensureTopology } from './topology.js';

const SUBJECT = 'audit.org_a';
/** Long enough that a test which waits for it fails. */
const LONG_MS = 60_000;

let nats: TestNats;
let nc: NatsConnection;
let other: NatsConnection;

beforeAll(async () => {
  nats = await testNats();
  [nc, other] = await Promise.all([
    connectNats({ servers: [nats.url], name: 'one' }),
    connectNats({ servers: [nats.url], name: 'other' }),
  ]);
  await ensureTopology(nc);
});
afterAll(async () => {
  await Promise.all([nc.close(), other.close()]);
  await nats.stop();
});

/** Answers on a subject that no stream has. */
async function responder(subject: string, answer: (message: Msg, count: number) => void): Promise<void> {
  let count = 0;
  other.subscribe(subject, { callback: (_error, message) => answer(message, ++count) });
  await other.flush();
}

describe('a publisher', () => {
  it('tells many publishes of one turn apart, each by its own ack', async () => {
    const publisher = createPublisher(nc);
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) =>
        publisher.publish(
          n % 10 === 3 ? 'nowhere.at.all' : SUBJECT,
          { n },
          { msgId: `turn-${n}`, timeoutMs: n % 10 === 3 ? 1 : LONG_MS },
        ),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(results.map((_, n) => (n % 10 === 3 ? 'rejected' : 'fulfilled')));
    const jsm = await jetstreamManager(nc);
    expect((await jsm.streams.info(streams.audit)).state.messages).toBe(180);
  });

  it('asks again after silence, under the same message id and with the same headers', async () => {
    const heard: (string | undefined)[] = [];
    await responder('silent.once', (message, count) => {
      heard.push(`${message.headers?.get('Nats-Msg-Id')} ${message.headers?.get('Keyward-Spec')} ${message.string()}`);
      if (count === 2) message.respond('{"stream":"SILENT","seq":1}');
    });
    await createPublisher(nc).publish(
      'silent.once',
      { a: 1 },
      { msgId: 'again', headers: { 'Keyward-Spec': 'é 1' }, timeoutMs: LONG_MS },
    );
    expect(heard).toEqual(['again é 1 {"a":1}', 'again é 1 {"a":1}']);
  });

  it('gives up on silence within its timeout', async () => {
    await responder('silent.ever', () => undefined);
    const begun = performance.now();
    const silent = createPublisher(nc).publish('silent.ever', {}, { msgId: 'silent', timeoutMs: 150 });
    await expect(silent).rejects.toMatchObject({ code: 'dependency_unavailable', cause: expect.any(errors.TimeoutError) });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(149);
  });

  it('waits within its timeout for a stream that is not there yet', async () => {
    const jsm = await jetstreamManager(nc);
    const early = createPublisher(nc).publish('late.stream', {}, { msgId: 'early', timeoutMs: LONG_MS });
    await jsm.streams.add({ name: 'LATE', subjects: ['late.stream'] });
    await early;
    expect((await jsm.streams.info('LATE')).state.messages).toBe(1);
    await jsm.streams.delete('LATE');
  });

  it.each(['{}', 'null', '"stored"', '{"stream":"","seq":1}', '{"stream":1}', 'no json', ''])(
    'does not take the answer %j for an ack',
    async (answer) => {
      const subject = `impostor.${Buffer.from(answer).toString('hex')}x`;
      await responder(subject, (message) => message.respond(answer));
      await expect(createPublisher(nc).publish(subject, {}, { msgId: 'impostor', timeoutMs: 100 })).rejects.toMatchObject({
        code: 'dependency_unavailable',
        cause: { name: 'JetStreamError' },
      });
    },
  );

  it('does not repeat what the stream refuses', async () => {
    const headers = { 'Nats-Expected-Stream': 'ANOTHER' };
    await expect(
      createPublisher(nc).publish(SUBJECT, {}, { msgId: 'refused', headers, timeoutMs: LONG_MS }),
    ).rejects.toMatchObject({ code: 'dependency_unavailable', cause: { name: 'JetStreamApiError', code: 10060 } });
  });

  it.each<[string, Record<string, string>, string]>([
    ['a value', { 'Keyward-Spec': 'a\r\nNats-Rollup: all' }, 'id'],
    ['a name', { 'Keyward-Spec: a\r\nNats-Rollup': 'all' }, 'id'],
    ['the message id', {}, 'id\nNats-Rollup: all'],
  ])('refuses a header of its own within %s', async (_where, headers, msgId) => {
    const jsm = await jetstreamManager(nc);
    const { state } = await jsm.streams.info(streams.audit);
    await expect(createPublisher(nc).publish(SUBJECT, {}, { msgId, headers })).rejects.toMatchObject({ code: 'invalid_request' });
    expect((await jsm.streams.info(streams.audit)).state.last_seq).toBe(state.last_seq);
  });

  it('fails what still waits when its connection is closed, and what comes after that', async () => {
    const leaving = await connectNats({ servers: [nats.url], name: 'leaving' });
    const publisher = createPublisher(leaving);
    let asked = 0;
    await responder('silent.closing', () => asked++);
    const waiting = publisher.publish('silent.closing', {}, { msgId: 'waiting', timeoutMs: LONG_MS });
    const closed = { code: 'dependency_unavailable', cause: expect.any(errors.ClosedConnectionError) };
    const refused = expect(waiting).rejects.toMatchObject(closed);
    await waitFor(() => asked === 1);
    await leaving.close();
    await refused;
    await expect(publisher.publish(SUBJECT, {}, { msgId: 'after', timeoutMs: LONG_MS })).rejects.toMatchObject(closed);
  });
});

describe('a publisher whose login may not do everything', () => {
  const home = mkdtempSync(join(tmpdir(), 'keyward-publisher-'));
  let operator: NatsOperator;
  let guarded: TestNats;
  const open: NatsConnection[] = [];

  beforeAll(async () => {
    operator = await createNatsOperator();
    guarded = await testNats({ operator });
    await ensureTopology(await login('owner', { publish: ['>'], subscribe: ['>'] }));
  });
  afterAll(async () => {
    await Promise.all(open.map((connection) => connection.close()));
    await guarded.stop();
    rmSync(home, { recursive: true });
  });

  async function login(name: string, permissions: NatsPermissions): Promise<NatsConnection> {
    const credsFile = join(home, `${name}.creds`);
    writeFileSync(credsFile, await mintServiceCreds(operator, 'KEYWARD', name, permissions), { mode: 0o600 });
    const connection = await connectNats({ servers: [guarded.url], name, credsFile });
    open.push(connection);
    return connection;
  }

  it('says at once that it may not publish there, and publishes the rest', async () => {
    const publisher = createPublisher(await login('narrow', { publish: ['audit.>'], subscribe: ['_INBOX.>'] }));
    const [denied, allowed] = await Promise.allSettled([
      publisher.publish('connection.authorized.org_a', {}, { msgId: 'denied', timeoutMs: LONG_MS }),
      publisher.publish(SUBJECT, {}, { msgId: 'allowed', timeoutMs: LONG_MS }),
    ]);
    expect(denied).toMatchObject({
      reason: {
        code: 'dependency_unavailable',
        cause: { name: 'PermissionViolationError', subject: 'connection.authorized.org_a' },
      },
    });
    expect(allowed.status).toBe('fulfilled');
  });

  it('says each time that it may not hear the ack, instead of waiting for it', async () => {
    const publisher = createPublisher(await login('deaf', { publish: ['audit.>'], subscribe: ['control.revoked'] }));
    for (const msgId of ['deaf-1', 'deaf-2']) {
      await expect(publisher.publish(SUBJECT, {}, { msgId, timeoutMs: LONG_MS })).rejects.toMatchObject({
        code: 'dependency_unavailable',
        cause: { name: 'PermissionViolationError', operation: 'subscription' },
      });
    }
  });
});
