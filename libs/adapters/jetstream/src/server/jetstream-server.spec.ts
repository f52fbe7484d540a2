import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { headers as names, KeywardError, streams, subjects, toProblem, type DeadLetter } from '@keyward/contracts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { createInbox, headers as createHeaders, type NatsConnection } from '@nats-io/transport-node';
import { connectNats } from '../connect.js';
import { createPublisher, type Publisher } from '../publisher.js';
import { ReplyInbox } from '../reply-inbox.js';
import { ensureTopology } from '../topology.js';
import type { JetStreamContext } from './context.js';
import { JetStreamServer } from './jetstream-server.js';
import type { JetStreamServerOptions } from './options.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const SUBJECT = subjects.executionRequested('org_a', 'agt_a', 'exe_a');
const MAX_DELIVER = 3;

type Handler = (payload: { n: number }, context: JetStreamContext) => Promise<unknown>;

describe('JetStreamServer', () => {
  let nats: TestNats;
  let nc: NatsConnection;
  let jsm: JetStreamManager;
  let publisher: Publisher;
  const running: JetStreamServer[] = [];

  beforeAll(async () => {
    nats = await testNats();
    nc = await connectNats({ servers: [nats.url], name: 'server-spec' });
    jsm = await jetstreamManager(nc);
    publisher = createPublisher(nc);
  });
  beforeEach(async () => {
    for (const name of Object.values(streams)) await jsm.streams.delete(name).catch(() => undefined);
    await ensureTopology(nc);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.close()));
  });
  afterAll(async () => {
    await nc.close();
    await nats.stop();
  });

  async function serve(handler: Handler, options: Partial<JetStreamServerOptions> = {}): Promise<JetStreamServer> {
    const server = new JetStreamServer({
      ...{ nc, logger: quiet, stream: streams.executions, durable: 'executor', filter: subjects.executionRequestedAll },
      ...{ concurrency: 8, ackWaitMs: 1000, maxDeliver: MAX_DELIVER, backoff: [20] },
      ...options,
    });
    server.addHandler(subjects.executionRequestedAll, handler as never, true);
    running.push(server);
    await new Promise<void>((resolve, reject) => server.listen((error) => (error === undefined ? resolve() : reject(error))));
    return server;
  }

  const ask = (n: number, replyTo?: string) =>
    publisher.publish(
      SUBJECT,
      { n },
      { msgId: `m-${n}`, ...(replyTo === undefined ? {} : { headers: { [names.replyTo]: replyTo } }) },
    );
  const left = async (stream: string = streams.executions) => (await jsm.streams.info(stream)).state.messages;
  const letters = async (): Promise<DeadLetter[]> => {
    const { state } = await jsm.streams.info(streams.deadLetters);
    const found = await Promise.all(
      Array.from({ length: state.messages }, (_, i) => jsm.streams.getMessage(streams.deadLetters, { seq: state.first_seq + i })),
    );
    return found.map((message) => message?.json<DeadLetter>() as DeadLetter);
  };

  it('acknowledges when the handler returns, and hands the answer to the inbox of the asker', async () => {
    await serve(async ({ n }, context) => context.reply({ doubled: n * 2 }));
    const inbox = new ReplyInbox(nc);
    const expected = inbox.expect(5000);
    await ask(21, expected.subject);
    expect(await expected.reply).toEqual({ doubled: 42 });
    await waitFor(async () => (await left()) === 0);
    inbox.close();
  });

  it('sends the answer again to an asker who is not there yet, as after a reconnect', async () => {
    await serve(async ({ n }, context) => context.reply({ n }));
    const inbox = createInbox();
    await ask(5, inbox);
    await waitFor(async () => (await left()) === 0);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const subscription = nc.subscribe(inbox, { callback: (_error, message) => resolve(message.json()) });
    expect(await promise).toEqual({ n: 5 });
    subscription.unsubscribe();
  });

  it('keeps a message that takes much longer than ack_wait', async () => {
    const deliveries: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    await serve(
      async (_payload, context) => {
        deliveries.push(context.deliveries);
        await promise;
      },
      { ackWaitMs: 500 },
    );
    await ask(1);
    const started = Date.now();
    await waitFor(() => Date.now() - started > 2500, { timeoutMs: 5000 });
    resolve();
    await waitFor(async () => (await left()) === 0);
    expect(deliveries).toEqual([1]);
  });

  it('tries again after a pause, and not for ever', async () => {
    const seen: { deliveries: number; at: number }[] = [];
    await serve(
      async (_payload, { deliveries }) => {
        seen.push({ deliveries, at: performance.now() });
        throw new Error('the database is away');
      },
      { backoff: [100, 200] },
    );
    await ask(1);
    await waitFor(async () => (await left()) === 0);
    expect(seen.map(({ deliveries }) => deliveries)).toEqual([1, 2, 3]);
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(95);
    expect((seen[2]?.at ?? 0) - (seen[1]?.at ?? 0)).toBeGreaterThanOrEqual(195);
    expect(await letters()).toMatchObject([
      { code: 'internal', deliveries: 3, subject: SUBJECT, sequence: 1, stream: streams.executions },
    ]);
    expect(await left(streams.advisories)).toBe(0);
  });

  it('waits as long as the error asks for', async () => {
    const at: number[] = [];
    await serve(async () => {
      at.push(performance.now());
      if (at.length === 1) throw new KeywardError('rate_limited', 'Later.', { details: { retryAfterMs: 300 } });
    });
    await ask(1);
    await waitFor(async () => (await left()) === 0);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(295);
  });

  it('puts what cannot succeed aside at once, whole, and tells the asker', async () => {
    let calls = 0;
    await serve(
      async () => {
        calls++;
        throw new KeywardError('unknown_tool', 'There is no such tool.', { cause: new Error('private: lookup table') });
      },
      { failureReply: (error) => ({ outcome: 'failed', error: toProblem(error) }) },
    );
    const inbox = new ReplyInbox(nc);
    const expected = inbox.expect(5000);
    await ask(7, expected.subject);
    expect(await expected.reply).toMatchObject({ outcome: 'failed', error: { code: 'unknown_tool' } });
    await waitFor(async () => (await left()) === 0);
    const [letter] = await letters();
    expect(letter).toMatchObject({ code: 'unknown_tool', reason: 'There is no such tool.', deliveries: 1 });
    expect(JSON.parse(Buffer.from(letter?.data ?? '', 'base64').toString())).toEqual({ n: 7 });
    expect(letter?.headers[names.replyTo]).toEqual([expected.subject]);
    expect(JSON.stringify(letter)).not.toContain('private');
    expect(calls).toBe(1);
    inbox.close();
  });

  it('puts what is not JSON aside', async () => {
    await serve(async () => undefined);
    nc.publish(SUBJECT, '{"n": ');
    await waitFor(async () => (await letters()).length === 1);
    expect(await letters()).toMatchObject([{ code: 'invalid_request' }]);
    await waitFor(async () => (await left()) === 0);
  });

  it.each([
    '$JS.API.STREAM.PURGE.CONNECTIONS',
    '$SYS.REQ.SERVER.PING',
    'tool.result.org_b.agt_b.x',
    '_INBOX.>',
    '_INBOX.a.*',
    '_INBOX.',
    '_INBOXES.a',
    '_INBOX.a b',
  ])('neither runs nor answers a message whose reply subject is %j', async (replyTo) => {
    let calls = 0;
    await serve(async (_payload, context) => {
      calls++;
      await context.reply({});
    });
    await publisher.publish('connection.authorized.org_a', { kept: true }, { msgId: `kept-${replyTo}` });
    const hdrs = createHeaders();
    hdrs.set(names.replyTo, replyTo);
    nc.publish(SUBJECT, '{"n":1}', { headers: hdrs });
    await waitFor(async () => (await letters()).length === 1);
    await waitFor(async () => (await left()) === 0);
    expect(await letters()).toMatchObject([{ code: 'invalid_request' }]);
    expect(calls).toBe(0);
    expect(await left(streams.connections)).toBe(1);
  });

  it('keeps the original when the dead letter cannot be stored', async () => {
    await jsm.streams.delete(streams.deadLetters);
    let calls = 0;
    await serve(async () => {
      calls++;
      throw new KeywardError('unknown_tool', 'There is no such tool.');
    });
    await ask(1);
    await waitFor(() => calls === 1);
    expect(await left()).toBe(1);
    await ensureTopology(nc);
    await waitFor(async () => (await left()) === 0, { timeoutMs: 20_000 });
    expect((await letters()).length).toBe(1);
  });

  it('takes its work up again when its consumer was deleted', async () => {
    const done = new Set<number>();
    await serve(async ({ n }) => void done.add(n));
    await ask(1);
    await waitFor(() => done.has(1));
    await jsm.consumers.delete(streams.executions, 'executor');
    await ask(2);
    await waitFor(() => done.has(2));
    await waitFor(async () => (await left()) === 0);
  });

  it('says which stream is missing, and can be started again once it exists', async () => {
    await jsm.streams.delete(streams.executions);
    const server = await serve(async () => undefined).catch((error: unknown) => error);
    expect(String(server)).toContain('stream not found');
    await ensureTopology(nc);
    const done = new Set<number>();
    await serve(async ({ n }) => void done.add(n));
    await ask(3);
    await waitFor(() => done.has(3));
  });

  it('brings an existing consumer to new settings', async () => {
    await (await serve(async () => undefined)).close();
    await serve(async () => undefined, { maxDeliver: 9, ackWaitMs: 7000 });
    expect((await jsm.consumers.info(streams.executions, 'executor')).config).toMatchObject({ max_deliver: 9, ack_wait: 7e9 });
  });

  it('aborts the handler at the deadline of the message', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await serve(
      (_payload, { signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            resolve(signal.reason);
            reject(signal.reason);
          }),
        ),
      { deadline: () => new Date(Date.now() + 100) },
    );
    await ask(1);
    expect(await promise).toMatchObject({ code: 'deadline_exceeded' });
    await waitFor(async () => (await letters()).length === 1);
  });

  it('never has more messages in hand than it was told', async () => {
    let now = 0;
    let most = 0;
    let total = 0;
    await serve(
      async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        total++;
      },
      { concurrency: 5 },
    );
    await Promise.all(Array.from({ length: 300 }, (_, n) => ask(n)));
    await waitFor(() => total === 300);
    expect(most).toBeLessThanOrEqual(5);
    await waitFor(async () => (await left()) === 0);
  });

  it('records a message whose worker died on the final delivery, and puts it aside once a worker is there again', async () => {
    await (await serve(async () => undefined, { maxDeliver: 1, ackWaitMs: 200 })).close();
    await ask(1);
    // A worker that takes it and is never heard of again.
    const inbox = createInbox();
    let taken = 0;
    const subscription = nc.subscribe(inbox, {
      callback: (_error, { subject }) => void (taken += Number(subject === SUBJECT)),
    });
    const request = JSON.stringify({ batch: 2, expires: 5e9 });
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${streams.executions}.executor`, request, { reply: inbox });
    await waitFor(() => taken === 1);
    await waitFor(async () => (await left(streams.advisories)) === 1);
    subscription.unsubscribe();
    expect(await left()).toBe(1);
    const handled: number[] = [];
    await serve(async ({ n }) => void handled.push(n), { maxDeliver: 1, ackWaitMs: 200 });
    await waitFor(async () => (await left()) === 0);
    expect(await letters()).toMatchObject([{ code: 'outcome_unknown', deliveries: 1, sequence: 1, subject: SUBJECT }]);
    expect(handled).toEqual([]);
  });
});
