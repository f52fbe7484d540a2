import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createCredentialStore } from '@keyward/postgres-vault';
import { createDataSource } from '@keyward/postgres';
import type { Stack } from '@keyward/stack';
import type { Bench, Measurement } from '../bench.js';
import { atMost, figure, type Figure } from '../figure.js';
import { Samples } from '../load/samples.js';
import { cpuMeter, titleOf } from '../processes.js';
import { ROWS, scaleDatabase, withDatabase, type Database, type ScaleDatabase } from '../refresh/scale.js';
import { likenessOf, startReplica, type Likeness } from '../replica.js';

const SETTLE_MS = 10_000;
const IDLE_SECONDS = 45;
/** As a Prometheus server with its default interval: what the gauges count is part of what idling costs. */
const SCRAPE_EVERY_SECONDS = 15;
const DUE = 10_000;
/** As the refresher claims. */
const CLAIM = { limit: 64, leaseMs: 30_000 };
const SCANS = 400;

/** P15 and P16: what 300,000 connections cost while none of them is due, and what looking for those that are takes. */
export const refreshScale: Measurement = { id: 'P15', also: 'P16', run };

async function run(bench: Bench): Promise<Figure[]> {
  const { stack, progress } = bench;
  progress(`P15 writing ${ROWS} connections`);
  const database = await scaleDatabase(stack);
  const likeness = likenessOf(stack.service('token-refresher').pid);
  try {
    const scans = await scan(bench, database, likeness);
    return [...(await idle(bench, database, likeness)), ...scans];
  } finally {
    await database.drop();
  }
}

function loginUrl({ env }: Likeness, { name }: ScaleDatabase): string {
  return withDatabase(env['KEYWARD_DATABASE_URL'] ?? '', name);
}

async function idle({ stack, progress }: Bench, database: ScaleDatabase, likeness: Likeness): Promise<Figure[]> {
  const url = loginUrl(likeness, database);
  const replica = await startReplica(likeness, { KEYWARD_DATABASE_URL: url });
  try {
    await delay(SETTLE_MS);
    progress(`P15 idle for ${IDLE_SECONDS} s`);
    const meters = [cpuMeter(() => [replica.pid]), cpuMeter(() => sessionsOf(stack, new URL(url)))];
    for (let second = 0; second < IDLE_SECONDS; second++) {
      if (second % SCRAPE_EVERY_SECONDS === 0) await (await fetch(`${replica.opsUrl}/metrics`)).text();
      for (const read of meters) read();
      await delay(1000);
    }
    const [own = 0, theirs = 0] = meters.map((read) => (read() / (IDLE_SECONDS * 1e6)) * 100);
    return [
      figure(
        'P15.idle',
        `${ROWS} connections, none due: refresher and its database sessions`,
        own + theirs,
        '% of a core',
        null,
        atMost(2, '%'),
      ),
      figure('P15.refresher', 'of it the refresher', own, '% of a core', null),
      figure('P15.sessions', 'of it the sessions', theirs, '% of a core', null),
    ];
  } finally {
    await replica.stop();
  }
}

/** Those of the refresher, by what PostgreSQL's processes call themselves: `postgres: login database address state`. */
function sessionsOf(stack: Stack, { username, pathname }: URL): number[] {
  return stack.postgresPids().filter((pid) => titleOf(pid).startsWith(`postgres: ${username} ${pathname.slice(1)} `));
}

async function scan({ progress }: Bench, database: ScaleDatabase, likeness: Likeness): Promise<Figure[]> {
  const source = createDataSource({ url: loginUrl(likeness, database), applicationName: 'keyward-bench', poolSize: 1 });
  const refresher = await source.initialize();
  try {
    const settle = (connections: string[]) => postpone(database.admin, connections);
    progress('P16 claims, nothing due');
    const nothing = await claims(refresher, { times: SCANS, each: 0 }, settle);
    progress(`P16 claims, ${DUE} due`);
    await database.admin.query(
      `UPDATE vault.credential SET refresh_at = clock_timestamp() - random() * interval '1 minute'
       WHERE connection_id IN (SELECT connection_id FROM vault.credential WHERE refresh_at IS NOT NULL ORDER BY md5(connection_id) LIMIT ${DUE})`,
    );
    const some = await claims(refresher, { times: Math.floor(DUE / CLAIM.limit), each: CLAIM.limit }, settle);
    await database.admin.query('VACUUM ANALYZE vault.credential');
    return [...figures('none', 'nothing due', nothing), ...figures('due', `${DUE} due, ${CLAIM.limit} claimed`, some)];
  } finally {
    await refresher.destroy();
  }
}

/** @param settle what a commit does to those that were claimed, so that the next claim finds what it would find in service */
async function claims(
  refresher: Database,
  { times, each }: { times: number; each: number },
  settle: (connections: string[]) => Promise<void>,
): Promise<Samples> {
  const store = createCredentialStore(refresher);
  const samples = new Samples();
  for (let turn = 0; turn < times; turn++) {
    const began = performance.now();
    const claimed = await store.claimDue({ owner: 'bench', ...CLAIM, rooms: [] });
    samples.add(performance.now() - began);
    if (claimed.length !== each) throw new Error(`a claim found ${claimed.length} due credentials and not ${each}`);
    await settle(claimed.map(({ connection }) => connection));
  }
  return samples;
}

async function postpone(admin: Database, connections: string[]): Promise<void> {
  await admin.query(
    `UPDATE vault.credential SET refresh_at = clock_timestamp() + interval '1 hour', lease_owner = NULL, lease_until = NULL,
       lease_generation = NULL
     WHERE connection_id = ANY($1)`,
    [connections],
  );
}

function figures(id: string, what: string, samples: Samples): Figure[] {
  const row = (p: number, limit?: number) =>
    figure(
      `P16.${id}.p${p}`,
      `claim at ${ROWS} rows, ${what}, p${p}`,
      samples.percentile(p),
      'ms',
      null,
      limit === undefined ? undefined : atMost(limit, 'ms'),
    );
  return [row(50, 5), row(99), row(100)];
}
