import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeywardError, streams } from '@keyward/contracts';
import { testNats, type TestNats } from '@keyward/testing';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { connectNats } from './connect.js';
import { createPublisher } from './publisher.js';
import { ensureTopology } from './topology.js';

const DAY_MS = 86_400_000;

describe('the topology of the bus', () => {
  let nats: TestNats;
  let nc: NatsConnection;
  let jsm: JetStreamManager;

  beforeAll(async () => {
    nats = await testNats();
    nc = await connectNats({ servers: [nats.url], name: 'topology-spec' });
    jsm = await jetstreamManager(nc);
  });
  afterAll(async () => {
    await nc.close();
    await nats.stop();
  });

  const config = async (name: string) => (await jsm.streams.info(name)).config;

  it('creates every stream of the contract, on disk, and a second time changes nothing', async () => {
    await ensureTopology(nc);
    const first = await Promise.all(Object.values(streams).map(config));
    await Promise.all([ensureTopology(nc), ensureTopology(nc)]);
    expect(await Promise.all(Object.values(streams).map(config))).toEqual(first);
    expect(first.map(({ storage }) => storage)).toEqual(Object.values(streams).map(() => 'file'));
  });

  it('gives work queues the policy to refuse when full, and results a day', async () => {
    await ensureTopology(nc);
    for (const name of [streams.executions, streams.refresh, streams.audit]) {
      expect(await config(name)).toMatchObject({ retention: 'workqueue', discard: 'new', max_age: 0 });
    }
    expect(await config(streams.results)).toMatchObject({ retention: 'limits', discard: 'old', max_age: nanos(DAY_MS) });
    expect(await config(streams.advisories)).toMatchObject({ subjects: ['$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>'] });
  });

  it('brings a stream back that somebody changed', async () => {
    await ensureTopology(nc);
    await jsm.streams.update(streams.results, { max_age: nanos(DAY_MS / 2) });
    await ensureTopology(nc);
    expect((await config(streams.results)).max_age).toBe(nanos(DAY_MS));
  });

  it('refuses what does not fit into a full work queue, keeps what is in it, and accepts again when there is room', async () => {
    await ensureTopology(nc, { maxBytes: { [streams.executions]: 20_000 } });
    const publisher = createPublisher(nc);
    const publish = (n: number) =>
      publisher.publish('execution.requested.org_a.agt_a.exe_a', { n, padding: 'x'.repeat(3000) }, { msgId: `full-${n}` });
    let refused: unknown;
    let stored = 0;
    for (; stored < 50 && refused === undefined; stored++)
      refused = await publish(stored).then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(refused).toBeInstanceOf(KeywardError);
    expect((refused as KeywardError).code).toBe('dependency_unavailable');
    const { state } = await jsm.streams.info(streams.executions);
    expect(state.first_seq).toBe(1);
    expect(state.messages).toBe(stored - 1);
    await jsm.streams.purge(streams.executions);
    await publish(99);
    await ensureTopology(nc);
  });

  it('says that a message is too large, at once', async () => {
    await ensureTopology(nc);
    const tooLarge = { data: 'x'.repeat((nc.info?.max_payload ?? 0) + 1) };
    await expect(createPublisher(nc).publish('audit.org_a', tooLarge, { msgId: 'large' })).rejects.toMatchObject({
      code: 'request_too_large',
    });
  });

  it('stores a message once, however often it is published', async () => {
    await ensureTopology(nc);
    const publisher = createPublisher(nc);
    const before = (await jsm.streams.info(streams.connections)).state.messages;
    for (let i = 0; i < 3; i++) await publisher.publish('connection.authorized.org_a', { i }, { msgId: 'once' });
    expect((await jsm.streams.info(streams.connections)).state.messages).toBe(before + 1);
  });

  it('says which stream does not fit on the disk of the server', async () => {
    const small = await testNats({ maxStoreBytes: 1_000_000 });
    const connection = await connectNats({ servers: [small.url], name: 'small' });
    const refused = await ensureTopology(connection).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'dependency_unavailable', message: expect.stringContaining(streams.executions) });
    expect(String((refused as Error).cause)).toMatch(/insufficient storage/i);
    await connection.close();
    await small.stop();
  });
});
