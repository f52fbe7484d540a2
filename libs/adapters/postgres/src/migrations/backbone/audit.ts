/**
 * The trail. (org_id, seq) is the place in an organization's hash chain: gapless, given out under the lock of its chain_head row.
 * Partitioned by the UTC day of the event. Agent and trace ids are unique across organizations, so their indexes need no org.
 */
export const AUDIT = `
CREATE SCHEMA audit;
CREATE TABLE audit.event (
  org_id text NOT NULL,
  seq bigint NOT NULL CHECK (seq > 0),
  id text NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  trace_id text NOT NULL,
  agent_id text,
  user_id text,
  tool text,
  state text,
  body jsonb NOT NULL,
  prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (org_id, seq, at),
  UNIQUE (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX event_by_time ON audit.event (org_id, at, seq);
CREATE INDEX event_by_trace ON audit.event (trace_id);
CREATE INDEX event_by_agent ON audit.event (agent_id, at, seq);
CREATE INDEX event_by_user ON audit.event (org_id, user_id, at, seq);
CREATE INDEX event_by_tool ON audit.event (org_id, tool, at, seq);
CREATE TABLE audit.chain_head (
  org_id text PRIMARY KEY,
  seq bigint NOT NULL,
  hash bytea NOT NULL
);

/* No right says so much as this: not even the owner changes what was recorded. Old days leave by dropping their partition. */
CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit events are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER event_is_final BEFORE UPDATE OR DELETE ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER event_is_kept BEFORE TRUNCATE ON audit.event FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

/* Partitions are made by the owner, not by the service: audit-service may append and nothing else. Made apart and then attached,
   because that, unlike CREATE TABLE … PARTITION OF, keeps nobody from inserting meanwhile. */
CREATE FUNCTION audit.ensure_partition(p_day date) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE name text := 'event_' || to_char(p_day, 'YYYYMMDD');
BEGIN
  IF to_regclass('audit.' || name) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('audit.ensure_partition'));
  /* A query, because to_regclass answers from a cache that may not have heard yet of what happened during the wait. */
  IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'audit'::regnamespace) THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE audit.%I (LIKE audit.event INCLUDING ALL)', name);
  EXECUTE format('ALTER TABLE audit.event ATTACH PARTITION audit.%I FOR VALUES FROM (%L) TO (%L)',
    name, p_day::timestamp AT TIME ZONE 'UTC', (p_day + 1)::timestamp AT TIME ZONE 'UTC');
END $$;
`;
