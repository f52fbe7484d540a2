import { streams, subjects } from '@keyward/contracts';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Counter, Gauge, type Registry } from 'prom-client';

export interface AuditMetrics {
  /** Events that are now rows, by type. Repetitions don't count. */
  stored(type: string, count: number): void;
}

export function createMetrics(registry: Registry): AuditMetrics {
  const stored = new Counter({
    name: 'audit_events_total',
    help: 'Events stored in the trail.',
    labelNames: ['type'],
    registers: [registry],
  });
  return { stored: (type, count) => stored.inc({ type }, count) };
}

/** Read from the server when scraped. While it does not answer, the last value stays. */
export async function observeStreams(registry: Registry, nats: NatsConnection): Promise<void> {
  const jsm = await jetstreamManager(nats, { checkAPI: false });
  const lag = new Gauge({
    name: 'audit_ingest_lag_seconds',
    help: 'Age of the oldest event that is in the stream and not yet in the trail; 0 where there is none.',
    registers: [registry],
    collect: async () => {
      const seconds = await ingestLagSeconds(jsm).catch(() => undefined);
      if (seconds !== undefined) lag.set(seconds);
    },
  });
  const deadLetters = new Gauge({
    name: 'dlq_messages',
    help: 'Messages that were given up, by the stream they came from.',
    labelNames: ['stream'],
    registers: [registry],
    collect: async () => {
      const counts = await deadLettersByStream(jsm).catch(() => undefined);
      for (const [stream, count] of counts ?? []) deadLetters.set({ stream }, count);
    },
  });
}

/** Stored events leave the work queue, so that its first message is the oldest that is not stored. */
async function ingestLagSeconds(jsm: JetStreamManager): Promise<number> {
  const { state } = await jsm.streams.info(streams.audit);
  return state.messages === 0 ? 0 : Math.max(0, (Date.now() - Date.parse(state.first_ts)) / 1000);
}

/** Every work queue has a value, 0 included: an alert on an absent series never fires. */
async function deadLettersByStream(jsm: JetStreamManager): Promise<Map<string, number>> {
  const { state } = await jsm.streams.info(streams.deadLetters, { subjects_filter: subjects.deadLetterAll });
  const sources = [streams.executions, streams.refresh, streams.audit];
  return new Map(sources.map((stream) => [stream, state.subjects?.[subjects.deadLetter(stream)] ?? 0]));
}
