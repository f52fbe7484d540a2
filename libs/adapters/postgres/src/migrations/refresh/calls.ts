/**
 * As in custody/functions.ts, but for when the token ends: how long it still holds by this clock, since no other compares with it. Null:
 * nobody says. In the place of the instant, as columns cost every call.
 */
const SELECT = `
    SELECT c.id, c.alias, c.status, c.status_reason, c.scopes, c.kind, c.parameters,
      k.generation, CASE WHEN c.status = 'active' THEN k.sealed_access END,
      date_part('epoch', k.access_expires_at - clock_timestamp()) * 1000, coalesce(k.renewable, false),
      a.client_id, a.parameters, CASE WHEN a.certificate IS NOT NULL AND c.status = 'active' THEN
        json_build_object('app', a.id, 'generation', a.generation, 'certificate', a.certificate, 'sealed_key', encode(a.sealed_key, 'base64')) END
    INTO connection_id, alias, status, status_reason, scopes, kind, parameters,
      generation, sealed_access, access_expires_in_ms, refreshable, client_id, app_parameters, client_certificate
    FROM vault.connection c
    LEFT JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id
    LEFT JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = c.org_id`;

export const CALLS = `
DROP FUNCTION vault.open_for_call(text, text, text, text, text, text, text);
CREATE FUNCTION vault.open_for_call(
  p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text,
  OUT permission text, OUT tools text[], OUT connection_id text, OUT alias text, OUT status text, OUT status_reason text, OUT scopes text[],
  OUT generation integer, OUT sealed_access bytea, OUT access_expires_in_ms double precision, OUT refreshable boolean,
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

/* That these connections were used, each with its organization. What sleeps is refreshed from now on as what is in use. What waits for
   another reason goes on waiting, since use says nothing about it: after a failure, for an answer that may still be had, for a registration
   that is rejected, or a short while because its provider asked for a pause. Rows are locked in the order of their ids, so that two
   executors with the same ones do not wait for each other in a circle. */
CREATE FUNCTION vault.record_uses(p_orgs text[], p_connections text[]) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE recorded integer;
BEGIN
  WITH used AS (
    SELECT k.connection_id, wake.is_due
    FROM unnest(p_orgs, p_connections) AS u (org, connection)
    JOIN vault.credential k ON k.connection_id = u.connection AND k.org_id = u.org
    JOIN vault.connection c ON c.id = k.connection_id AND c.org_id = u.org
    LEFT JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = u.org
    CROSS JOIN LATERAL (
      SELECT k.renewable AND c.status = 'active' AND k.failures = 0 AND k.sent_at IS NULL AND a.rejected_at IS NULL
        AND k.awake_refresh_at IS NOT NULL
        AND (k.refresh_at IS NULL OR k.refresh_at > greatest(k.awake_refresh_at, now() + interval '15 minutes')) AS is_due
    ) wake
    WHERE k.last_used_at < now() - interval '30 seconds' OR wake.is_due
    ORDER BY k.connection_id
    FOR NO KEY UPDATE OF k
  )
  UPDATE vault.credential k
  SET last_used_at = now(), refresh_at = CASE WHEN used.is_due THEN k.awake_refresh_at ELSE k.refresh_at END
  FROM used WHERE k.connection_id = used.connection_id;
  GET DIAGNOSTICS recorded = ROW_COUNT;
  RETURN recorded;
END $$;

REVOKE ALL ON FUNCTION vault.open_for_call(text, text, text, text, text, text, text), vault.record_uses(text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.open_for_call(text, text, text, text, text, text, text), vault.record_uses(text[], text[])
  TO keyward_executor;
GRANT EXECUTE ON FUNCTION vault.record_uses(text[], text[]) TO keyward_auth;
`;
