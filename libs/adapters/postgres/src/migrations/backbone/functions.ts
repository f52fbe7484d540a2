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
   connection that is active. */
CREATE FUNCTION vault.open_for_call(p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text)
RETURNS TABLE (
  permission text, tools text[], connection_id text, status text, status_reason text, scopes text[],
  generation integer, sealed_access bytea, access_expires_at timestamptz, refreshable boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  /* By alias there is one live connection at most. Named by id, a disconnected one is found too, so that its end can be told. */
  v_connection text := coalesce(p_connection, (
    SELECT c.id FROM vault.connection c
    WHERE c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider AND c.alias = p_alias
      AND c.status <> 'revoked'));
BEGIN
  RETURN QUERY
  SELECT a.permission, a.tools, c.id, c.status, c.status_reason, c.scopes, k.generation,
         CASE WHEN c.status = 'active' THEN k.sealed_access END, k.access_expires_at, k.sealed_refresh IS NOT NULL
  FROM (SELECT 1) one
  LEFT JOIN governance.assignment a ON a.org_id = p_org AND a.agent_id = p_agent AND a.connector = p_connector
  LEFT JOIN vault.connection c
    ON c.id = v_connection AND c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider
  LEFT JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id;
END $$;

CREATE FUNCTION vault.find_data_key(p_org text, p_id text)
RETURNS TABLE (id text, wrapped bytea, kms_key_id text, state text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.id, d.wrapped, d.kms_key_id, d.state, d.created_at FROM vault.data_key d WHERE d.org_id = p_org AND d.id = p_id
$$;

/* Claims due credentials of any org. Writing the lease also proves that the store is writable before a refresh token is spent. */
CREATE FUNCTION vault.claim_due(p_owner text, p_lease_ms integer, p_limit integer)
RETURNS TABLE (org_id text, connection_id text, generation integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH due AS (
    SELECT k.connection_id FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
    WHERE k.refresh_at <= now() AND k.sealed_refresh IS NOT NULL AND c.status = 'active'
      AND (k.lease_until IS NULL OR k.lease_until < now())
    ORDER BY k.refresh_at
    LIMIT p_limit
    FOR UPDATE OF k SKIP LOCKED
  )
  UPDATE vault.credential k
  SET lease_owner = p_owner, lease_until = now() + make_interval(secs => p_lease_ms / 1000.0), lease_generation = k.generation
  FROM due WHERE k.connection_id = due.connection_id
  RETURNING k.org_id, k.connection_id, k.generation
$$;

CREATE FUNCTION connect.find_session_org(p_token_sha256 bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.org_id FROM connect.connect_session s WHERE s.token_sha256 = p_token_sha256
$$;

CREATE FUNCTION connect.find_transaction_org(p_state_sha256 bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.org_id FROM connect.authorization_transaction t WHERE t.state_sha256 = p_state_sha256
$$;
`;
