import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from './fleet.js';
import type { TokenServer } from './token-server.js';

const POLL_MS = 100;
const PATIENCE_MS = 30_000;

export interface Reached {
  /** performance.now() */
  at: number;
  count: number;
}

/**
 * Looks until the authorization server has redeemed so many tokens since `before`. That is a little earlier than they are stored, and
 * costs the database nothing.
 * @throws Error once nothing has moved for half a minute
 */
export async function untilRedeemed(server: TokenServer, before: number, wanted: number): Promise<Reached> {
  return watch(async () => (await server.counters()).refreshes - before, wanted, 'tokens redeemed');
}

/** Looks until no message waits to leave. @throws Error once nothing has moved for half a minute */
export async function untilOutboxEmpty({ database }: Fleet): Promise<Reached> {
  const waiting = async () => {
    const [row] = await database.query<{ waiting: number }[]>('SELECT count(*)::int AS waiting FROM bus.outbox');
    return -(row?.waiting ?? 0);
  };
  return watch(waiting, 0, 'messages wait to leave');
}

/** How many connections of the fleet are in each generation, and in what state. */
export async function generationsOf({ database, members }: Fleet): Promise<Map<string, number>> {
  const rows = await database.query<{ what: string; connections: number }[]>(
    `SELECT c.status || ' ' || k.generation AS what, count(*)::int AS connections
     FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id WHERE c.id = ANY($1) GROUP BY 1`,
    [members.map(({ connection }) => connection)],
  );
  return new Map(rows.map(({ what, connections }) => [what, connections]));
}

/** @throws Error unless every connection is active and in the second generation: what was made in the first and refreshed once */
export async function assertRefreshedOnce(fleet: Fleet): Promise<void> {
  const generations = await generationsOf(fleet);
  if (generations.get('active 2') === fleet.members.length) return;
  const found = [...generations].map(([what, connections]) => `${connections} ${what}`).join(', ');
  throw new Error(`of ${fleet.members.length} connections, each refreshed once, these were found: ${found}`);
}

async function watch(read: () => Promise<number>, wanted: number, what: string): Promise<Reached> {
  let moved = { at: performance.now(), count: await read() };
  for (;;) {
    const now = { at: performance.now(), count: await read() };
    if (now.count >= wanted) return now;
    if (now.count > moved.count) moved = now;
    if (now.at - moved.at > PATIENCE_MS) throw new Error(`nothing moves any more: ${Math.abs(now.count)} ${what}`);
    await delay(POLL_MS);
  }
}
