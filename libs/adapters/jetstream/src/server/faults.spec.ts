import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { headers as names, streams, subjects } from '@keyward/contracts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats } from '../connect.js';
import { createPublisher } from '../publisher.js';
import { ReplyInbox } from '../reply-inbox.js';
import { ensureTopology } from '../topology.js';
import type { JetStreamContext } from './context.js';
import { JetStreamServer } from './jetstream-server.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Asker and worker on a connection each, as in real life they are processes of their own. */
describe('under faults', () => {
  let nats: TestNats;
  let askerConnection: NatsConnection;
  let workerConnection: NatsConnection;

  beforeEach(async () => {
    nats = await testNats();
    [askerConnection, workerConnection] = await Promise.all([
      connectNats({ servers: [nats.url], name: 'asker' }),
      connectNats({ servers: [nats.url], name: 'worker' }),
    ]);
    await ensureTopology(askerConnection);
  });
  afterEach(async () => {
    await Promise.all([askerConnection.close(), workerConnection.close()]);
    await nats.stop();
  });

  async function serve(
    nc: NatsConnection,
    handler: (payload: { n: number }, context: JetStreamContext) => Promise<unknown>,
    options: { drainGraceMs?: number } = {},
  ) {
    const server = new JetStreamServer({
      ...{ nc, logger: quiet, stream: streams.executions, durable: 'executor', filter: subjects.executionRequestedAll },
      ...{ concurrency: 16, ackWaitMs: 2000, maxDeliver: 10, ...options },
    });
    server.addHandler(subjects.executionRequestedAll, handler as never, true);
    await new Promise<void>((resolve, reject) => server.listen((error) => (error === undefined ? resolve() : reject(error))));
    return server;
  }

  function asker() {
    const publisher = createPublisher(askerConnection);
    const inbox = new ReplyInbox(askerConnection);
    return async (n: number) => {
      const expected = inbox.expect(25_000);
      await publisher.publish(
        subjects.executionRequested('org_a', 'agt_a', 'exe_a'),
        { n },
        { msgId: `m-${n}`, headers: { [names.replyTo]: expected.subject }, timeoutMs: 20_000 },
      );
      return expected.reply;
    };
  }

  it('answers every call although the server is killed and restarted under load', async () => {
    const handled = new Map<number, number>();
    const server = await serve(workerConnection, async ({ n }, context) => {
      handled.set(n, (handled.get(n) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await context.reply({ n });
    });
    const ask = asker();
    const CALLS = 400;
    const answers: unknown[] = [];
    const load = (async () => {
      const queue = Array.from({ length: CALLS }, (_, n) => n);
      const loop = async () => {
        for (let n = queue.shift(); n !== undefined; n = queue.shift()) answers.push(await ask(n));
      };
      await Promise.all(Array.from({ length: 20 }, loop));
    })();
    await waitFor(() => answers.length > 100);
    await nats.kill();
    await nats.restart();
    await load;
    expect(new Set(answers.map((answer) => (answer as { n: number }).n)).size).toBe(CALLS);
    expect(handled.size).toBe(CALLS);
    const jsm = await jetstreamManager(askerConnection);
    await waitFor(async () => (await jsm.streams.info(streams.executions)).state.messages === 0);
    expect((await jsm.streams.info(streams.deadLetters)).state.messages).toBe(0);
    await server.close();
  }, 60_000);

  it('ends what it has in hand when it is asked to stop, hands back the rest, and repeats nothing', async () => {
    const handled: number[] = [];
    const release = Promise.withResolvers<void>();
    const leaving = await serve(workerConnection, async ({ n }, context) => {
      handled.push(n);
      await release.promise;
      await context.reply({ n, by: 'leaving' });
    });
    const ask = asker();
    const answers = Array.from({ length: 20 }, (_, n) => ask(n));
    await waitFor(() => handled.length === 16);
    const closed = leaving.close();
    const staying = await serve(askerConnection, async ({ n }, context) => {
      handled.push(n);
      await context.reply({ n, by: 'staying' });
    });
    await waitFor(() => handled.length === 20);
    release.resolve();
    await closed;
    const all = (await Promise.all(answers)) as { n: number; by: string }[];
    expect(all.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(all.filter(({ by }) => by === 'leaving').length).toBe(16);
    expect([...handled].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const jsm = await jetstreamManager(askerConnection);
    await waitFor(async () => (await jsm.streams.info(streams.executions)).state.messages === 0);
    await staying.close();
  });

  it('stops within its grace although the bus is away, and another process ends the work', async () => {
    const begun: number[] = [];
    const release = Promise.withResolvers<void>();
    const leaving = await serve(
      workerConnection,
      async ({ n }, context) => {
        begun.push(n);
        await release.promise;
        await context.reply({ n, by: 'leaving' });
      },
      { drainGraceMs: 200 },
    );
    const answer = asker()(1);
    await waitFor(() => begun.length === 1);
    await nats.kill();
    release.resolve();
    await leaving.close();
    await workerConnection.close();
    await nats.restart();
    const staying = await serve(askerConnection, ({ n }, context) => context.reply({ n, by: 'staying' }));
    expect(await answer).toEqual({ n: 1, by: 'staying' });
    await staying.close();
  }, 40_000);

  it('refuses with a clear error while the bus is away, and works again by itself', async () => {
    const publisher = createPublisher(askerConnection);
    await nats.kill();
    const options = { msgId: 'away', timeoutMs: 300 };
    await expect(publisher.publish('audit.org_a', {}, options)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    const patient = publisher.publish('audit.org_a', {}, { msgId: 'patient', timeoutMs: 20_000 });
    await nats.restart();
    await patient;
  }, 40_000);

  it('says at once that nobody listens at an address', async () => {
    await nats.kill();
    await expect(connectNats({ servers: [nats.url], name: 'early' })).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await nats.restart();
  });
});
