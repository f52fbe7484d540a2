import type { ConnectionStatus } from '@keyward/contracts';
import { prepared, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Also, Claim, ClaimRequest, DueCredential, FailedRefresh } from './credential-types.js';
import { changed, rows } from './sql.js';

interface DueRow {
  org_id: string;
  connection_id: string;
  generation: number;
  stale_intent: boolean;
}

const CLAIM_DUE = {
  name: 'vault.claim_due',
  text: 'SELECT org_id, connection_id, generation, stale_intent FROM vault.claim_due($1, $2, $3)',
};

export async function claimDue(ds: DataSource, owner: string, leaseMs: number, limit: number): Promise<DueCredential[]> {
  const due = await prepared<DueRow>(ds, CLAIM_DUE, [owner, leaseMs, limit]);
  return due.map((row) => ({
    org: row.org_id,
    connection: row.connection_id,
    generation: row.generation,
    staleIntent: row.stale_intent,
  }));
}

interface Claimable {
  status: ConnectionStatus;
  generation: number | null;
  refreshable: boolean;
  /** null: nobody holds it. */
  held_until: Date | null;
  stale_intent: boolean;
}

/** The clock of the statement and not of the transaction: it may have waited for the row. */
const LOOK = `
SELECT c.status, k.generation, k.renewable AS refreshable,
       CASE WHEN k.lease_until > clock_timestamp() THEN k.lease_until END AS held_until,
       coalesce(k.lease_generation = k.generation, false) AS stale_intent
FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id AND c.org_id = k.org_id
WHERE k.org_id = $1 AND k.connection_id = $2
FOR UPDATE OF k`;

const LEASE = `
UPDATE vault.credential
SET lease_owner = $3, lease_until = clock_timestamp() + make_interval(secs => $4 / 1000.0), lease_generation = generation
WHERE org_id = $1 AND connection_id = $2`;

export function claim(ds: DataSource, request: ClaimRequest): Promise<Claim> {
  const { org, connection, newerThan, owner, leaseMs } = request;
  return withOrg(ds, org, async (em): Promise<Claim> => {
    const [row] = await rows<Claimable>(em, LOOK, [org, connection]);
    if (row === undefined) return { outcome: 'not_refreshable', status: null };
    const { status, generation, refreshable, held_until: leaseUntil, stale_intent: staleIntent } = row;
    if (status !== 'active' || generation === null) return { outcome: 'not_refreshable', status };
    if (generation > newerThan) return { outcome: 'newer', generation };
    if (!refreshable) return { outcome: 'not_refreshable', status };
    if (leaseUntil !== null) return { outcome: 'busy', leaseUntil };
    await em.query(LEASE, [org, connection, owner, leaseMs]);
    return { outcome: 'claimed', generation, staleIntent };
  });
}

/** With the intent left in place the next claim finds it stale, as after a crash: that is how "maybe redeemed" is remembered. */
const RELEASE = `
UPDATE vault.credential
SET lease_owner = NULL, lease_until = NULL, lease_generation = CASE WHEN $6 THEN lease_generation END,
    failures = failures + 1, refresh_at = $5, updated_at = now()
WHERE org_id = $1 AND connection_id = $2 AND lease_owner = $3 AND lease_generation = $4 AND generation = $4`;

export function releaseFailed(ds: DataSource, failure: FailedRefresh, also?: Also): Promise<boolean> {
  const { org, connection, owner, generation, retryAt, maybeRedeemed } = failure;
  return withOrg(ds, org, async (em) => {
    if (!(await changed(em, RELEASE, [org, connection, owner, generation, retryAt, maybeRedeemed]))) return false;
    await also?.(em);
    return true;
  });
}
