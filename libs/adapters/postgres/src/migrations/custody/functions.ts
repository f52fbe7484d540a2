/** A connection with its credential and its registration: one statement, since each of its own costs every call. */
const SELECT = `
    SELECT c.id, c.alias, c.status, c.status_reason, c.scopes, c.kind, c.parameters,
      k.generation, CASE WHEN c.status = 'active' THEN k.sealed_access END, k.access_expires_at, coalesce(k.renewable, false),
      a.client_id, a.parameters, CASE WHEN a.certificate IS NOT NULL AND c.status = 'active' THEN
        json_build_object('app', a.id, 'generation', a.generation, 'certificate', a.certificate, 'sealed_key', encode(a.sealed_key, 'base64')) END
    INTO connection_id, alias, status, status_reason, scopes, kind, parameters,
      generation, sealed_access, access_expires_at, refreshable, client_id, app_parameters, client_certificate
    FROM vault.connection c
    LEFT JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id
    LEFT JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = c.org_id`;

/** As in backbone/functions.ts; here are those that are new and those that custody changes. */
export const FUNCTIONS = `
DROP FUNCTION identity.find_agent_key(text);
CREATE FUNCTION identity.find_agent_key(p_key text)
RETURNS TABLE (org_id text, agent_id text, secret_sha256 bytea, revoked_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.org_id, k.agent_id, k.secret_sha256, k.revoked_at, k.expires_at FROM identity.agent_key k WHERE k.id = p_key
$$;

/* Everything the executor needs to know about one call, in one round trip: what the agent may do with the connector, and the
   connection it would use. That is its own for this user; where there is none, one of the workspace that it is a grantee of.
   p_connection narrows to one id, which must still be either. Sealed bytes only of a connection that is active; those of the
   registration's key only where it has a certificate, which requests to the provider may have to show. That is one
   column and not four: columns cost every call, and few have it. */
DROP FUNCTION vault.open_for_call(text, text, text, text, text, text, text);
CREATE FUNCTION vault.open_for_call(
  p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text,
  OUT permission text, OUT tools text[], OUT connection_id text, OUT alias text, OUT status text, OUT status_reason text, OUT scopes text[],
  OUT generation integer, OUT sealed_access bytea, OUT access_expires_at timestamptz, OUT refreshable boolean,
  OUT kind text, OUT parameters jsonb, OUT client_id text, OUT app_parameters jsonb, OUT client_certificate json
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  SELECT a.permission, a.tools INTO permission, tools
  FROM governance.assignment a WHERE a.org_id = p_org AND a.agent_id = p_agent AND a.connector = p_connector;

  IF p_connection IS NULL THEN /* By alias there is one live connection at most. */
    ${SELECT}
    WHERE c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider AND c.alias = p_alias
      AND c.kind = 'agent' AND c.status <> 'revoked';
    IF connection_id IS NULL THEN
      ${SELECT}
      JOIN vault.connection_grantee g ON g.connection_id = c.id AND g.agent_id = p_agent
      WHERE c.org_id = p_org AND c.provider = p_provider AND c.alias = p_alias AND c.kind = 'workspace' AND c.status <> 'revoked';
    END IF;
  ELSE /* Named by id, a disconnected one is found too, so that its end can be told. */
    ${SELECT}
    WHERE c.org_id = p_org AND c.id = p_connection AND c.provider = p_provider
      AND (c.agent_id = p_agent AND c.user_id = p_user
           OR c.kind = 'workspace' AND EXISTS (SELECT FROM vault.connection_grantee g WHERE g.connection_id = c.id AND g.agent_id = p_agent));
  END IF;

  refreshable := coalesce(refreshable, false);
END $$;

CREATE OR REPLACE FUNCTION vault.claim_due(p_owner text, p_lease_ms integer, p_limit integer)
RETURNS TABLE (org_id text, connection_id text, generation integer, stale_intent boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH due AS (
    SELECT k.connection_id, coalesce(k.lease_generation = k.generation, false) AS stale_intent
    FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
    WHERE k.refresh_at <= now() AND k.renewable AND c.status = 'active'
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

CREATE OR REPLACE FUNCTION vault.count_expiring(p_within_ms integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT count(*) FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
  WHERE k.access_expires_at <= now() + make_interval(secs => p_within_ms / 1000.0) AND k.renewable AND c.status = 'active'
$$;

CREATE OR REPLACE FUNCTION connect.purge_sessions(p_before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE purged bigint;
BEGIN
  DELETE FROM connect.delivered_code d WHERE d.expires_at < p_before;
  DELETE FROM connect.authorization_transaction t USING connect.connect_session s
  WHERE t.session_id = s.id AND s.expires_at < p_before AND t.expires_at < p_before;
  DELETE FROM connect.connect_session s
  WHERE s.expires_at < p_before AND NOT EXISTS (SELECT FROM connect.authorization_transaction t WHERE t.session_id = s.id);
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END $$;

CREATE FUNCTION connect.find_callback_app(p_context text)
RETURNS TABLE (org_id text, provider_app_id text, provider text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.org_id, a.id, a.provider FROM vault.provider_app a WHERE a.callback_context = p_context
$$;

/* Posted connectors of one organization, as text. */
CREATE FUNCTION governance.find_connectors(p_org text)
RETURNS TABLE (name text, version integer, manifest text, tools text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.name, c.version, c.manifest, c.tools FROM governance.connector c WHERE c.org_id = p_org ORDER BY c.name
$$;

/* An identity token names an issuer; which organizations trust it, and as whom, is found before any is known. */
CREATE FUNCTION identity.find_workload_bindings(p_issuer text)
RETURNS TABLE (org_id text, audience text, jwks_uri text, agent_id text, claims jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT b.org_id, i.audience, i.jwks_uri, b.agent_id, b.claims
  FROM identity.trusted_issuer i JOIN identity.workload_binding b ON b.trusted_issuer_id = i.id AND b.org_id = i.org_id
  WHERE i.issuer = p_issuer
$$;

/* The organizations that a person who signed in is a member of. An invitation by e-mail is matched while nobody has taken it up. */
CREATE FUNCTION identity.find_memberships(p_issuer text, p_subject text, p_email text)
RETURNS TABLE (org_id text, member_id text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT m.org_id, m.id, m.role FROM identity.member m
  WHERE (m.issuer = p_issuer AND m.subject = p_subject) OR (m.issuer IS NULL AND m.email = lower(p_email))
$$;

/* Calls of a person who asked to be erased: under no name, and without what came of them. That a call was made stays, or it could be
   made twice. */
CREATE FUNCTION execution.erase_user(p_org text, p_user text, p_nobody text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE erased bigint;
BEGIN
  UPDATE execution.execution e
  SET user_id = p_nobody, result = CASE WHEN e.result IS NOT NULL THEN to_jsonb(json_build_object(
    'id', e.id, 'tool', e.tool, 'state', e.state, 'connection', e.connection_id, 'attempts', e.attempts, 'durationMs', 0,
    'traceId', repeat('0', 32))::text) END
  WHERE e.org_id = p_org AND e.user_id = p_user;
  GET DIAGNOSTICS erased = ROW_COUNT;
  RETURN erased;
END $$;
`;
