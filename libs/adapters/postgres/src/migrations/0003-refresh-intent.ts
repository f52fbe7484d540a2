import type { MigrationInterface, QueryRunner } from 'typeorm';
import { HAND_OVER_FUNCTIONS } from './backbone/roles.js';

/**
 * claim_due also tells whether an earlier holder took up the very same generation and was not heard of again: its refresh token may
 * be spent, and to redeem it once more could end the whole grant at the provider.
 */
export class RefreshIntent0003 implements MigrationInterface {
  readonly name = 'RefreshIntent1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(DROP);
    await runner.query(claimDue({ tellsIntent: true }));
    await runner.query(HAND_OVER_FUNCTIONS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DROP);
    await runner.query(claimDue({ tellsIntent: false }));
    await runner.query(HAND_OVER_FUNCTIONS);
  }
}

const DROP = 'DROP FUNCTION vault.claim_due(text, integer, integer)';

/** The lease is cleared by whoever ends it; one that ran out with its intent in place belongs to somebody who vanished. */
function claimDue({ tellsIntent }: { tellsIntent: boolean }): string {
  return `
CREATE FUNCTION vault.claim_due(p_owner text, p_lease_ms integer, p_limit integer)
RETURNS TABLE (org_id text, connection_id text, generation integer${tellsIntent ? ', stale_intent boolean' : ''})
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH due AS (
    SELECT k.connection_id, coalesce(k.lease_generation = k.generation, false) AS stale_intent
    FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
    WHERE k.refresh_at <= now() AND k.sealed_refresh IS NOT NULL AND c.status = 'active'
      AND (k.lease_until IS NULL OR k.lease_until < now())
    ORDER BY k.refresh_at
    LIMIT p_limit
    FOR UPDATE OF k SKIP LOCKED
  )
  UPDATE vault.credential k
  SET lease_owner = p_owner, lease_until = now() + make_interval(secs => p_lease_ms / 1000.0), lease_generation = k.generation
  FROM due WHERE k.connection_id = due.connection_id
  RETURNING k.org_id, k.connection_id, k.generation${tellsIntent ? ', due.stale_intent' : ''}
$$;
REVOKE ALL ON FUNCTION vault.claim_due(text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.claim_due(text, integer, integer) TO keyward_refresher;`;
}
