import { handOverFunctions } from '../backbone/roles.js';
import { isolatedByOrg } from '../isolated-by-org.js';

const TABLES = `
CREATE TABLE governance.budget (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  name text NOT NULL CHECK (length(name) <= 63),
  /* Which calls count: those that match all that is not null. */
  agent_id text,
  user_id text,
  tool text,
  connector text,
  period text NOT NULL CHECK (period IN ('hour', 'day', 'week', 'month')),
  max_calls bigint CHECK (max_calls >= 0),
  max_cost_micros bigint CHECK (max_cost_micros >= 0),
  warn_at double precision[] NOT NULL DEFAULT '{0.8}',
  on_exceeded text NOT NULL DEFAULT 'stop' CHECK (on_exceeded IN ('stop', 'warn')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, name),
  UNIQUE (org_id, id),
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id),
  CHECK (max_calls IS NOT NULL OR max_cost_micros IS NOT NULL)
);
/* What executors have set aside of one limit in one period: what is used, and their shares for calls of the next seconds. */
CREATE TABLE execution.budget_use (
  budget_id text NOT NULL,
  measure text NOT NULL CHECK (measure IN ('calls', 'cost')),
  period text NOT NULL,
  starts_at timestamptz NOT NULL,
  org_id text NOT NULL,
  used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  /* What was told in this period, and of which limit: one that was changed is told of anew. */
  told_limit bigint NOT NULL DEFAULT 0,
  warned double precision NOT NULL DEFAULT 0,
  exceeded boolean NOT NULL DEFAULT false,
  PRIMARY KEY (budget_id, measure, period, starts_at),
  FOREIGN KEY (org_id, budget_id) REFERENCES governance.budget (org_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
${isolatedByOrg('governance.budget', 'execution.budget_use')}
`;

const FIND = `
/* Of one organization, or with null of all. */
CREATE FUNCTION governance.find_budgets(p_org text)
RETURNS TABLE (id text, org text, name text, agent text, "user" text, tool text, connector text, period text,
  calls boolean, cost boolean, on_exceeded text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT b.id, b.org_id, b.name, b.agent_id, b.user_id, b.tool, b.connector, b.period,
    b.max_calls IS NOT NULL, b.max_cost_micros IS NOT NULL, b.on_exceeded
  FROM governance.budget b WHERE p_org IS NULL OR b.org_id = p_org ORDER BY b.org_id, b.id
$$;
`;

const KEPT = `interval '400 days'`;
/** RFC 3339 in UTC with milliseconds. */
const rfc3339 = (instant: string) => `to_char(${instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Both messages leave with the transaction in which it is noted that they were told: once, and not less. */
const TELL = `
CREATE FUNCTION execution.tell_budget(
  p_event text, p_budget governance.budget, p_measure text, p_limit bigint, p_used bigint, p_ratio double precision,
  p_resets_at timestamptz, p_trace_id text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  /* As ids of the bus are made (RFC 9562 section 5.7): time, then chance. */
  v_id text := lpad(to_hex(floor(extract(epoch FROM v_now) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(p_budget.id || p_measure || p_event || v_now::text || random()::text), 1, 19);
  v_shown text := CASE p_measure WHEN 'calls' THEN p_limit || ' calls' ELSE trim_scale(p_limit / 1000000.0) || ' of cost' END;
BEGIN
  INSERT INTO bus.outbox (id, subject, payload) VALUES
    ('evt_' || v_id, 'audit.' || p_budget.org_id, convert_to(json_build_object(
      'id', 'evt_' || v_id, 'version', 1, 'type', 'budget.' || p_event, 'at', ${rfc3339('v_now')}, 'org', p_budget.org_id,
      'actor', json_build_object('kind', 'service', 'id', 'tool-executor'), 'traceId', p_trace_id, 'target', p_budget.id,
      'reason', p_budget.name || ': ' || CASE p_event WHEN 'warned' THEN round((p_ratio * 100)::numeric, 2)::float8 || ' % of ' ELSE '' END
        || v_shown || ' per ' || p_budget.period)::text, 'UTF8')),
    ('msg_' || v_id, 'budget.' || p_event || '.' || p_budget.org_id, convert_to(json_build_object(
      'id', 'msg_' || v_id, 'event', p_event, 'at', ${rfc3339('v_now')}, 'org', p_budget.org_id,
      'budget', json_build_object('id', p_budget.id, 'name', p_budget.name, 'period', p_budget.period, 'measure', p_measure,
        'limit', p_limit, 'used', p_used, 'ratio', p_ratio, 'onExceeded', p_budget.on_exceeded,
        'resetsAt', ${rfc3339('p_resets_at')}))::text, 'UTF8'));
END $$;
`;

/**
 * A share of one limit. Null: there is no such limit (any more). Of a limit that stops no more than is left: a twentieth of it at a time,
 * which is what a process that crashes can lose, and near the end a quarter of what is left, so that every replica gets something. Never past the next thing to tell, which is then told at its time.
 */
const LEASE = `
CREATE FUNCTION execution.lease_budget(
  p_org text, p_budget text, p_measure text, p_least double precision, p_most double precision, p_trace_id text,
  OUT granted double precision, OUT units_left double precision, OUT began_at text, OUT resets_at text, OUT ends_in_ms double precision,
  OUT told text[]
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  b governance.budget;
  u execution.budget_use;
  v_limit bigint;
  v_start timestamptz;
  v_end timestamptz;
  v_left bigint;
  v_share bigint;
  v_next bigint;
  v_ratio double precision;
BEGIN
  SELECT * INTO b FROM governance.budget x WHERE x.org_id = p_org AND x.id = p_budget;
  v_limit := CASE p_measure WHEN 'calls' THEN b.max_calls ELSE b.max_cost_micros END;
  IF v_limit IS NULL THEN RETURN; END IF;
  v_start := date_trunc(b.period, clock_timestamp(), 'UTC');
  v_end := (v_start AT TIME ZONE 'UTC' + ('1 ' || b.period)::interval) AT TIME ZONE 'UTC';
  SELECT * INTO u FROM execution.budget_use x
    WHERE x.budget_id = b.id AND x.measure = p_measure AND x.period = b.period AND x.starts_at = v_start FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM FROM governance.budget x WHERE x.id = b.id FOR KEY SHARE;
    IF NOT FOUND THEN RETURN; END IF;
    DELETE FROM execution.budget_use x WHERE x.budget_id = b.id AND x.starts_at < v_start - ${KEPT};
    INSERT INTO execution.budget_use AS x (budget_id, measure, period, starts_at, org_id) VALUES (b.id, p_measure, b.period, v_start, p_org)
      ON CONFLICT (budget_id, measure, period, starts_at) DO UPDATE SET used = x.used RETURNING * INTO u;
  END IF;
  IF u.told_limit <> v_limit THEN
    u.told_limit := v_limit;
    u.warned := 0;
    u.exceeded := false;
  END IF;
  began_at := ${rfc3339('v_start')};
  resets_at := ${rfc3339('v_end')};
  told := '{}';
  v_left := greatest(0, v_limit - u.used);

  IF b.on_exceeded = 'stop' AND v_left < p_least THEN
    v_share := 0;
    IF NOT u.exceeded THEN told := told || 'exceeded'::text; END IF;
  ELSE
    v_share := greatest(p_least, CASE WHEN b.on_exceeded = 'stop' OR v_left > 0 THEN least(p_most, v_left / 4, v_limit / 20) ELSE p_most END);
    SELECT min(t.at) INTO v_next FROM (
      SELECT greatest(1, ceil(r * v_limit)::bigint) AS at FROM unnest(b.warn_at) r WHERE r > u.warned
      UNION ALL SELECT v_limit + 1 WHERE b.on_exceeded = 'warn' AND NOT u.exceeded
    ) t WHERE t.at > u.used;
    IF u.used + v_share >= v_next THEN v_share := greatest(p_least, v_next - 1 - u.used); END IF;
    SELECT max(r) INTO v_ratio FROM unnest(b.warn_at) r
      WHERE r > u.warned AND greatest(1, ceil(r * v_limit)::bigint) <= u.used + v_share;
    IF v_ratio IS NOT NULL THEN told := told || 'warned'::text; END IF;
    IF b.on_exceeded = 'warn' AND NOT u.exceeded AND u.used + v_share > v_limit THEN told := told || 'exceeded'::text; END IF;
  END IF;

  UPDATE execution.budget_use x SET used = x.used + v_share, told_limit = u.told_limit,
    warned = coalesce(v_ratio, u.warned), exceeded = u.exceeded OR 'exceeded' = ANY (told)
  WHERE x.budget_id = b.id AND x.measure = p_measure AND x.period = b.period AND x.starts_at = v_start
    AND (v_share > 0 OR cardinality(told) > 0 OR x.told_limit <> u.told_limit);
  IF v_ratio IS NOT NULL THEN
    PERFORM execution.tell_budget('warned', b, p_measure, v_limit, u.used + v_share, v_ratio, v_end, p_trace_id);
  END IF;
  IF 'exceeded' = ANY (told) THEN
    PERFORM execution.tell_budget('exceeded', b, p_measure, v_limit, u.used + v_share, NULL, v_end, p_trace_id);
  END IF;
  granted := v_share;
  units_left := greatest(0, v_left - v_share);
  /* After the locks: the share is for what is left of the period now. */
  ends_in_ms := extract(epoch FROM v_end - clock_timestamp()) * 1000;
END $$;
`;

const GIVE_BACK = `
CREATE FUNCTION execution.give_back_budget(p_org text, p_budget text, p_measure text, p_starts_at text, p_units double precision)
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE execution.budget_use x SET used = greatest(0, x.used - p_units::bigint)
  FROM governance.budget b
  WHERE b.org_id = p_org AND b.id = p_budget AND x.budget_id = b.id AND x.measure = p_measure AND x.period = b.period
    AND x.starts_at = p_starts_at::timestamptz
$$;
`;

/** Messages about budgets: the row holds what the message says, which names no person. */
const WEBHOOKS = `
ALTER TABLE notification.webhook_delivery ALTER COLUMN provider DROP NOT NULL;
ALTER TABLE notification.webhook_delivery ADD COLUMN budget jsonb;
ALTER TABLE notification.webhook_delivery DROP CONSTRAINT webhook_delivery_check;
ALTER TABLE notification.webhook_delivery ADD CONSTRAINT webhook_delivery_about
  CHECK (num_nonnulls(connection_id, provider_app_id, budget) = 1 AND (provider IS NULL) = (budget IS NOT NULL));

CREATE OR REPLACE FUNCTION notification.add_deliveries(p_events jsonb, p_room integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE added bigint;
BEGIN
  WITH full_ones AS MATERIALIZED (
    SELECT e.id FROM notification.webhook_endpoint e
    WHERE e.org_id IN (SELECT v.org FROM jsonb_to_recordset(p_events) AS v (org text)) AND EXISTS (
      SELECT FROM notification.webhook_delivery d WHERE d.endpoint_id = e.id AND d.state = 'pending' OFFSET p_room - 1)
  )
  INSERT INTO notification.webhook_delivery
    (endpoint_id, event_id, org_id, type, occurred_at, provider, connection_id, provider_app_id, generation, reason, budget)
  SELECT e.id, v.id, e.org_id, v.type, v.at, v.provider, v.connection, v."providerApp", v.generation, v.reason, v.budget
  FROM jsonb_to_recordset(p_events) AS v (id text, org text, type text, at timestamptz, provider text, connection text,
    "providerApp" text, generation integer, reason text, budget jsonb)
  JOIN notification.webhook_endpoint e ON e.org_id = v.org AND e.enabled AND v.type = ANY (e.events)
    AND v.at >= e.told_since - interval '10 minutes'
  JOIN identity.organization o ON o.id = e.org_id AND o.shredded_at IS NULL
  WHERE NOT EXISTS (
    SELECT FROM full_ones f WHERE f.id = e.id
  )
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS added = ROW_COUNT;
  RETURN added;
END $$;
`;

const LEASING = 'execution.lease_budget(text, text, text, double precision, double precision, text)';
const RETURNING = 'execution.give_back_budget(text, text, text, text, double precision)';
const TELLING = 'execution.tell_budget(text, governance.budget, text, bigint, bigint, double precision, timestamptz, text)';

const GRANTS = `
GRANT SELECT, UPDATE (updated_at) ON governance.budget TO keyward_definer; /* UPDATE: so that it may lock a row. */
GRANT SELECT, INSERT, UPDATE, DELETE ON execution.budget_use TO keyward_definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.budget TO keyward_auth;
GRANT SELECT ON execution.budget_use TO keyward_auth;
REVOKE ALL ON FUNCTION governance.find_budgets(text), ${LEASING}, ${RETURNING}, ${TELLING} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION governance.find_budgets(text), ${LEASING}, ${RETURNING} TO keyward_executor;
${handOverFunctions(['notification'])}
`;

/** Bounds on calls and cost per period, and what of them is used over all replicas. */
export const BUDGETS = [TABLES, FIND, TELL, LEASE, GIVE_BACK, WEBHOOKS, GRANTS].join('');
