import { isolatedByOrg } from '../isolated-by-org.js';

/**
 * Results that are too large for the bus: whose they are and until when they are kept. The bytes are in the object store, under
 * organization and id. A row comes before its bytes and goes after them, so that no bytes are left without one.
 */
export const ARTIFACTS = `
CREATE TABLE execution.artifact (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  user_id text NOT NULL,
  execution_id text NOT NULL,
  content_type text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX artifact_expiry ON execution.artifact (expires_at);
CREATE INDEX artifact_agent ON execution.artifact (org_id, agent_id) INCLUDE (bytes, expires_at);
CREATE INDEX artifact_user ON execution.artifact (org_id, user_id);
${isolatedByOrg('execution.artifact')}

/* Null where the agent would have more than p_most_bytes kept. */
CREATE FUNCTION execution.add_artifact(
  p_id text, p_org text, p_agent text, p_user text, p_execution text, p_content_type text, p_bytes bigint, p_sha256 bytea,
  p_keep_ms double precision, p_most_bytes bigint
) RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO execution.artifact (id, org_id, agent_id, user_id, execution_id, content_type, bytes, sha256, expires_at)
  SELECT p_id, p_org, p_agent, p_user, p_execution, p_content_type, p_bytes, p_sha256, now() + p_keep_ms * interval '1 millisecond'
  WHERE p_bytes + (SELECT coalesce(sum(a.bytes), 0) FROM execution.artifact a
    WHERE a.org_id = p_org AND a.agent_id = p_agent AND a.expires_at > now()) <= p_most_bytes
  RETURNING expires_at;
$$;

/* One of another agent, an expired one and one that never was are the same: none. */
CREATE FUNCTION execution.find_artifact(p_org text, p_agent text, p_id text)
RETURNS TABLE (content_type text, bytes bigint, sha256 bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.content_type, a.bytes, a.sha256 FROM execution.artifact a
  WHERE a.org_id = p_org AND a.agent_id = p_agent AND a.id = p_id AND a.expires_at > now();
$$;

CREATE FUNCTION execution.expired_artifacts(p_limit integer) RETURNS TABLE (org text, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.org_id, a.id FROM execution.artifact a WHERE a.expires_at <= now() ORDER BY a.expires_at LIMIT p_limit;
$$;

CREATE FUNCTION execution.forget_artifacts(p_ids text[]) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE forgotten integer;
BEGIN
  DELETE FROM execution.artifact WHERE id = ANY (p_ids) AND expires_at <= now();
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN forgotten;
END $$;

/* Of a person who asked to be erased, or (p_user null) of an organization that is shredded: nobody reads them from now on, and the next
   purge removes them. */
CREATE FUNCTION execution.expire_artifacts(p_org text, p_user text, p_nobody text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE expired bigint;
BEGIN
  UPDATE execution.artifact SET expires_at = least(expires_at, now()), user_id = p_nobody
  WHERE org_id = p_org AND (p_user IS NULL OR user_id = p_user);
  GET DIAGNOSTICS expired = ROW_COUNT;
  RETURN expired;
END $$;

GRANT USAGE ON SCHEMA execution TO keyward_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON execution.artifact TO keyward_definer;
REVOKE ALL ON FUNCTION execution.add_artifact(text, text, text, text, text, text, bigint, bytea, double precision, bigint),
  execution.find_artifact(text, text, text), execution.expired_artifacts(integer), execution.forget_artifacts(text[]),
  execution.expire_artifacts(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION execution.add_artifact(text, text, text, text, text, text, bigint, bytea, double precision, bigint),
  execution.expired_artifacts(integer), execution.forget_artifacts(text[]) TO keyward_executor;
GRANT EXECUTE ON FUNCTION execution.find_artifact(text, text, text) TO keyward_gateway;
GRANT EXECUTE ON FUNCTION execution.expire_artifacts(text, text, text) TO keyward_auth;
`;
