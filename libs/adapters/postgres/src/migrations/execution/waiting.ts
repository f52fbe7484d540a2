import { isolatedByOrg } from '../isolated-by-org.js';

const TABLES = `
/* An execution that lacks an authorization and waits for it. The row is the outbox too: what is taken up again is marked 'resuming', then
   published, then marked 'resumed'. Arguments are in it as the bus carries them, and leave it with the end of the execution. */
CREATE TABLE execution.waiting (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  user_id text NOT NULL,
  tool text NOT NULL,
  provider text NOT NULL,
  /* The one that the caller named. */
  connection_id text,
  reason text NOT NULL CHECK (reason IN ('connection_required', 'missing_scopes', 'needs_reauthorization')),
  detail text NOT NULL DEFAULT '',
  connect_url text,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'resuming', 'resumed', 'running', 'cancelled', 'expired')),
  /* Of the message that has it: 1 is the caller's own, and each taking up sends another one. */
  epoch integer NOT NULL DEFAULT 1,
  request text,
  trace_id text NOT NULL,
  asked_at timestamptz NOT NULL,
  /* When the connections were last looked at: what changes later may be what is waited for. */
  looked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  /* Also the lease of whoever publishes it, or tells of its end. */
  updated_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  told_at timestamptz,
  CHECK ((request IS NULL) = (state IN ('cancelled', 'expired'))),
  CHECK ((ended_at IS NULL) = (request IS NOT NULL))
);
CREATE INDEX waiting_for ON execution.waiting (org_id, provider) WHERE state = 'waiting';
CREATE INDEX waiting_expiry ON execution.waiting (expires_at) WHERE state = 'waiting';
CREATE INDEX waiting_of_agent ON execution.waiting (org_id, agent_id) WHERE request IS NOT NULL;
CREATE INDEX waiting_unsettled ON execution.waiting (updated_at) WHERE state <> 'waiting';

/* What was asked to end while it was queued or running. */
CREATE TABLE execution.cancellation (
  org_id text NOT NULL,
  agent_id text NOT NULL,
  id text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, agent_id, id)
);
CREATE INDEX cancellation_age ON execution.cancellation (requested_at);

CREATE INDEX execution_age ON execution.execution (created_at);
CREATE INDEX execution_key_age ON execution.execution (created_at) WHERE idempotency_key IS NOT NULL;

${isolatedByOrg('execution.waiting', 'execution.cancellation')}
`;

const PARK = `
/* From now on it waits; again, where this message has taken it up; and its record says, in the same moment, that nothing of it was sent.
   Another delivery of the first message may have found the same. 'full': the agent has as many that wait as it may have. 'gone': another
   message has it, or it has ended, or the organization has. p_execution_epoch: under which the caller owns the record, null without one. */
CREATE FUNCTION execution.park(
  p_id text, p_org text, p_agent text, p_user text, p_tool text, p_provider text, p_connection text, p_reason text, p_detail text, p_connect_url text,
  p_request text, p_trace_id text, p_epoch integer, p_wait_ms double precision, p_asked_ms double precision, p_looked_ms double precision,
  p_most integer, p_execution_epoch integer, OUT outcome text, OUT until timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE looked timestamptz := clock_timestamp() - p_looked_ms * interval '1 millisecond';
BEGIN
  outcome := 'gone';
  IF EXISTS (SELECT FROM identity.organization o WHERE o.id = p_org AND o.shredded_at IS NOT NULL) THEN
    RETURN;
  END IF;
  UPDATE execution.waiting w
  SET state = 'waiting', reason = p_reason, detail = p_detail, connect_url = p_connect_url, request = p_request, looked_at = looked,
    updated_at = clock_timestamp()
  WHERE w.id = p_id AND w.org_id = p_org AND w.epoch = p_epoch AND w.state = 'running'
  RETURNING w.expires_at INTO until;
  IF until IS NULL AND p_epoch = 1 THEN
    IF NOT EXISTS (SELECT FROM execution.waiting w WHERE w.id = p_id) AND (
      SELECT count(*) FROM execution.waiting w WHERE w.org_id = p_org AND w.agent_id = p_agent AND w.request IS NOT NULL
    ) >= p_most THEN
      outcome := 'full';
      RETURN;
    END IF;
    INSERT INTO execution.waiting AS w (id, org_id, agent_id, user_id, tool, provider, connection_id, reason, detail, connect_url, request, trace_id,
      asked_at, looked_at, expires_at)
    VALUES (p_id, p_org, p_agent, p_user, p_tool, p_provider, p_connection, p_reason, p_detail, p_connect_url, p_request, p_trace_id,
      clock_timestamp() - p_asked_ms * interval '1 millisecond', looked, clock_timestamp() + p_wait_ms * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET looked_at = least(w.looked_at, excluded.looked_at)
      WHERE w.org_id = p_org AND w.agent_id = p_agent AND w.epoch = 1 AND w.state = 'waiting'
    RETURNING w.expires_at INTO until;
  END IF;
  IF until IS NOT NULL THEN
    outcome := 'waiting';
    UPDATE execution.execution e SET state = 'waiting_for_authorization', updated_at = clock_timestamp()
    WHERE e.id = p_id AND e.org_id = p_org AND e.epoch = p_execution_epoch AND e.state = 'running';
  END IF;
END $$;
`;

/** What a row tells whoever publishes it again, or tells of its end. */
const TOLD = `w.id, w.org_id, w.agent_id, w.user_id, w.tool, w.provider, w.connection_id, w.reason, w.state, w.epoch, w.request, w.trace_id,
    w.ended_at, date_part('epoch', coalesce(w.ended_at, clock_timestamp()) - w.asked_at) * 1000`;
const TOLD_COLUMNS = `id text, org_id text, agent_id text, user_id text, tool text, provider text, connection_id text, reason text, state text,
  epoch integer, request text, trace_id text, ended_at timestamptz, after_ms double precision`;

/**
 * The connections that the call would use, as in vault.open_for_call: each looked up by one key, as this is asked for everything that
 * waits. One lookup with all that may differ in it would go through every connection of the organization for each.
 */
const MEANT = `
          SELECT c.id, c.updated_at FROM vault.connection c
          WHERE w.connection_id IS NULL AND c.org_id = w.org_id AND c.agent_id = w.agent_id AND c.user_id = w.user_id
            AND c.provider = w.provider AND c.alias = 'default' AND c.kind = 'agent' AND c.status <> 'revoked' AND c.status = 'active'
          UNION ALL
          SELECT c.id, c.updated_at FROM vault.connection c
          JOIN vault.connection_grantee g ON g.connection_id = c.id AND g.agent_id = w.agent_id
          WHERE w.connection_id IS NULL AND c.org_id = w.org_id AND c.provider = w.provider AND c.alias = 'default'
            AND c.kind = 'workspace' AND c.status <> 'revoked' AND c.status = 'active'
          UNION ALL
          SELECT c.id, c.updated_at FROM vault.connection c
          WHERE c.id = w.connection_id AND c.org_id = w.org_id AND c.provider = w.provider AND c.status = 'active'
            AND (c.agent_id = w.agent_id AND c.user_id = w.user_id OR c.kind = 'workspace' AND EXISTS (
              SELECT FROM vault.connection_grantee g WHERE g.connection_id = c.id AND g.agent_id = w.agent_id))`;

const RESUME = `
/* p_most of those that these events may have helped, and that have not been looked after since they were heard, p_heard_ms ago. A workspace
   connection's event names no agent and concerns all. */
CREATE FUNCTION execution.wake_waiting(
  p_orgs text[], p_providers text[], p_agents text[], p_users text[], p_connections text[], p_events text[], p_most integer,
  p_heard_ms double precision
) RETURNS TABLE (${TOLD_COLUMNS})
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH meant AS (
    SELECT w.id FROM execution.waiting w
    WHERE w.state = 'waiting' AND w.looked_at <= clock_timestamp() - p_heard_ms * interval '1 millisecond' AND EXISTS (
      SELECT FROM unnest(p_orgs, p_providers, p_agents, p_users, p_connections, p_events) AS e (org, provider, agent, usr, connection, event)
      WHERE w.org_id = e.org AND w.provider = e.provider
        AND (e.agent IS NULL OR e.agent = w.agent_id AND e.usr = w.user_id)
        AND (w.connection_id IS NULL OR w.connection_id = e.connection)
        AND (e.event IN ('authorized', 'scopes_changed') OR e.event = 'refreshed' AND w.reason = 'needs_reauthorization'
             OR e.event = 'revoked' AND w.connection_id IS NOT NULL))
    ORDER BY w.id LIMIT p_most
    FOR UPDATE SKIP LOCKED
  )
  UPDATE execution.waiting w
  SET state = 'resuming', epoch = w.epoch + 1, looked_at = clock_timestamp(), updated_at = clock_timestamp()
  FROM meant WHERE w.id = meant.id
  RETURNING ${TOLD}
$$;

/* What nobody else sees to: the time is over; a connection is there whose event was missed, or came before the row did; a process ended
   between marking and publishing, or between an end and telling of it. Whoever is given a row has it for ten seconds. A row that was taken
   up in vain is looked at less and less often. */
CREATE FUNCTION execution.sweep_waiting(p_most integer) RETURNS TABLE (${TOLD_COLUMNS})
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH expiring AS (
    SELECT w.id FROM execution.waiting w WHERE w.state = 'waiting' AND w.expires_at <= now()
    ORDER BY w.expires_at LIMIT p_most FOR UPDATE SKIP LOCKED
  ), doomed AS ( /* Cancelled in the moment in which it began to wait. */
    SELECT w.id FROM execution.cancellation c JOIN execution.waiting w ON w.id = c.id AND w.org_id = c.org_id AND w.agent_id = c.agent_id
    WHERE w.state = 'waiting' AND w.expires_at > now() AND c.requested_at > now() - interval '15 minutes'
    LIMIT p_most FOR UPDATE OF w SKIP LOCKED
  ), helped AS (
    SELECT w.id FROM execution.waiting w
    WHERE w.state = 'waiting' AND w.expires_at > now() AND w.id NOT IN (SELECT doomed.id FROM doomed)
      AND w.looked_at < now() - make_interval(secs => least(2 * 2 ^ least(w.epoch, 12), 3600))
      AND EXISTS (
        SELECT FROM (${MEANT}) c LEFT JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = w.org_id
        WHERE (w.reason = 'connection_required' OR c.updated_at >= w.looked_at OR k.updated_at >= w.looked_at))
    ORDER BY w.id LIMIT p_most FOR UPDATE SKIP LOCKED
  ), left_behind AS (
    SELECT w.id FROM execution.waiting w
    WHERE w.updated_at < now() - interval '10 seconds'
      AND (w.state = 'resuming' OR w.state IN ('cancelled', 'expired') AND w.told_at IS NULL)
    ORDER BY w.updated_at LIMIT p_most FOR UPDATE SKIP LOCKED
  )
  UPDATE execution.waiting w
  SET updated_at = clock_timestamp(),
    state = CASE WHEN x.what = 'expiring' THEN 'expired' WHEN x.what = 'doomed' THEN 'cancelled' WHEN x.what = 'helped' THEN 'resuming' ELSE w.state END,
    epoch = CASE WHEN x.what = 'helped' THEN w.epoch + 1 ELSE w.epoch END,
    looked_at = CASE WHEN x.what = 'helped' THEN clock_timestamp() ELSE w.looked_at END,
    request = CASE WHEN x.what IN ('expiring', 'doomed') THEN NULL ELSE w.request END,
    connect_url = CASE WHEN x.what IN ('expiring', 'doomed') THEN NULL ELSE w.connect_url END,
    ended_at = CASE WHEN x.what IN ('expiring', 'doomed') THEN clock_timestamp() ELSE w.ended_at END
  FROM (
    SELECT id, 'expiring' AS what FROM expiring UNION ALL SELECT id, 'doomed' FROM doomed
    UNION ALL SELECT id, 'helped' FROM helped UNION ALL SELECT id, 'left_behind' FROM left_behind
  ) x
  WHERE w.id = x.id
  RETURNING ${TOLD}
$$;

/* For a process that was not there to hear of them. */
CREATE FUNCTION execution.recent_cancellations() RETURNS TABLE (org_id text, agent_id text, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.org_id, c.agent_id, c.id FROM execution.cancellation c WHERE c.requested_at > now() - interval '15 minutes'
  ORDER BY c.requested_at DESC LIMIT 50000
$$;
`;

const ENDS = `
/* Idempotency keys a day after their call was made and carried out, unless it waits; records older than any message that could come again; what has ended and was told, an hour
   later. What was taken up and never came to an end is with the dead letters. @returns how many rows, so that a full batch is followed by another. */
CREATE FUNCTION execution.purge(p_most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE gone bigint := 0; found bigint;
BEGIN
  UPDATE execution.execution SET idempotency_key = NULL WHERE id IN (
    SELECT e.id FROM execution.execution e WHERE e.idempotency_key IS NOT NULL AND e.created_at < now() - interval '24 hours'
      AND e.updated_at < now() - interval '24 hours'
      AND NOT (e.state = 'waiting_for_authorization' AND EXISTS (SELECT FROM execution.waiting w WHERE w.id = e.id)) ORDER BY e.created_at LIMIT p_most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS found = ROW_COUNT; gone := greatest(gone, found);
  DELETE FROM execution.execution WHERE id IN (
    SELECT e.id FROM execution.execution e WHERE e.created_at < now() - interval '40 days' ORDER BY e.created_at LIMIT p_most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS found = ROW_COUNT; gone := greatest(gone, found);
  DELETE FROM execution.waiting WHERE id IN (
    SELECT w.id FROM execution.waiting w WHERE w.state <> 'waiting'
      AND (w.told_at < now() - interval '1 hour' OR w.state IN ('resumed', 'running') AND w.updated_at < now() - interval '1 day')
    LIMIT p_most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS found = ROW_COUNT; gone := greatest(gone, found);
  DELETE FROM execution.cancellation c WHERE (c.org_id, c.agent_id, c.id) IN (
    SELECT d.org_id, d.agent_id, d.id FROM execution.cancellation d WHERE d.requested_at < now() - interval '1 hour'
    LIMIT p_most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS found = ROW_COUNT; gone := greatest(gone, found);
  RETURN gone;
END $$;

/* Of an organization that is shredded: everything that waits ends, and no arguments are left. Of an agent whose keys are all revoked: what
   nobody has in hand; what somebody has he is told to end. */
CREATE FUNCTION execution.end_waiting(p_org text, p_agent text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE ended bigint;
BEGIN
  UPDATE execution.waiting w
  SET state = 'cancelled', request = NULL, connect_url = NULL, ended_at = clock_timestamp(), updated_at = clock_timestamp() - interval '1 minute'
  WHERE w.org_id = p_org AND w.request IS NOT NULL AND (p_agent IS NULL OR w.agent_id = p_agent AND w.state <> 'running');
  GET DIAGNOSTICS ended = ROW_COUNT;
  RETURN ended;
END $$;

/* As in custody/functions.ts, and what waits for a person who asked to be erased ends. */
CREATE OR REPLACE FUNCTION execution.erase_user(p_org text, p_user text, p_nobody text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE erased bigint;
BEGIN
  UPDATE execution.execution e
  SET user_id = p_nobody, result = CASE WHEN e.result IS NOT NULL THEN to_jsonb(json_build_object(
    'id', e.id, 'tool', e.tool, 'state', e.state, 'connection', e.connection_id, 'attempts', e.attempts, 'durationMs', 0,
    'traceId', repeat('0', 32))::text) END
  WHERE e.org_id = p_org AND e.user_id = p_user;
  GET DIAGNOSTICS erased = ROW_COUNT;
  UPDATE execution.waiting w
  SET user_id = p_nobody, connect_url = NULL, request = NULL,
    state = CASE WHEN w.request IS NULL THEN w.state ELSE 'cancelled' END,
    ended_at = coalesce(w.ended_at, clock_timestamp()),
    updated_at = CASE WHEN w.request IS NULL THEN w.updated_at ELSE clock_timestamp() - interval '1 minute' END
  WHERE w.org_id = p_org AND w.user_id = p_user;
  RETURN erased;
END $$;
`;

const GRANTS = `
GRANT SELECT, DELETE ON execution.waiting TO keyward_executor;
GRANT UPDATE (state, request, connect_url, updated_at, ended_at, told_at) ON execution.waiting TO keyward_executor;
GRANT SELECT, INSERT ON execution.cancellation TO keyward_executor;
GRANT SELECT, INSERT, UPDATE, DELETE ON execution.waiting TO keyward_definer;
GRANT SELECT, UPDATE, DELETE ON execution.cancellation TO keyward_definer;
GRANT DELETE ON execution.execution TO keyward_definer;
GRANT SELECT (id, shredded_at) ON identity.organization TO keyward_definer;
REVOKE ALL ON FUNCTION
  execution.park(text, text, text, text, text, text, text, text, text, text, text, text, integer, double precision, double precision, double precision, integer, integer),
  execution.wake_waiting(text[], text[], text[], text[], text[], text[], integer, double precision), execution.sweep_waiting(integer),
  execution.recent_cancellations(), execution.purge(integer), execution.end_waiting(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  execution.park(text, text, text, text, text, text, text, text, text, text, text, text, integer, double precision, double precision, double precision, integer, integer),
  execution.wake_waiting(text[], text[], text[], text[], text[], text[], integer, double precision), execution.sweep_waiting(integer),
  execution.recent_cancellations(), execution.purge(integer) TO keyward_executor;
GRANT EXECUTE ON FUNCTION execution.end_waiting(text, text) TO keyward_auth;
`;

/** Executions that wait for a person, and those that were asked to end. */
export const WAITING = TABLES + PARK + RESUME + ENDS + GRANTS;
