import type { MigrationInterface, QueryRunner } from 'typeorm';
import { HAND_OVER_FUNCTIONS } from './backbone/roles.js';

/**
 * The outbox towards providers: a row is written in the transaction that disconnects, and stays as the receipt. The credential is
 * kept, of no use to any call, until the provider has confirmed that it is dead. Beside it, what auth-service needs across
 * organizations: a count of connections and the removal of old links.
 */
export class ProviderRevocation0002 implements MigrationInterface {
  readonly name = 'ProviderRevocation1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statements of [TABLE, FUNCTIONS, GRANTS, HAND_OVER_FUNCTIONS]) await runner.query(statements);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION vault.count_connections(), vault.claim_provider_revocations(integer, integer), connect.purge_sessions(timestamptz);
      DROP TABLE vault.provider_revocation`);
  }
}

const TABLE = `
CREATE TABLE vault.provider_revocation (
  connection_id text PRIMARY KEY,
  org_id text NOT NULL,
  provider text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'not_supported', 'refused', 'given_up')),
  attempts integer NOT NULL DEFAULT 0,
  /* Also the lease: whoever takes the row up moves it ahead, so that a worker that dies is followed by another. */
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  requested_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  CHECK ((state = 'pending') = (settled_at IS NULL)),
  FOREIGN KEY (org_id, connection_id) REFERENCES vault.connection (org_id, id) ON DELETE CASCADE
);
CREATE INDEX provider_revocation_due ON vault.provider_revocation (next_attempt_at) WHERE state = 'pending';
ALTER TABLE vault.provider_revocation ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.provider_revocation FORCE ROW LEVEL SECURITY;
CREATE POLICY org_isolation ON vault.provider_revocation USING (org_id = current_setting('keyward.org', true));
CREATE POLICY definer ON vault.provider_revocation TO keyward_definer USING (true);
`;

const FUNCTIONS = `
CREATE FUNCTION vault.claim_provider_revocations(p_lease_ms integer, p_limit integer)
RETURNS TABLE (org_id text, connection_id text, attempts integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH due AS (
    SELECT r.connection_id FROM vault.provider_revocation r
    WHERE r.state = 'pending' AND r.next_attempt_at <= now()
    ORDER BY r.next_attempt_at
    LIMIT p_limit
    FOR UPDATE SKIP LOCKED
  )
  UPDATE vault.provider_revocation r
  SET attempts = r.attempts + 1, next_attempt_at = now() + make_interval(secs => p_lease_ms / 1000.0)
  FROM due WHERE r.connection_id = due.connection_id
  RETURNING r.org_id, r.connection_id, r.attempts
$$;

/* Links that are long over, with the authorization requests made from them. What came of them is in the audit trail. */
CREATE FUNCTION connect.purge_sessions(p_before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE purged bigint;
BEGIN
  DELETE FROM connect.authorization_transaction t USING connect.connect_session s
  WHERE t.session_id = s.id AND s.expires_at < p_before AND t.expires_at < p_before;
  DELETE FROM connect.connect_session s
  WHERE s.expires_at < p_before AND NOT EXISTS (SELECT FROM connect.authorization_transaction t WHERE t.session_id = s.id);
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END $$;

/* For a gauge: how many, never whose. */
CREATE FUNCTION vault.count_connections()
RETURNS TABLE (provider text, status text, connections bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.provider, c.status, count(*) FROM vault.connection c GROUP BY c.provider, c.status
$$;
`;

const GRANTS = `
REVOKE ALL ON FUNCTION vault.claim_provider_revocations(integer, integer), vault.count_connections(), connect.purge_sessions(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.claim_provider_revocations(integer, integer), vault.count_connections(), connect.purge_sessions(timestamptz) TO keyward_auth;
GRANT SELECT, INSERT, UPDATE ON vault.provider_revocation TO keyward_auth;
GRANT SELECT, UPDATE ON vault.provider_revocation TO keyward_definer;
GRANT DELETE ON connect.connect_session, connect.authorization_transaction TO keyward_definer;
`;
