import { WebhookEndpointEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { recordAudit, SERVICE } from '../records/record.js';
import type { Claimed } from './claim.js';
import { waitMs } from './retry-schedule.js';
import { delivered, type Attempt } from './send-message.js';

/** RFC 9110 section 15.5.11: it is gone, and whoever asks should stop. */
const GONE = 410;
/** An endpoint that has taken nothing for so long is disabled. */
const GIVE_UP_ON_ENDPOINT_AFTER = '5 days';
/** Between attempts at an endpoint that keeps failing: a backlog is not to be hurled at a server that is down. */
const PAUSE_MS = 1_000;

export type Outcome = 'delivered' | 'retried' | 'failed' | 'gone';

/** Writes down how an attempt ended. The endpoint's row first, as whoever disables it does. @throws KeywardError `dependency_unavailable` */
export async function settle(dataSource: DataSource, claimed: Claimed, attempt: Attempt): Promise<Outcome> {
  return withOrg(dataSource, claimed.org_id, async (em) => {
    if (delivered(attempt)) {
      await succeeded(em, claimed);
      await settleDelivery(em, claimed, 'delivered', attempt);
      return 'delivered';
    }
    const overdue = await failedOnceMore(em, claimed, attempt);
    const wait = attempt.status === GONE ? undefined : waitMs(claimed.attempts, attempt.retryAfterMs);
    if (wait === undefined) await settleDelivery(em, claimed, 'failed', attempt);
    else await postpone(em, claimed, attempt, wait);
    if (attempt.status === GONE) await disable(em, claimed, 'gone');
    else if (overdue) await disable(em, claimed, 'failing');
    return attempt.status === GONE ? 'gone' : wait === undefined ? 'failed' : 'retried';
  });
}

/**
 * It was not the receiver's fault: the attempt does not count.
 * @param when it may be tried again: at once, or when its lease is over, as what is amiss may take a while
 */
export async function giveBack(
  dataSource: DataSource,
  { org_id, endpoint_id, event_id, attempts }: Claimed,
  when: 'now' | 'later',
): Promise<void> {
  await withOrg(dataSource, org_id, (em) =>
    em.query(
      `UPDATE notification.webhook_delivery
       SET attempts = attempts - 1, next_attempt_at = CASE WHEN $5 THEN now() ELSE next_attempt_at END
       WHERE org_id = $1 AND endpoint_id = $2 AND event_id = $3 AND state = 'pending' AND attempts = $4`,
      [org_id, endpoint_id, event_id, attempts, when === 'now'],
    ),
  );
}

/** What still waits for an endpoint that is told nothing more. */
export async function cancelPending(em: EntityManager, org: string, endpoint: string): Promise<void> {
  await em.query(
    `UPDATE notification.webhook_delivery SET state = 'cancelled', settled_at = now()
     WHERE org_id = $1 AND endpoint_id = $2 AND state = 'pending'`,
    [org, endpoint],
  );
}

/** A late answer counts, whoever has the delivery in hand by now: it was delivered, or is to be given up. */
async function settleDelivery(
  em: EntityManager,
  { org_id, endpoint_id, event_id }: Claimed,
  state: 'delivered' | 'failed',
  { status, error }: Attempt,
): Promise<void> {
  await em.query(
    `UPDATE notification.webhook_delivery SET state = $4, settled_at = now(), last_status = $5, last_error = $6
     WHERE org_id = $1 AND endpoint_id = $2 AND event_id = $3 AND state = 'pending'`,
    [org_id, endpoint_id, event_id, state, status, error],
  );
}

/** Unless somebody else has it in hand by now. */
async function postpone(
  em: EntityManager,
  { org_id, endpoint_id, event_id, attempts }: Claimed,
  { status, error }: Attempt,
  wait: number,
): Promise<void> {
  await em.query(
    `UPDATE notification.webhook_delivery
     SET last_status = $5, last_error = $6, next_attempt_at = now() + make_interval(secs => $7)
     WHERE org_id = $1 AND endpoint_id = $2 AND event_id = $3 AND state = 'pending' AND attempts = $4`,
    [org_id, endpoint_id, event_id, attempts, status, error, wait / 1000],
  );
}

async function succeeded(em: EntityManager, { org_id, endpoint_id }: Claimed): Promise<void> {
  await em.query(
    `UPDATE notification.webhook_endpoint SET failing_since = NULL, resume_at = NULL
     WHERE org_id = $1 AND id = $2 AND failing_since IS NOT NULL`,
    [org_id, endpoint_id],
  );
}

/** An endpoint whose address was changed since then is another one. @returns whether it has failed for too long */
async function failedOnceMore(
  em: EntityManager,
  { org_id, endpoint_id, url }: Claimed,
  { retryAfterMs }: Attempt,
): Promise<boolean> {
  const [rows] = (await em.query(
    `UPDATE notification.webhook_endpoint SET failing_since = coalesce(failing_since, now()),
       resume_at = greatest(resume_at, now() + make_interval(secs => greatest($5::float8, CASE WHEN failing_since IS NULL THEN 0 ELSE $6::float8 END)))
     WHERE org_id = $1 AND id = $2 AND url = $3 RETURNING failing_since < now() - $4::interval AS overdue`,
    [org_id, endpoint_id, url, GIVE_UP_ON_ENDPOINT_AFTER, (retryAfterMs ?? 0) / 1000, PAUSE_MS / 1000],
  )) as [{ overdue: boolean }[], number];
  return rows[0]?.overdue === true;
}

async function disable(em: EntityManager, { org_id, endpoint_id, url }: Claimed, reason: 'gone' | 'failing'): Promise<void> {
  const { affected } = await em.update(
    WebhookEndpointEntity,
    { id: endpoint_id, orgId: org_id, url, enabled: true },
    { enabled: false, disabledReason: reason, updatedAt: () => 'now()' },
  );
  if (affected !== 1) return;
  await cancelPending(em, org_id, endpoint_id);
  const why = reason === 'gone' ? 'it answered 410 Gone' : `every attempt has failed for ${GIVE_UP_ON_ENDPOINT_AFTER}`;
  await recordAudit(em, { type: 'webhook_endpoint.disabled', org: org_id, actor: SERVICE, reason: `${endpoint_id}: ${why}` });
}
