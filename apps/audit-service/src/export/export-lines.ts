import { exportLine, type ChainPosition } from '@keyward/audit';
import { KeywardError } from '@keyward/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { latestCut } from '../query/cut.js';
import { selectStretch, toRecord, type EventRow } from '../query/event-sql.js';
import { readTrail } from '../trail-transaction.js';
import type { ExportPlan } from './export-plan.js';

/** Records in one answer of the database, and so in memory: some megabytes, however large they are. */
const STRETCH = 500;
/** Of a chain of which most is left out, as much is looked at in one statement. */
const FILTERED_STRETCH = 20_000;
const STATEMENT_TIMEOUT_MS = 10_000;

const CHECKPOINTS = `
  SELECT seq, jws FROM audit.checkpoint WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq`;

/**
 * The lines of an export, some hundred at a time. Each stretch of the chain is a question of its own, so that no transaction stays open
 * while a client reads slowly. It throws rather than end where it can't go on: without its last line an export is not whole.
 */
export async function* exportLines(database: DataSource, plan: ExportPlan): AsyncGenerator<string> {
  const { organization, filter, from, fromJws, head } = plan;
  yield exportLine({
    kind: 'export',
    v: 1,
    organization,
    from: from ?? null,
    filter: filter === undefined ? null : withoutUndefined(filter),
    at: new Date().toISOString(),
  });
  if (filter === undefined && fromJws !== undefined) yield exportLine({ kind: 'checkpoint', jws: fromJws });

  let events = 0;
  const end = head?.seq ?? 0;
  const step = filter === undefined ? STRETCH : FILTERED_STRETCH;
  for (let after = from?.seq ?? 0; after < end; after += step) {
    const until = Math.min(end, after + step);
    const stretch = await readTrail(database, organization, (em) => read(em, plan, after, until));
    events += stretch.events;
    if (stretch.text !== '') yield stretch.text;
  }
  await refuseIfCut(database, plan);
  yield exportLine({ kind: 'end', events, head: head ?? from ?? null });
}

interface Stretch {
  text: string;
  events: number;
}

async function read(em: EntityManager, plan: ExportPlan, after: number, until: number): Promise<Stretch> {
  const { organization, filter } = plan;
  // Whoever asked may be gone; the next stretch is not begun then, and this one is over soon.
  await em.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
  const { text: sql, values } = selectStretch({ ...filter, organization }, after, until);
  const rows = await em.query<EventRow[]>(sql, values);
  const checkpoints =
    filter === undefined ? await em.query<{ seq: string; jws: string }[]>(CHECKPOINTS, [organization, after, until]) : [];
  let text = '';
  let next = 0;
  const checkpointsUpTo = (seq: number): void => {
    for (let one = checkpoints[next]; one !== undefined && Number(one.seq) <= seq; one = checkpoints[++next])
      text += exportLine({ kind: 'checkpoint', jws: one.jws });
  };
  for (const record of rows.map(toRecord)) {
    // Of a record that is gone, its checkpoint is what shows it.
    checkpointsUpTo(record.seq - 1);
    text += exportLine({ kind: 'event', ...record });
    checkpointsUpTo(record.seq);
  }
  checkpointsUpTo(until);
  return { text, events: rows.length };
}

/** @throws KeywardError `conflict` where records were dropped meanwhile that this export should hold */
async function refuseIfCut(database: DataSource, { organization, from }: ExportPlan): Promise<void> {
  const cut: ChainPosition | undefined = await readTrail(database, organization, (em) => latestCut(em, organization));
  if ((cut?.seq ?? 0) > (from?.seq ?? 0))
    throw new KeywardError('conflict', 'Records were dropped by retention while they were exported. Export again.');
}

function withoutUndefined(filter: object): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as Record<string, string>;
}
