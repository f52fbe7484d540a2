import type { EntityManager } from 'typeorm';
import type { CallUsage } from './usage-of.js';

/** An event as it is stored, and what it adds to what was used. */
export interface CountedEvent {
  org: string;
  /** RFC 3339 UTC with milliseconds. */
  at: string;
  usage: CallUsage | undefined;
}

interface Row {
  key: readonly string[];
  calls: number;
  attempts: number;
  durationMs: number;
  costMicros: number;
}

/** Its organizations' chains are locked by the transaction it is part of, so that no two of them add to the same row. */
const ADD = `
  INSERT INTO audit.usage_rollup AS u
    (org_id, day, agent_id, user_id, connector, tool, state, calls, attempts, duration_ms, cost_micros)
  SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                       $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
  ON CONFLICT (org_id, day, agent_id, user_id, connector, tool, state) DO UPDATE SET
    calls = u.calls + excluded.calls, attempts = u.attempts + excluded.attempts,
    duration_ms = u.duration_ms + excluded.duration_ms, cost_micros = u.cost_micros + excluded.cost_micros`;

/**
 * Adds what these events used to their days. To be called in the transaction that stores them, with those alone that it stores: an event
 * that was recorded before has been counted.
 */
export async function rollUp(em: EntityManager, stored: readonly CountedEvent[]): Promise<void> {
  const rows = rowsOf(stored);
  if (rows.length === 0) return;
  const keys = Array.from({ length: 7 }, (_, column) => rows.map(({ key }) => key[column]));
  await em.query(ADD, [
    ...keys,
    rows.map(({ calls }) => calls),
    rows.map(({ attempts }) => attempts),
    rows.map(({ durationMs }) => Math.round(durationMs)),
    rows.map(({ costMicros }) => costMicros),
  ]);
}

export function rowsOf(stored: readonly CountedEvent[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { org, at, usage } of stored) {
    if (usage === undefined) continue;
    const { agent, user, connector, tool, state } = usage;
    const key = [org, at.slice(0, 10), agent, user, connector, tool, state];
    // No identifier holds a control character: what is stored was checked.
    const name = key.join('\n');
    const row = rows.get(name) ?? { key, calls: 0, attempts: 0, durationMs: 0, costMicros: 0 };
    rows.set(name, row);
    row.calls += 1;
    row.attempts += usage.attempts;
    row.durationMs += usage.durationMs;
    row.costMicros += usage.costMicros;
  }
  return [...rows.values()];
}
