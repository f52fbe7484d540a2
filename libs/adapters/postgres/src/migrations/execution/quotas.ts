/**
 * Units that were leased count until `free_at`, in milliseconds since 1970 by this server's clock: the end of their lease and a window.
 * `forget_at` is told by the hour, so that its index is not written with each lease.
 */
const TABLE = `
CREATE TABLE execution.quota (
  key text PRIMARY KEY CHECK (length(key) <= 600),
  free_at bigint[] NOT NULL DEFAULT '{}',
  units integer[] NOT NULL DEFAULT '{}',
  known_left integer NOT NULL DEFAULT 0,
  known_until bigint NOT NULL DEFAULT 0,
  forget_at bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX ON execution.quota (forget_at);
`;

const NOW_MS = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;
const HOUR_MS = 3_600_000;

/** The reckoning is that of Ledger in @keyward/limits, to the millisecond; one contract suite runs on both. */
const LEASE = `
CREATE FUNCTION execution.lease_quota(
  p_key text, p_limit integer, p_window_ms bigint, p_step_ms bigint, p_least integer, p_most integer, p_life_ms bigint,
  OUT lease_id double precision, OUT granted integer, OUT units_left integer, OUT wait_ms double precision
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_row execution.quota;
  v_now bigint;
  v_used integer;
  v_is_known boolean;
  v_free_at bigint;
  v_last integer;
BEGIN
  SELECT * INTO v_row FROM execution.quota q WHERE q.key = p_key FOR UPDATE;
  IF NOT FOUND THEN
    v_now := ${NOW_MS};
    DELETE FROM execution.quota q WHERE q.key IN (
      SELECT o.key FROM execution.quota o WHERE o.forget_at < v_now ORDER BY o.forget_at LIMIT 100 FOR UPDATE SKIP LOCKED);
    INSERT INTO execution.quota AS q (key, forget_at) VALUES (p_key, v_now + ${HOUR_MS})
      ON CONFLICT (key) DO UPDATE SET key = q.key RETURNING * INTO v_row;
  END IF;
  v_now := ${NOW_MS}; /* After the lock: whoever held it may have counted later moments. */

  /* Where the clock was set back, what counts for longer than it ever could counts for as long as it can. */
  SELECT coalesce(array_agg(least(t.f, v_now + 2 * p_window_ms + p_step_ms) ORDER BY t.n), '{}'), coalesce(array_agg(t.u ORDER BY t.n), '{}'),
    coalesce(sum(t.u), 0)
  INTO v_row.free_at, v_row.units, v_used
  FROM unnest(v_row.free_at, v_row.units) WITH ORDINALITY AS t (f, u, n) WHERE t.f > v_now;
  v_is_known := v_row.known_until > v_now AND v_row.known_until <= v_now + ${24 * HOUR_MS};
  units_left := CASE WHEN v_is_known THEN least(p_limit - v_used, v_row.known_left) ELSE p_limit - v_used END;

  IF units_left < p_least THEN
    SELECT min(t.f) INTO v_free_at
    FROM (SELECT e.f, sum(e.u) OVER (ORDER BY e.n) AS freed FROM unnest(v_row.free_at, v_row.units) WITH ORDINALITY AS e (f, u, n)) t
    WHERE t.freed >= v_used + p_least - p_limit AND p_limit - v_used < p_least;
    lease_id := 0;
    granted := 0;
    units_left := greatest(0, units_left);
    wait_ms := greatest(1, coalesce(v_free_at, v_now) - v_now,
      CASE WHEN v_is_known AND v_row.known_left < p_least THEN v_row.known_until - v_now ELSE 0 END);
    RETURN;
  END IF;

  granted := greatest(p_least, least(p_most, units_left / 4));
  v_free_at := ceil((v_now + 1 + p_life_ms + p_window_ms)::numeric / p_step_ms)::bigint * p_step_ms;
  v_last := cardinality(v_row.free_at);
  IF v_last > 0 AND v_row.free_at[v_last] >= v_free_at THEN
    v_free_at := v_row.free_at[v_last];
    v_row.units[v_last] := v_row.units[v_last] + granted;
  ELSE
    v_row.free_at := v_row.free_at || v_free_at;
    v_row.units := v_row.units || granted;
  END IF;
  UPDATE execution.quota q SET free_at = v_row.free_at, units = v_row.units,
    known_left = CASE WHEN v_is_known THEN v_row.known_left - granted ELSE 0 END,
    forget_at = (greatest(v_free_at, q.known_until) / ${HOUR_MS} + 2) * ${HOUR_MS}
  WHERE q.key = p_key;
  lease_id := v_free_at;
  units_left := units_left - granted;
  wait_ms := 0;
END $$;
`;

const GIVE_BACK = `
CREATE FUNCTION execution.give_back_quota(p_key text, p_lease_id bigint, p_units integer) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE execution.quota q
  SET units[array_position(q.free_at, p_lease_id)] = greatest(0, q.units[array_position(q.free_at, p_lease_id)] - p_units),
    known_left = q.known_left + p_units
  WHERE q.key = p_key AND array_position(q.free_at, p_lease_id) IS NOT NULL;
$$;
`;

/** What the provider says itself counts more than what was counted, as others may use the account too. */
const LEARN = `
CREATE FUNCTION execution.learn_quota(p_key text, p_remaining integer, p_reset_ms bigint) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO execution.quota AS q (key, known_left, known_until, forget_at)
  VALUES (p_key, p_remaining, ${NOW_MS} + p_reset_ms, (${NOW_MS} + p_reset_ms) / ${HOUR_MS} * ${HOUR_MS} + ${2 * HOUR_MS})
  ON CONFLICT (key) DO UPDATE SET known_left = excluded.known_left, known_until = excluded.known_until,
    forget_at = greatest(q.forget_at, excluded.forget_at);
$$;
`;

const FUNCTIONS = [
  'execution.lease_quota(text, integer, bigint, bigint, integer, integer, bigint)',
  'execution.give_back_quota(text, bigint, integer)',
  'execution.learn_quota(text, integer, bigint)',
].join(', ');

const GRANTS = `
GRANT SELECT, INSERT, UPDATE, DELETE ON execution.quota TO keyward_definer;
REVOKE ALL ON FUNCTION ${FUNCTIONS} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ${FUNCTIONS} TO keyward_executor;
`;

/** What of each provider's quota is left, for all replicas together. */
export const QUOTAS = [TABLE, LEASE, GIVE_BACK, LEARN, GRANTS].join('');
