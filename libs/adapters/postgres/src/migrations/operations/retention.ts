import { isolatedByOrg } from '../isolated-by-org.js';

/** However short somebody sets the retention: so many days are kept. */
export const LEAST_RETENTION_DAYS = 7;

/**
 * Days that are dropped, where each chain was cut, and holds that keep them. Who owns the tables sees all rows of these two, because
 * `drop_day`, which runs as the owner, must see every hold.
 */
const TABLES = `
CREATE TABLE audit.hold (
  id text PRIMARY KEY,
  /* Null: every organization's trail. */
  org_id text,
  /* Null: from the beginning, or without an end. */
  from_at timestamptz,
  to_at timestamptz,
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  placed_by text NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT now(),
  released_by text,
  released_at timestamptz,
  CHECK (from_at < to_at),
  CHECK ((released_by IS NULL) = (released_at IS NULL))
);
CREATE TABLE audit.retention_cut (
  org_id text NOT NULL,
  /* Of the last event that was dropped: what is left of the chain begins behind it. */
  seq bigint NOT NULL CHECK (seq > 0),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  /* The day that was dropped, and how many of the organization's events went with it. */
  day date NOT NULL,
  events bigint NOT NULL CHECK (events > 0),
  /* The signed statement of this place. */
  jws text NOT NULL CHECK (length(jws) <= 4096),
  at timestamptz NOT NULL DEFAULT now(),
  /* When the trail itself had been told. */
  recorded_at timestamptz,
  PRIMARY KEY (org_id, seq, day)
);
CREATE INDEX retention_cut_unrecorded ON audit.retention_cut (at) WHERE recorded_at IS NULL;
${isolatedByOrg('audit.hold', 'audit.retention_cut')}
CREATE POLICY every_org ON audit.hold USING (current_setting('keyward.org', true) = '*');
CREATE POLICY every_org ON audit.retention_cut USING (current_setting('keyward.org', true) = '*');

CREATE FUNCTION audit.refuse_hold_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.released_at IS NULL
    AND to_jsonb(NEW) - '{released_at,released_by}'::text[] = to_jsonb(OLD) - '{released_at,released_by}'::text[] THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a hold is released, once, and never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER hold_is_final BEFORE UPDATE OR DELETE ON audit.hold FOR EACH ROW EXECUTE FUNCTION audit.refuse_hold_change();
CREATE TRIGGER hold_is_kept BEFORE TRUNCATE ON audit.hold FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_hold_change();

CREATE FUNCTION audit.refuse_cut_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.recorded_at IS NULL AND to_jsonb(NEW) - 'recorded_at' = to_jsonb(OLD) - 'recorded_at' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'cuts of the trail are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER cut_is_final BEFORE UPDATE OR DELETE ON audit.retention_cut
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_cut_change();
CREATE TRIGGER cut_is_kept BEFORE TRUNCATE ON audit.retention_cut
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_cut_change();
`;

/** Days that have a partition, oldest first. From the catalogue, because the bounds of a partition are what decides. */
const DAYS = `
CREATE FUNCTION audit.partition_days() RETURNS SETOF date LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT to_date(substr(c.relname, 7), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'audit.event'::regclass AND c.relname ~ '^event_[0-9]{8}$' ORDER BY 1
$$;
`;

/** Whether a hold keeps a day: one that covers it, or that covers an older one which is still there. */
const IS_HELD = `
CREATE FUNCTION audit.is_held(p_day date) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT EXISTS (
    SELECT FROM audit.hold h JOIN audit.partition_days() d ON d <= p_day
    WHERE h.released_at IS NULL
      AND (h.from_at IS NULL OR h.from_at < (d + 1)::timestamp AT TIME ZONE 'UTC')
      AND (h.to_at IS NULL OR h.to_at > d::timestamp AT TIME ZONE 'UTC'))
$$;
`;

/**
 * Whether one of these places lies behind an event that a hold keeps: a late event of an old day may. A cut there would leave what is held
 * where no export and no verification begins.
 */
const IS_BEHIND_HELD = `
CREATE FUNCTION audit.is_behind_held(p_orgs text[], p_seqs bigint[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_day date;
  v_found boolean;
  v_from date := (SELECT min(d) FROM audit.partition_days() d WHERE audit.is_held(d));
BEGIN
  FOR v_day IN SELECT d FROM audit.partition_days() d WHERE d >= v_from LOOP
    EXECUTE format($q$
      SELECT EXISTS (SELECT FROM unnest($1, $2) AS l (org, seq) JOIN audit.%I p ON p.org_id = l.org AND p.seq < l.seq)$q$,
      'event_' || to_char(v_day, 'YYYYMMDD')) INTO v_found USING p_orgs, p_seqs;
    IF v_found THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;
`;

/** The last event of each organization in a day, found by stepping through the primary key: the day may hold a hundred million. */
const LAST_OF_DAY = `
CREATE FUNCTION audit.last_of_day(p_day date) RETURNS TABLE (org_id text, seq bigint, hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH RECURSIVE o (org) AS (
      (SELECT p.org_id FROM audit.%1$I p ORDER BY p.org_id LIMIT 1)
      UNION ALL
      SELECT (SELECT p.org_id FROM audit.%1$I p WHERE p.org_id > o.org ORDER BY p.org_id LIMIT 1) FROM o WHERE o.org IS NOT NULL
    )
    SELECT o.org, l.seq, l.hash FROM o
    CROSS JOIN LATERAL (SELECT p.seq, p.hash FROM audit.%1$I p WHERE p.org_id = o.org ORDER BY p.seq DESC LIMIT 1) l
    WHERE o.org IS NOT NULL ORDER BY 1$q$, 'event_' || to_char(p_day, 'YYYYMMDD'));
END $$;
`;

/**
 * Drops one day and stores where that cuts each chain. Whoever calls it brings a signed statement per organization, in the order of
 * `last_of_day`; a day that has changed since is refused, and so is one that is too young, or that a hold keeps. A hold also keeps what is
 * younger than the days that it names, as these could not be verified behind the cut of a younger one.
 *
 * Inserts into other days go on until the last statement, which needs the whole table for a moment: call it with a short lock_timeout.
 */
const DROP_DAY = `
CREATE FUNCTION audit.drop_day(p_day date, p_orgs text[], p_seqs bigint[], p_statements text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_name text := 'event_' || to_char(p_day, 'YYYYMMDD');
  v_orgs text[];
  v_seqs bigint[];
  v_events bigint;
  v_org text := current_setting('keyward.org', true);
BEGIN
  PERFORM set_config('keyward.org', '*', true);
  IF p_day > (clock_timestamp() AT TIME ZONE 'UTC')::date - ${LEAST_RETENTION_DAYS} THEN
    RAISE EXCEPTION 'the last ${LEAST_RETENTION_DAYS} days are kept' USING ERRCODE = 'KW001';
  END IF;
  /* Nobody places a hold between the look and the drop. */
  LOCK TABLE audit.hold IN SHARE MODE;
  IF audit.is_held(p_day) THEN
    RAISE EXCEPTION 'a hold keeps this day' USING ERRCODE = 'KW002';
  END IF;
  EXECUTE format('LOCK TABLE audit.%I IN SHARE ROW EXCLUSIVE MODE', v_name);
  SELECT coalesce(array_agg(l.org_id ORDER BY l.org_id), '{}'), coalesce(array_agg(l.seq ORDER BY l.org_id), '{}')
  INTO v_orgs, v_seqs FROM audit.last_of_day(p_day) l;
  IF v_orgs <> p_orgs OR v_seqs <> p_seqs OR cardinality(p_statements) <> cardinality(v_orgs) THEN
    RAISE EXCEPTION 'the day has changed since its statements were signed' USING ERRCODE = 'KW003';
  END IF;
  IF audit.is_behind_held(v_orgs, v_seqs) THEN
    RAISE EXCEPTION 'a hold keeps what was chained before the last event of this day' USING ERRCODE = 'KW002';
  END IF;
  EXECUTE format($q$
    WITH counted AS (SELECT p.org_id, count(*) AS events FROM audit.%1$I p GROUP BY p.org_id),
    stored AS (
      INSERT INTO audit.retention_cut (org_id, seq, hash, day, events, jws)
      SELECT l.org_id, l.seq, l.hash, $1, c.events, s.jws
      FROM audit.last_of_day($1) l JOIN counted c USING (org_id) JOIN unnest($2, $3) AS s (org, jws) ON s.org = l.org_id
      RETURNING events
    )
    SELECT coalesce(sum(events), 0)::bigint FROM stored$q$, v_name) INTO v_events USING p_day, p_orgs, p_statements;
  EXECUTE format('DROP TABLE audit.%I', v_name);
  PERFORM set_config('keyward.org', coalesce(v_org, ''), true);
  RETURN v_events;
END $$;
REVOKE ALL ON FUNCTION audit.refuse_hold_change(), audit.refuse_cut_change(), audit.partition_days(), audit.is_held(date),
  audit.is_behind_held(text[], bigint[]), audit.last_of_day(date), audit.drop_day(date, text[], bigint[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.partition_days(), audit.is_held(date),
  audit.is_behind_held(text[], bigint[]), audit.last_of_day(date), audit.drop_day(date, text[], bigint[], text[]) TO keyward_audit;
GRANT SELECT, INSERT, UPDATE (released_at, released_by) ON audit.hold TO keyward_audit;
GRANT SELECT, UPDATE (recorded_at) ON audit.retention_cut TO keyward_audit;
`;

export const RETENTION = [TABLES, DAYS, IS_HELD, IS_BEHIND_HELD, LAST_OF_DAY, DROP_DAY].join('\n');
