import type { NatsConnection } from '@nats-io/transport-node';
import { Gauge, type Registry } from 'prom-client';
import { watchBus, type BusState, type ConsumerState, type StreamState } from './bus-state.js';

/**
 * The bus is watched from here, for all services: who falls behind, or is gone, could not tell of it. Every replica has the same values.
 * While the server does not answer, the last ones stay.
 */
export async function observeBus(registry: Registry, nats: NatsConnection): Promise<void> {
  const read = await watchBus(nats);
  const gauge = <T extends string>(
    name: string,
    help: string,
    labelNames: T[],
    set: (gauge: Gauge<T>, state: BusState) => void,
  ) =>
    new Gauge<T>({
      ...{ name, help, labelNames, registers: [registry] },
      async collect() {
        const state = await read().catch(() => undefined);
        if (state !== undefined) set(this, state);
      },
    });
  const lag = 'Age of the oldest event that is in the stream and not yet in the trail; 0 where there is none.';
  gauge('audit_ingest_lag_seconds', lag, [], (of, state) => of.set(state.ingestLagSeconds));
  const given = 'Messages that were given up, by the stream they came from.';
  gauge('dlq_messages', given, ['stream'], (of, { deadLetters }) => {
    for (const [stream, messages] of deadLetters) of.set({ stream }, messages);
  });

  const ofStream = (name: string, help: string, value: (of: StreamState) => number) =>
    gauge(name, help, ['stream'], (of, state) => {
      for (const one of state.streams) of.set({ stream: one.stream }, value(one));
    });
  ofStream('jetstream_stream_messages', 'Messages in a stream.', ({ messages }) => messages);
  ofStream('jetstream_stream_bytes', 'Size of a stream on disk.', ({ bytes }) => bytes);
  ofStream('jetstream_stream_limit_bytes', 'The size at which a stream refuses, or drops its oldest.', (of) => of.limitBytes);

  const ofConsumer = (name: string, help: string, value: (of: ConsumerState) => number | undefined) =>
    gauge(name, help, ['stream', 'consumer'], (of, { consumers }) => {
      of.reset();
      for (const one of consumers) {
        const now = value(one);
        if (now !== undefined) of.set({ stream: one.stream, consumer: one.consumer }, now);
      }
    });
  ofConsumer('jetstream_consumer_pending', 'Messages that a consumer has not been given yet: its lag.', ({ pending }) => pending);
  ofConsumer('jetstream_consumer_ack_pending', 'Messages that were given and are not acknowledged.', (of) => of.ackPending);
  ofConsumer('jetstream_consumer_redelivered', 'Of those, how many were given more than once.', (of) => of.redelivered);
  ofConsumer('jetstream_consumer_oldest_seconds', 'Age of the oldest message of a work queue that is not done.', (of) => {
    return of.oldestSeconds;
  });
}
