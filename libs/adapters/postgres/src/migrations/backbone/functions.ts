const FIND_CONNECTION = `
    SELECT c.id, c.status, c.status_reason, c.scopes INTO connection_id, status, status_reason, scopes
    FROM vault.connection c
    WHERE c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider`;

/**
 * What must cross organizations, or must be one round trip: SECURITY DEFINER functions that run as keyward_definer. Each takes or
 * finds the org itself. plpgsql rather than sql where it is hot: its plans are kept for the session, those of sql functions are
 * made anew on every call before PostgreSQL 18.
 */
export const FUNCTIONS = `
CREATE FUNCTION identity.find_agent_key(p_key text)
RETURNS TABLE (org_id text, agent_id text, secret_sha256 bytea, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.org_id, k.agent_id, k.secret_sha256, k.revoked_at FROM identity.agent_key k WHERE k.id = p_key
$$;

/* Everything the executor needs to know about one call, in one round trip: what the agent may do with the connector, and its own
   connection for this user, if any. p_connection narrows to one id; it must still be this agent's. Sealed bytes only of a
   connection that is active. One row instead of a set of one: the set alone would cost as much as an index look-up. */
CREATE FUNCTION vault.open_for_call(
  p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text,
  OUT permission text, OUT tools text[], OUT connection_id text, OUT status text, OUT status_reason text, OUT scopes text[],
  OUT generation integer, OUT sealed_access bytea, OUT access_expires_at timestamptz, OUT refreshable boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  SELECT a.permission, a.tools INTO permission, tools
  FROM governance.assignment a WHERE a.org_id = p_org AND a.agent_id = p_agent AND a.connector = p_connector;

  IF p_connection IS NULL THEN /* By alias there is one live connection at most. */
    ${FIND_CONNECTION} AND c.alias = p_alias AND c.status <> 'revoked';
  ELSE /* Named by id, a disconnected one is found too, so that its end can be told. */
    ${FIND_CONNECTION} AND c.id = p_connection;
  END IF;

  SELECT k.generation, CASE WHEN open_for_call.status = 'active' THEN k.sealed_access END, k.access_expires_at, k.sealed_refresh IS NOT NULL
  INTO generation, sealed_access, access_expires_at, refreshable
  FROM vault.credential k WHERE k.connection_id = open_for_call.connection_id AND k.org_id = p_org;
  refreshable := coalesce(refreshable, false);
END $$;

CREATE FUNCTION vault.find_data_key(p_org text, p_id text)
RETURNS TABLE (id text, wrapped bytea, kms_key_id text, state text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.id, d.wrapped, d.kms_key_id, d.state, d.created_at FROM vault.data_key d WHERE d.org_id = p_org AND d.id = p_id
$$;

/* Claims due credentials of any org. Writing the lease also proves that the store is writable before a refresh token is spent.
   stale_intent: an earlier holder took up this very generation and was not heard of again (whoever ends a lease clears it), so its
   refresh token may be spent, and to redeem it once more could end the whole grant at the provider. */
CREATE FUNCTION vault.claim_due(p_owner text, p_lease_ms integer, p_limit integer)
RETURNS TABLE (org_id text, connection_id text, generation integer, stale_intent boolean)
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
  RETURNING k.org_id, k.connection_id, k.generation, due.stale_intent
$$;

CREATE FUNCTION connect.find_session_org(p_token_sha256 bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.org_id FROM connect.connect_session s WHERE s.token_sha256 = p_token_sha256
$$;

CREATE FUNCTION connect.find_transaction_org(p_state_sha256 bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.org_id FROM connect.authorization_transaction t WHERE t.state_sha256 = p_state_sha256
$$;

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

/* For a gauge: how many access tokens are about to end, or have ended, although they could have been refreshed. Never whose. */
CREATE FUNCTION vault.count_expiring(p_within_ms integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT count(*) FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
  WHERE k.access_expires_at <= now() + make_interval(secs => p_within_ms / 1000.0)
    AND k.sealed_refresh IS NOT NULL AND c.status = 'active'
$$;
`;
