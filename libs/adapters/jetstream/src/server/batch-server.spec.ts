import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError, streams, subjects, type DeadLetter } from '@keyward/contracts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { connectNats } from '../connect.js';
import { createPublisher } from '../publisher.js';
import { ensureTopology } from '../topology.js';
import { JetStreamBatchServer, type BatchMessage, type BatchServerOptions } from './batch-server.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const numberIn = (message: BatchMessage): number => (JSON.parse(Buffer.from(message.data).toString()) as { n: number }).n;

describe('JetStreamBatchServer', () => {
  let nats: TestNats;
  let nc: NatsConnection;
  let jsm: JetStreamManager;
  const servers: JetStreamBatchServer[] = [];

  beforeEach(async () => {
    nats = await testNats();
    nc = await connectNats({ servers: [nats.url], name: 'test' });
    await ensureTopology(nc);
    jsm = await jetstreamManager(nc);
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await nc.close();
    await nats.stop();
  });

  async function serve(handle: BatchServerOptions['handle'], options: Partial<BatchServerOptions> = {}) {
    const server = new JetStreamBatchServer({
      ...{ nc, logger: quiet, stream: streams.audit, durable: 'audit', filter: subjects.auditAll, handle },
      ...{ batchSize: 10, concurrency: 1, lingerMs: 5, ackWaitMs: 2000, backoff: [20] },
      ...options,
    });
    servers.push(server);
    await new Promise<void>((resolve, reject) =>
      server.listen((error) => (error === undefined ? resolve() : reject(error as Error))),
    );
    return server;
  }

  async function publish(count: number, from = 0): Promise<number[]> {
    const publisher = createPublisher(nc);
    const numbers = Array.from({ length: count }, (_, index) => from + index);
    await Promise.all(numbers.map((n) => publisher.publish('audit.org_a', { n }, { msgId: `m-${n}` })));
    return numbers;
  }

  /** What is asked of the consumer from now on, as the server hears it. */
  function requests(): { batch: number; no_wait?: true }[] {
    const heard: { batch: number; no_wait?: true }[] = [];
    nc.subscribe('$JS.API.CONSUMER.MSG.NEXT.>', { callback: (_error, message) => void heard.push(message.json()) });
    return heard;
  }

  const idle = async () => (await jsm.consumers.info(streams.audit, 'audit')).num_waiting === 1;
  const waiting = async (): Promise<number> => (await jsm.streams.info(streams.audit)).state.messages;
  const emptied = () => waitFor(async () => (await waiting()) === 0, { timeoutMs: 20_000 });
  const sortedText = (texts: string[]) => texts.toSorted();
  const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

  it('hands over full batches in order, and a last one that is not full', async () => {
    const numbers = await publish(25);
    const batches: number[][] = [];
    await serve(async (batch) => void batches.push(batch.map(numberIn)), { lingerMs: 50 });
    await emptied();
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(batches.flat()).toEqual(numbers);
  });

  it('fetches what comes one by one in bursts: few batches, few requests, nothing lost, in order', async () => {
    const LINGER_MS = 20;
    const batches: number[][] = [];
    const asked = requests();
    await serve(async (batch) => void batches.push(batch.map(numberIn)), { batchSize: 500, concurrency: 2, lingerMs: LINGER_MS });
    const before = performance.now();
    const numbers: number[] = [];
    for (let n = 0; n < 200; n++) numbers.push(...(await publish(1, n)));
    await emptied();
    const pauses = Math.ceil((performance.now() - before) / (LINGER_MS - 1));
    expect(batches.flat()).toEqual(numbers);
    expect(batches.length).toBeLessThanOrEqual(pauses + 1);
    // At most a doorbell and a burst for every pause, around the first burst and the last.
    expect(asked.length).toBeLessThanOrEqual(2 * pauses + 2);
    await waitFor(() => asked.at(-1)?.batch === 1);
    expect(await idle()).toBe(true);
  });

  it('hears the first message after silence at once, and hands it over together with those that come while it waits', async () => {
    const LINGER_MS = 500;
    const batches: { numbers: number[]; at: number }[] = [];
    await serve(async (batch) => void batches.push({ numbers: batch.map(numberIn), at: performance.now() }), {
      lingerMs: LINGER_MS,
    });
    await waitFor(idle);
    const delivered = async () => (await jsm.consumers.info(streams.audit, 'audit')).num_ack_pending;
    const before = performance.now();
    await publish(1);
    await waitFor(async () => (await delivered()) === 1);
    await publish(4, 1);
    await waitFor(() => batches.length === 1);
    expect(batches[0]?.numbers).toEqual([0, 1, 2, 3, 4]);
    expect((batches[0]?.at ?? Infinity) - before).toBeLessThan(LINGER_MS + 1000);
    await emptied();
    await waitFor(idle);
    await publish(1, 5);
    await waitFor(() => batches.length === 2);
    expect(batches[1]?.numbers).toEqual([5]);
  });

  it('acknowledges only once the batch is done', async () => {
    await publish(3);
    let finish: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      void serve(async () => {
        resolve();
        await new Promise<void>((done) => (finish = done));
      });
    });
    await begun;
    expect(await waiting()).toBe(3);
    finish();
    await emptied();
  });

  it('a batch that fails comes back whole, later, as often as it takes', async () => {
    const numbers = await publish(4);
    const stored = new Set<number>();
    let failures = 0;
    await serve(async (batch) => {
      if (failures++ < 5) throw new KeywardError('dependency_unavailable', 'The store is away.');
      for (const message of batch) stored.add(numberIn(message));
    });
    await emptied();
    expect(sorted(stored)).toEqual(numbers);
    expect((await jsm.streams.info(streams.deadLetters)).state.messages).toBe(0);
  });

  it('puts a rejected message among the dead letters, whole, and acknowledges the others', async () => {
    await publish(3);
    const stored: number[] = [];
    await serve(async (batch) => {
      for (const message of batch) {
        if (numberIn(message) === 1)
          message.reject(new KeywardError('invalid_request', 'It is not valid.', { cause: new Error('private') }));
        else stored.push(numberIn(message));
      }
    });
    await emptied();
    expect(sorted(stored)).toEqual([0, 2]);
    const letter = (
      await jsm.streams.getMessage(streams.deadLetters, { last_by_subj: subjects.deadLetter(streams.audit) })
    )?.json<DeadLetter>();
    expect(letter).toMatchObject({ subject: 'audit.org_a', code: 'invalid_request', reason: 'It is not valid.', deliveries: 1 });
    expect(Buffer.from(letter?.data ?? '', 'base64').toString()).toBe('{"n":1}');
  });

  it('rejects nothing of a batch that fails', async () => {
    await publish(2);
    let failed = false;
    await serve(async (batch) => {
      if (failed) return;
      failed = true;
      for (const message of batch) message.reject(new KeywardError('invalid_request', 'No.'));
      throw new Error('and then the transaction failed');
    });
    await emptied();
    expect((await jsm.streams.info(streams.deadLetters)).state.messages).toBe(0);
  });

  it('keeps a message whose dead letter can not be stored', async () => {
    await jsm.streams.update(streams.deadLetters, {
      ...(await jsm.streams.info(streams.deadLetters)).config,
      subjects: ['elsewhere.>'],
    });
    await publish(1);
    let deliveries = 0;
    await serve(async (batch) => {
      deliveries = batch[0]?.deliveries ?? 0;
      batch[0]?.reject(new KeywardError('invalid_request', 'No.'));
    });
    await waitFor(() => deliveries > 1, { timeoutMs: 20_000 });
    expect(await waiting()).toBe(1);
  });

  it('a batch that takes longer than ack_wait is given to nobody else, nor is what waits behind it', async () => {
    const numbers = await publish(15);
    const seen: number[] = [];
    const slow = async (batch: readonly BatchMessage[]) => {
      seen.push(...batch.map(numberIn));
      const { num_redelivered: before } = await jsm.consumers.info(streams.audit, 'audit');
      expect(before).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 1800));
    };
    await serve(slow, { ackWaitMs: 1000 });
    await serve(slow, { ackWaitMs: 1000 });
    await emptied();
    expect(sorted(seen)).toEqual(numbers);
  });

  it('works on several batches at a time where it may', async () => {
    await publish(40);
    let [now, most] = [0, 0];
    await serve(
      async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        await jsm.streams.info(streams.audit);
        now--;
      },
      { concurrency: 2 },
    );
    await emptied();
    expect(most).toBe(2);
  });

  it('gives each message a span in its own trace, which fails where the batch does', async () => {
    const exporter = new InMemorySpanExporter();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    try {
      const publisher = createPublisher(nc);
      const traces = ['a'.repeat(32), 'b'.repeat(32)];
      for (const [n, traceId] of traces.entries()) {
        const headers = { traceparent: `00-${traceId}-${'1'.repeat(16)}-01` };
        await publisher.publish('audit.org_a', { n }, { msgId: `m-${n}`, headers });
      }
      let failed = false;
      await serve(async () => {
        if (failed) return;
        failed = true;
        throw new Error('once');
      });
      await emptied();
      const spans = await waitFor(() => (exporter.getFinishedSpans().length === 4 ? exporter.getFinishedSpans() : undefined));
      expect(new Set(spans.map((span) => span.name))).toEqual(new Set(['process audit.*']));
      expect(sortedText(spans.map((span) => span.spanContext().traceId))).toEqual(sortedText([...traces, ...traces]));
      expect(spans.map((span) => span.status.code === SpanStatusCode.ERROR)).toEqual([true, true, false, false]);
    } finally {
      for (const api of [trace, context, propagation]) api.disable();
    }
  });

  it('close lets the batch in hand end and gives back the rest at once', async () => {
    const numbers = await publish(35);
    const stored: number[] = [];
    let finish: () => void = () => undefined;
    const server = await serve(
      async (batch) => {
        await new Promise<void>((resolve) => (finish = resolve));
        stored.push(...batch.map(numberIn));
      },
      { ackWaitMs: 30_000 },
    );
    await waitFor(async () => (await jsm.consumers.info(streams.audit, 'audit')).num_ack_pending === 20);
    const closed = server.close();
    finish();
    await closed;
    expect(stored).toHaveLength(10);
    expect(await waiting()).toBe(25);
    await serve(async (batch) => void stored.push(...batch.map(numberIn)), { ackWaitMs: 30_000 });
    await emptied();
    expect(sorted(stored)).toEqual(numbers);
  });

  it('close ends, too, while the server is away', async () => {
    await publish(5);
    let began = false;
    const server = await serve(async () => {
      began = true;
      throw new Error('the store is away');
    });
    await waitFor(() => began);
    await nats.kill();
    await server.close();
    await nats.restart();
  });

  it('goes on when its consumer is deleted, be it while it listens or between two bursts', async () => {
    const LINGER_MS = 300;
    const stored = new Set<number>();
    await serve(async (batch) => batch.forEach((message) => stored.add(numberIn(message))), { lingerMs: LINGER_MS });
    await waitFor(idle);
    await jsm.consumers.delete(streams.audit, 'audit');
    await publish(1);
    await waitFor(() => stored.size === 1, { timeoutMs: 20_000 });
    await publish(1, 1);
    await jsm.consumers.delete(streams.audit, 'audit');
    await publish(1, 2);
    await waitFor(() => stored.size === 3, { timeoutMs: 20_000 });
    await emptied();
  });

  it('handles everything although the server is killed and restarted', async () => {
    const stored = new Set<number>();
    await serve(async (batch) => batch.forEach((message) => stored.add(numberIn(message))));
    const load = (async () => {
      const publisher = createPublisher(nc);
      for (let n = 0; n < 300; n++) await publisher.publish('audit.org_a', { n }, { msgId: `m-${n}`, timeoutMs: 20_000 });
    })();
    await waitFor(() => stored.size > 50);
    await nats.kill();
    await nats.restart();
    await load;
    await emptied();
    expect(stored.size).toBe(300);
  });
});
