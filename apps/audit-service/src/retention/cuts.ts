import { createHash } from 'node:crypto';
import { buildAuditEvent, type AuditPort } from '@keyward/audit';
import { DEPLOYMENT_ORG, type AuditEvent } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { inTrail } from '../trail-transaction.js';

const PAGE = 500;

/** Of all organizations, whatever is recorded of them already: an event that is recorded twice must be the same event. */
const DAYS = `
  SELECT day::text, at, count(*)::integer AS organizations, sum(events)::text AS events FROM audit.retention_cut
  WHERE (day, at) IN (SELECT day, at FROM audit.retention_cut WHERE recorded_at IS NULL) GROUP BY day, at ORDER BY at`;
const CUTS = `
  SELECT org_id, seq, day::text, at, events FROM audit.retention_cut WHERE recorded_at IS NULL ORDER BY at, org_id LIMIT ${PAGE}`;
const RECORDED = `
  UPDATE audit.retention_cut SET recorded_at = clock_timestamp()
  WHERE org_id = $1 AND seq = $2 AND day = $3::date AND recorded_at IS NULL`;

interface DayRow {
  day: string;
  at: Date;
  organizations: number;
  events: string;
}

interface CutRow {
  org_id: string;
  seq: string;
  day: string;
  at: Date;
  events: string;
}

/**
 * Tells the trails themselves what was dropped of them: the deployment's of the day, each organization's of its own events. After the
 * fact, from the rows that the drop left, so that neither can be without the other for long.
 *
 * @throws KeywardError `dependency_unavailable`; what is told already is not told again
 */
export async function recordCuts(database: DataSource, audit: AuditPort): Promise<void> {
  const days = await inTrail(database, undefined, (em) => em.query<DayRow[]>(DAYS));
  for (const { day, at, organizations, events } of days)
    await audit.record(applied(DEPLOYMENT_ORG, day, at, `${events} events of ${organizations} organizations were dropped`));
  for (;;) {
    const cuts = await inTrail(database, undefined, (em) => em.query<CutRow[]>(CUTS));
    for (const { org_id: org, seq, day, at, events } of cuts) {
      await audit.record(applied(org, day, at, `${events} events were dropped; the chain begins behind ${seq}`));
      await inTrail(database, org, (em) => em.query(RECORDED, [org, seq, day]));
    }
    if (cuts.length < PAGE) return;
  }
}

/** The same event whenever it is made. */
function applied(org: string, day: string, at: Date, reason: string): AuditEvent {
  const digest = createHash('sha256').update(`audit.retention_applied ${org} ${day} ${at.toISOString()}`).digest('hex');
  const event = buildAuditEvent(
    {
      type: 'audit.retention_applied',
      org,
      actor: { kind: 'service', id: 'audit-service' },
      traceId: digest.slice(32),
      target: day,
      reason,
    },
    at,
  );
  return { ...event, id: `evt_${digest.slice(0, 32)}` };
}
