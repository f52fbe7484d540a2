import type { Bench, Measurement } from '../bench.js';
import { startHelper } from '../child.js';
import { atLeast, figure, type Figure } from '../figure.js';
import { cpuMeter } from '../processes.js';
import { Fleet } from '../refresh/fleet.js';
import { assertRefreshedOnce, untilOutboxEmpty, untilRedeemed } from '../refresh/progress.js';
import { likenessOf, startReplica, type Likeness } from '../replica.js';
import { leanServer, sandboxServer, type TokenServer } from '../refresh/token-server.js';
import type { LoopOrder, LoopResult } from '../refresh/token-loop.js';

/** Token requests at a time: what the refresher allows itself per authorization server, and so the loop too. */
const CONCURRENCY = 32;
const WARMUP_MS = 2_000;
/** Enough that ramp-up and the last stragglers are a small part of it. */
const CONNECTIONS = 8_000;
/** Counted from here on: until then code is not optimised and connections are being opened. */
const WARM_AT = 0.15;
const ORGANIZATIONS = 100;
const TTL_SECONDS = 7_200;

/** P4: due tokens refreshed per second, from the claim to the message that has left, against the same token endpoint in a bare loop. */
export const refreshThroughput: Measurement = { id: 'P4', run };

async function run(bench: Bench): Promise<Figure[]> {
  const service = bench.stack.service('token-refresher');
  const likeness = likenessOf(service.pid);
  await service.stop();
  const lean = await leanServer(bench.stack.paths.dir, TTL_SECONDS);
  try {
    const sandbox = await sandboxServer(bench.stack);
    return [...(await against(bench, likeness, sandbox, 'sandbox')), ...(await against(bench, likeness, lean, 'lean'))];
  } finally {
    await lean.stop();
    await service.start();
  }
}

async function against(bench: Bench, likeness: Likeness, server: TokenServer, id: string): Promise<Figure[]> {
  bench.progress(`P4 bare loop, ${server.name}`);
  const floor = await bareLoop(server, bench.measureMs);
  const fleet = await Fleet.over(bench.stack);
  try {
    bench.progress(`P4 ${CONNECTIONS} due tokens, ${server.name}`);
    const owners = await fleet.organizations(ORGANIZATIONS, server);
    const tokens = await server.issue(CONNECTIONS);
    await fleet.connect(owners, tokens, (index) => ({ expiresInMs: 600_000 + index, refreshInMs: -1000 }));
    await fleet.settle();
    return figures(id, server, floor, await drain(bench, likeness, server, fleet));
  } finally {
    await fleet.disband();
  }
}

async function bareLoop(server: TokenServer, measureMs: number): Promise<LoopResult> {
  const { url, clientId, clientSecret } = server;
  const issued = await server.issue(CONCURRENCY * 64);
  const order: LoopOrder = {
    ...{ url, clientId, clientSecret, concurrency: CONCURRENCY, warmupMs: WARMUP_MS, measureMs },
    refreshTokens: issued.map(({ refresh_token }) => refresh_token),
  };
  const loop = startHelper('refresh/token-loop.js');
  try {
    return JSON.parse(await loop.line(JSON.stringify(order))) as LoopResult;
  } finally {
    await loop.stop();
  }
}

interface Drained {
  rate: number;
  /** Of PostgreSQL, per refresh. */
  commits: number;
  walBytes: number;
  /** CPU time per refresh, in µs, by whose it is. */
  cpu: Record<string, number>;
}

/** One refresher works off everything that is due. Over when the last message has left, too. */
async function drain(bench: Bench, likeness: Likeness, server: TokenServer, fleet: Fleet): Promise<Drained> {
  const { refreshes } = await server.counters();
  const replica = await startReplica(likeness, {
    KEYWARD_CONNECTOR_VARIABLES: JSON.stringify({ ...variablesOf(likeness), sandbox: { url: server.url } }),
    KEYWARD_EGRESS_PRIVATE_ORIGINS: server.url,
  });
  try {
    const warm = await untilRedeemed(server, refreshes, CONNECTIONS * WARM_AT);
    const cpu = cpuSince(bench, replica.pid, server);
    const written = await writtenSince(fleet);
    const all = await untilRedeemed(server, refreshes, CONNECTIONS);
    const end = await untilOutboxEmpty(fleet);
    const counted = all.count - warm.count;
    const spent = Object.entries(cpu()).map(([of, micros]) => [of, micros / counted] as const);
    const { commits, walBytes } = await written();
    await assertRefreshedOnce(fleet);
    return {
      rate: counted / ((end.at - warm.at) / 1000),
      ...{ commits: commits / counted, walBytes: walBytes / counted },
      cpu: Object.fromEntries(spent),
    };
  } finally {
    await replica.stop();
  }
}

function variablesOf({ env }: Likeness): Record<string, object> {
  return JSON.parse(env['KEYWARD_CONNECTOR_VARIABLES'] ?? '{}') as Record<string, object>;
}

/** @returns what all sessions of the database have committed since now, when asked */
async function writtenSince({ database }: Fleet): Promise<() => Promise<{ commits: number; walBytes: number }>> {
  const read = async () => {
    const [row] = await database.query<{ commits: number; wal: number }[]>(
      `SELECT xact_commit::float8 AS commits, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal
       FROM pg_stat_database WHERE datname = current_database()`,
    );
    return row ?? { commits: Number.NaN, wal: Number.NaN };
  };
  const before = await read();
  return async () => {
    const after = await read();
    return { commits: after.commits - before.commits, walBytes: after.wal - before.wal };
  };
}

/** @returns what each has spent since now, in µs, when asked */
function cpuSince({ stack }: Bench, refresher: number, server: TokenServer): () => Record<string, number> {
  const meters: Record<string, () => number> = {
    'token-refresher': cpuMeter(() => [refresher]),
    PostgreSQL: cpuMeter(() => stack.postgresPids()),
    'token endpoint': cpuMeter(() => [server.pid]),
  };
  for (const name of ['nats', 'audit-service', 'auth-service', 'tool-executor', 'gateway'] as const) {
    meters[name] = cpuMeter(() => [stack.service(name).pid]);
  }
  return () => Object.fromEntries(Object.entries(meters).map(([name, micros]) => [name, micros()]));
}

function figures(id: string, { name }: TokenServer, floor: LoopResult, { rate, commits, walBytes, cpu }: Drained): Figure[] {
  const text = `${name}: tokens refreshed per second, one replica`;
  return [
    figure(`P4.${id}.rate`, text, rate, '1/s', floor.rate, atLeast(500, '1/s')),
    figure(`P4.${id}.share`, `${name}: of the bare loop`, rate / floor.rate, '', null, atLeast(0.4, '')),
    figure(`P4.${id}.loop.p50`, `${name}: token request in the bare loop, c = ${CONCURRENCY}, p50`, floor.p50, 'ms', null),
    figure(`P4.${id}.commits`, `${name}: database transactions per refresh, the relays' included`, commits, '', null),
    figure(`P4.${id}.wal`, `${name}: written to the database's log per refresh`, walBytes / 1024, 'KiB', null),
    ...Object.entries(cpu).map(([of, micros]) =>
      figure(`P4.${id}.cpu.${of.replace(/\W+/g, '-')}`, `${name}: CPU per refresh, ${of}`, micros, 'µs', null),
    ),
  ];
}
