/** Organizations' webhook endpoints and what is sent to them. */
const TABLES = `
CREATE SCHEMA notification;
CREATE TABLE notification.webhook_endpoint (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  url text NOT NULL,
  events text[] NOT NULL CHECK (cardinality(events) > 0),
  description text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT true,
  disabled_reason text CHECK (disabled_reason IN ('gone', 'failing')),
  /* Since when every attempt has failed. */
  failing_since timestamptz,
  /* Until when it is left alone: it asked for that, or keeps failing. */
  resume_at timestamptz,
  /* It is told of nothing that happened before: since it was made, or enabled again. */
  told_since timestamptz NOT NULL DEFAULT now(),
  secret_generation integer NOT NULL DEFAULT 1,
  sealed_secret bytea NOT NULL,
  /* Of the generation before, while messages are signed with both. */
  previous_sealed_secret bytea,
  previous_secret_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, id),
  CHECK ((previous_sealed_secret IS NULL) = (previous_secret_until IS NULL)),
  CHECK (NOT enabled OR disabled_reason IS NULL)
);
/* The message is made when it is sent, from the connection as it then is: no row names a person. */
CREATE TABLE notification.webhook_delivery (
  endpoint_id text NOT NULL,
  event_id text NOT NULL,
  org_id text NOT NULL,
  type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  provider text NOT NULL,
  connection_id text,
  provider_app_id text,
  generation integer,
  reason text,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
  attempts integer NOT NULL DEFAULT 0,
  /* Of a delivery in hand: when its lease ends. */
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_status integer,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  PRIMARY KEY (endpoint_id, event_id),
  FOREIGN KEY (org_id, endpoint_id) REFERENCES notification.webhook_endpoint (org_id, id) ON DELETE CASCADE,
  CHECK ((connection_id IS NULL) <> (provider_app_id IS NULL)),
  CHECK ((state = 'pending') = (settled_at IS NULL))
);
CREATE INDEX webhook_delivery_due ON notification.webhook_delivery (endpoint_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_next ON notification.webhook_delivery (next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_pending ON notification.webhook_delivery (created_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_age ON notification.webhook_delivery (created_at);
`;

const ROW_LEVEL_SECURITY = `
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['notification.webhook_endpoint', 'notification.webhook_delivery'] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY org_isolation ON %s USING (org_id = current_setting('keyward.org', true))$p$, t);
    EXECUTE format('CREATE POLICY definer ON %s TO keyward_definer USING (true)', t);
  END LOOP;
END $$;
`;

/** Due deliveries that a claim looks at, at most, before it asks endpoint by endpoint. */
const LOOK_AT = 2_000;

/** An organization whose keys were destroyed has no secret left to sign with, and is told nothing more. */
const LIVE = `JOIN identity.organization o ON o.id = e.org_id AND o.shredded_at IS NULL`;

const FUNCTIONS = `
/* Events of any organizations, each for the endpoints that want it. The same event again changes nothing. Those from before an endpoint
   are not its business; their time is of another clock, which may be minutes off. An endpoint for which p_room wait gets no
   more until there is room: without a bound, one that is down for days and wants every refresh fills the disk. */
CREATE FUNCTION notification.add_deliveries(p_events jsonb, p_room integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE added bigint;
BEGIN
  WITH full_ones AS MATERIALIZED (
    SELECT e.id FROM notification.webhook_endpoint e
    WHERE e.org_id IN (SELECT v.org FROM jsonb_to_recordset(p_events) AS v (org text)) AND EXISTS (
      SELECT FROM notification.webhook_delivery d WHERE d.endpoint_id = e.id AND d.state = 'pending' OFFSET p_room - 1)
  )
  INSERT INTO notification.webhook_delivery
    (endpoint_id, event_id, org_id, type, occurred_at, provider, connection_id, provider_app_id, generation, reason)
  SELECT e.id, v.id, e.org_id, v.type, v.at, v.provider, v.connection, v."providerApp", v.generation, v.reason
  FROM jsonb_to_recordset(p_events) AS v (id text, org text, type text, at timestamptz, provider text, connection text,
    "providerApp" text, generation integer, reason text)
  JOIN notification.webhook_endpoint e ON e.org_id = v.org AND e.enabled AND v.type = ANY (e.events)
    AND v.at >= e.told_since - interval '10 minutes'
  ${LIVE}
  WHERE NOT EXISTS (
    SELECT FROM full_ones f WHERE f.id = e.id
  )
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS added = ROW_COUNT;
  RETURN added;
END $$;

/* Due deliveries with everything that sending them takes, endpoint by endpoint. Whose deliveries are due is seen from those due first;
   where these are too many to look at, the backlog of one must not be in the way of others: then from a loose scan over all endpoints
   with something pending. No more at a time than p_each per endpoint, one where the last attempt failed, and
   p_each_org per organization, those in hand included. Organizations take turns. Endpoints that fail, which may well take the whole
   timeout, leave p_reserved of the p_limit free places to those that do not. */
CREATE FUNCTION notification.claim_deliveries(
  p_lease_ms integer, p_limit integer, p_reserved integer, p_each integer, p_each_org integer, p_busy text[], p_busy_orgs text[]
)
RETURNS TABLE (
  org_id text, endpoint_id text, event_id text, type text, occurred_at timestamptz, provider text, connection_id text,
  provider_app_id text, generation integer, reason text, attempts integer, claimed_at timestamptz, url text, secret_generation integer,
  sealed_secret bytea, previous_sealed_secret bytea, connection json
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH RECURSIVE soonest AS MATERIALIZED (
    SELECT d.endpoint_id AS id FROM notification.webhook_delivery d
    WHERE d.state = 'pending' AND d.next_attempt_at <= now() ORDER BY d.next_attempt_at LIMIT ${LOOK_AT}
  ), waiting (id) AS (
    (SELECT d.endpoint_id FROM notification.webhook_delivery d
      WHERE d.state = 'pending' AND (SELECT count(*) FROM soonest) = ${LOOK_AT} ORDER BY d.endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM notification.webhook_delivery d
      WHERE d.state = 'pending' AND d.endpoint_id > w.id ORDER BY d.endpoint_id LIMIT 1)
    FROM waiting w WHERE w.id IS NOT NULL
  ), picked AS (
    SELECT w.id FROM waiting w WHERE w.id IS NOT NULL
    UNION
    SELECT s.id FROM soonest s
  ), open AS (
    SELECT e.id, e.org_id, e.url, e.failing_since IS NOT NULL AS failing, e.secret_generation, e.sealed_secret,
      CASE WHEN e.previous_secret_until > now() THEN e.previous_sealed_secret END AS previous_sealed_secret,
      CASE WHEN e.failing_since IS NULL THEN p_each ELSE 1 END - cardinality(array_positions(p_busy, e.id)) AS room
    FROM picked n JOIN notification.webhook_endpoint e ON e.id = n.id AND e.enabled AND coalesce(e.resume_at <= now(), true)
    ${LIVE}
  ), due AS (
    SELECT d.endpoint_id, d.event_id, d.next_attempt_at, e.failing, row_number() OVER (PARTITION BY e.org_id ORDER BY e.failing, d.place, d.next_attempt_at)
      + cardinality(array_positions(p_busy_orgs, e.org_id)) AS turn
    FROM open e CROSS JOIN LATERAL (
      SELECT x.endpoint_id, x.event_id, x.next_attempt_at, row_number() OVER (ORDER BY x.next_attempt_at) AS place
      FROM notification.webhook_delivery x
      WHERE x.endpoint_id = e.id AND x.state = 'pending' AND x.next_attempt_at <= now()
      ORDER BY x.next_attempt_at LIMIT greatest(e.room, 0)
    ) d
  ), placed AS (
    SELECT d.endpoint_id, d.event_id, d.failing, row_number() OVER (PARTITION BY d.failing ORDER BY d.turn, d.next_attempt_at) AS place
    FROM due d WHERE d.turn <= p_each_org
  ), chosen AS (
    SELECT p.endpoint_id, p.event_id FROM placed p WHERE NOT p.failing OR p.place <= p_limit - p_reserved
    ORDER BY p.failing, p.place LIMIT p_limit
  ), locked AS (
    SELECT d.endpoint_id, d.event_id FROM notification.webhook_delivery d JOIN chosen USING (endpoint_id, event_id)
    WHERE d.state = 'pending' AND d.next_attempt_at <= now()
    FOR UPDATE OF d SKIP LOCKED
  ), claimed AS (
    UPDATE notification.webhook_delivery d
    SET attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => p_lease_ms / 1000.0)
    FROM locked l WHERE d.endpoint_id = l.endpoint_id AND d.event_id = l.event_id
    RETURNING d.*
  )
  SELECT d.org_id, d.endpoint_id, d.event_id, d.type, d.occurred_at, d.provider, d.connection_id, d.provider_app_id, d.generation,
    d.reason, d.attempts, now(), e.url, e.secret_generation, e.sealed_secret, e.previous_sealed_secret,
    CASE WHEN c.id IS NOT NULL THEN json_build_object('kind', c.kind, 'alias', c.alias, 'user', c.user_id, 'agent', c.agent_id,
      'scopes', c.scopes, 'agents', ARRAY(SELECT g.agent_id FROM vault.connection_grantee g WHERE g.connection_id = c.id)) END
  FROM claimed d JOIN open e ON e.id = d.endpoint_id
  LEFT JOIN vault.connection c ON c.id = d.connection_id AND c.org_id = d.org_id
$$;

/* Of any organization, so many at most of each, and how many they were: those of long ago, and those that wait for ever because their
   organization was shredded, which claims and the gauge would have to step over. */
CREATE FUNCTION notification.purge_deliveries(p_days integer, p_limit integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE purged bigint; never bigint;
BEGIN
  DELETE FROM notification.webhook_delivery d USING (
    SELECT x.endpoint_id, x.event_id FROM notification.webhook_delivery x
    WHERE x.created_at < now() - make_interval(days => p_days) ORDER BY x.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  ) old WHERE d.endpoint_id = old.endpoint_id AND d.event_id = old.event_id;
  GET DIAGNOSTICS purged = ROW_COUNT;
  DELETE FROM notification.webhook_delivery d USING (
    SELECT x.endpoint_id, x.event_id FROM identity.organization o
    JOIN notification.webhook_endpoint e ON e.org_id = o.id
    JOIN notification.webhook_delivery x ON x.endpoint_id = e.id AND x.state = 'pending'
    WHERE o.shredded_at IS NOT NULL LIMIT p_limit FOR UPDATE OF x SKIP LOCKED
  ) old WHERE d.endpoint_id = old.endpoint_id AND d.event_id = old.event_id;
  GET DIAGNOSTICS never = ROW_COUNT;
  RETURN purged + never;
END $$;

/* For a gauge: the age of the oldest delivery that somebody still is to get; null where there is none. */
CREATE FUNCTION notification.oldest_pending_seconds() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT extract(epoch FROM now() - d.created_at)::double precision
  FROM notification.webhook_delivery d JOIN notification.webhook_endpoint e ON e.id = d.endpoint_id AND e.enabled
  ${LIVE}
  WHERE d.state = 'pending' ORDER BY d.created_at LIMIT 1
$$;
`;

const GRANTS = `
GRANT USAGE ON SCHEMA notification TO keyward_definer, keyward_auth;
GRANT SELECT ON notification.webhook_endpoint TO keyward_definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON notification.webhook_delivery TO keyward_definer;
GRANT SELECT (id, shredded_at) ON identity.organization TO keyward_definer;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA notification FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA notification TO keyward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON notification.webhook_endpoint TO keyward_auth;
GRANT SELECT, DELETE ON notification.webhook_delivery TO keyward_auth;
GRANT UPDATE (state, attempts, next_attempt_at, last_status, last_error, settled_at) ON notification.webhook_delivery TO keyward_auth;
`;

export const NOTIFICATION = `${TABLES}${ROW_LEVEL_SECURITY}${FUNCTIONS}${GRANTS}`;
