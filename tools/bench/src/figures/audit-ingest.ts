import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { buildAuditEvent } from '@keyward/audit';
import { newId, subjects, type AuditEvent } from '@keyward/contracts';
import { connectNats, createPublisher } from '@keyward/jetstream';
import { createDataSource } from '@keyward/postgres';
import type { Stack } from '@keyward/stack';
import { insertRows } from '../audit/insert-rows.js';
import { auditLag } from '../audit/lag.js';
import type { Bench, Measurement } from '../bench.js';
import { figure, type Figure } from '../figure.js';

const EVENTS = 60_000;
/** The rest are the start of the process, and of its compiler. */
const COUNTED_FROM = 0.2;
const AT_A_TIME = 512;
const [ORGANIZATIONS, AGENTS, USERS, TOOLS] = [8, 4, 25, 5];
const TARGET = { ratio: 0.5, perSecond: 10_000 };
const POLL_MS = 10;
const PATIENCE_MS = 120_000;

type Database = Awaited<ReturnType<ReturnType<typeof createDataSource>['initialize']>>;

/**
 * P7: events that wait in the stream until they are durable, chained rows and their calls are counted, against a batched INSERT of the same
 * rows into a table like theirs, one batch after the other; and how old an event is when it is a row, while calls are made.
 */
export const auditIngest: Measurement = { id: 'P7', run };

async function run(bench: Bench): Promise<Figure[]> {
  const url = bench.stack.info.databaseUrl;
  const database = await createDataSource({ url, applicationName: 'keyward-bench' }).initialize();
  try {
    bench.progress(`P7 audit, ${EVENTS} events`);
    const organizations = Array.from({ length: ORGANIZATIONS }, () => newId('org'));
    const ingest = await ingestRate(bench.stack, database, organizations);
    bench.progress('P7 batched INSERT of the same rows');
    const rows = { organizations, countedFrom: COUNTED_FROM };
    const floor = await insertRows(database, { ...rows, connections: 1 });
    const pair = await insertRows(database, { ...rows, connections: 2 });
    const text = `≥ ${TARGET.ratio} × floor, ≥ ${TARGET.perSecond} 1/s`;
    const met = (value: number, ratio: number | null) => value >= TARGET.perSecond && (ratio ?? 0) >= TARGET.ratio;
    const rate = figure('P7.rate', 'audit events stored and chained', ingest, '1/s', floor, { text, met });
    // Chains of one batch are locked until it is in, so that two batches take turns; rows without a chain need not.
    const unchained = figure('P7.pair', 'batched INSERT over two connections', pair, '1/s', floor);
    return [rate, unchained, ...(await auditLag(bench, database))];
  } finally {
    await database.destroy();
  }
}

/** @returns per second */
async function ingestRate(stack: Stack, database: Database, organizations: readonly string[]): Promise<number> {
  const service = stack.service('audit-service');
  await service.stop();
  try {
    await publishAll(stack, eventsOf(organizations));
  } finally {
    await service.start();
  }
  return untilStored(database, organizations);
}

function eventsOf(organizations: readonly string[]): AuditEvent[] {
  return Array.from({ length: EVENTS }, (_, n) => {
    const agent = `agt_${String(n % AGENTS).padStart(32, '0')}`;
    return buildAuditEvent({
      ...{ type: 'execution.completed', org: organizations[n % ORGANIZATIONS] ?? '', actor: { kind: 'agent', id: agent } },
      ...{ traceId: newId('evt').slice(4), agent, user: `usr_bench_${n % USERS}`, execution: newId('exe'), provider: 'sandbox' },
      ...{ tool: `sandbox_tool_${n % TOOLS}`, toolVersion: '1', connection: newId('conn'), state: 'succeeded', attempts: 1 },
      ...{ durationMs: 12.25, costMicros: 2_000 },
    });
  });
}

async function publishAll({ info, paths }: Stack, events: readonly AuditEvent[]): Promise<void> {
  const credsFile = path.join(paths.creds, 'tool-executor.creds');
  const nats = await connectNats({ servers: [info.natsUrl], credsFile, name: 'keyward-bench' });
  const publisher = createPublisher(nats);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      await publisher.publish(subjects.audit(event.org), event, { msgId: event.id, timeoutMs: PATIENCE_MS });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  } finally {
    await nats.drain();
  }
}

/** How far the chains are is how many rows there are: they have no gaps. */
async function untilStored(database: Database, organizations: readonly string[]): Promise<number> {
  const from = EVENTS * COUNTED_FROM;
  let began: { at: number; stored: number } | undefined;
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await delay(POLL_MS)) {
    const [row] = await database.query<{ stored: string }[]>(
      'SELECT coalesce(sum(seq), 0) AS stored FROM audit.chain_head WHERE org_id = ANY ($1)',
      [organizations],
    );
    const [at, stored] = [performance.now(), Number(row?.stored)];
    if (stored >= from) began ??= { at, stored };
    if (stored === EVENTS && began !== undefined) return (stored - began.stored) / ((at - began.at) / 1000);
  }
  throw new Error('the events were not stored in time');
}
