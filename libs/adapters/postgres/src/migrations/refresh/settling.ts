/** Messages of the change, in their order, without waking the relays. */
const TELL = `
  IF cardinality(p_ids) > 0 THEN
    PERFORM set_config('keyward.outbox_bell', 'off', true);
    INSERT INTO bus.outbox (id, subject, headers, payload)
    SELECT m.id, m.subject, m.headers::jsonb, m.payload
    FROM unnest(p_ids, p_subjects, p_headers, p_payloads) WITH ORDINALITY AS m (id, subject, headers, payload, place) ORDER BY m.place;
    PERFORM set_config('keyward.outbox_bell', 'on', true);
  END IF;`;
const MESSAGES = 'p_ids text[], p_subjects text[], p_headers text[], p_payloads bytea[]';
const FROM_NOW = (ms: string) => `clock_timestamp() + make_interval(secs => ${ms} / 1000.0)`;
const DEFINER = 'LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog';

/* Transactions that notify wait for each other to be on disk. Whoever calls the functions that say so wakes its own relay. */
const BELL = `
CREATE OR REPLACE FUNCTION bus.notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('keyward.outbox_bell', true) IS DISTINCT FROM 'off' THEN PERFORM pg_notify('keyward_outbox', ''); END IF;
  RETURN NULL;
END $$;
`;

/* A lease that lasts is the right to send; the first time that it was used stays on record until the answer is. */
const BEGIN_REFRESH = `
CREATE FUNCTION vault.begin_refresh(p_org text, p_connection text, p_owner text, p_generation integer, p_need_ms double precision)
RETURNS boolean ${DEFINER} AS $$
BEGIN
  UPDATE vault.credential k SET sent_at = coalesce(k.sent_at, clock_timestamp())
  WHERE k.org_id = p_org AND k.connection_id = p_connection AND k.lease_owner = p_owner AND k.lease_generation = p_generation
    AND k.generation = p_generation AND k.lease_until >= ${FROM_NOW('p_need_ms')}
    AND EXISTS (SELECT FROM vault.connection c WHERE c.id = k.connection_id AND c.org_id = p_org AND c.status = 'active');
  RETURN FOUND;
END $$;
`;

/**
 * The connection is locked before the credential, as everywhere: two transactions that hold one each would wait for ever. Each statement
 * sees what was committed while the one before it waited.
 */
const COMMIT_REFRESH = `
CREATE FUNCTION vault.commit_refresh(
  p_org text, p_connection text, p_generation integer, p_sealed_access bytea, p_sealed_refresh bytea, p_renewable boolean,
  p_access_expires_in_ms double precision, p_refresh_in_ms double precision, p_awake_refresh_in_ms double precision,
  p_refresh_expires_in_ms double precision, p_scopes text[], p_parameters jsonb, p_failures integer, ${MESSAGES}
) RETURNS boolean ${DEFINER} AS $$
DECLARE
  v_status text;
  v_scopes text[];
  v_parameters jsonb;
BEGIN
  SELECT c.status, c.scopes, c.parameters INTO v_status, v_scopes, v_parameters FROM vault.connection c
  WHERE c.org_id = p_org AND c.id = p_connection AND c.status IN ('active', 'needs_reauthorization') FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;

  UPDATE vault.credential k
  SET generation = k.generation + 1, sealed_access = p_sealed_access, sealed_refresh = p_sealed_refresh, renewable = p_renewable,
      access_expires_at = ${FROM_NOW('p_access_expires_in_ms')}, refresh_at = ${FROM_NOW('p_refresh_in_ms')},
      awake_refresh_at = ${FROM_NOW('p_awake_refresh_in_ms')}, refresh_expires_at = ${FROM_NOW('p_refresh_expires_in_ms')},
      obtained_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL, lease_generation = NULL, sent_at = NULL,
      failures = p_failures, updated_at = clock_timestamp()
  WHERE k.org_id = p_org AND k.connection_id = p_connection AND k.generation = p_generation;
  IF NOT FOUND THEN RETURN false; END IF;

  IF v_status <> 'active' OR v_scopes IS DISTINCT FROM coalesce(p_scopes, v_scopes) OR NOT v_parameters @> p_parameters THEN
    UPDATE vault.connection c
    SET status = 'active', status_reason = NULL, reauthorization_asked_at = NULL, scopes = coalesce(p_scopes, v_scopes),
        parameters = v_parameters || p_parameters, updated_at = clock_timestamp()
    WHERE c.org_id = p_org AND c.id = p_connection;
  END IF;
  ${TELL}
  RETURN true;
END $$;
`;

const RELEASE_REFRESH = `
CREATE FUNCTION vault.release_refresh(
  p_org text, p_connection text, p_owner text, p_generation integer, p_retry_in_ms double precision, p_maybe_redeemed boolean,
  p_counts boolean, ${MESSAGES}
) RETURNS boolean ${DEFINER} AS $$
BEGIN
  UPDATE vault.credential k
  SET lease_owner = NULL, lease_until = NULL, lease_generation = NULL, sent_at = CASE WHEN p_maybe_redeemed THEN k.sent_at END,
      failures = k.failures + CASE WHEN p_counts THEN 1 ELSE 0 END, refresh_at = ${FROM_NOW('p_retry_in_ms')}, updated_at = clock_timestamp()
  WHERE k.org_id = p_org AND k.connection_id = p_connection AND k.lease_owner = p_owner AND k.lease_generation = p_generation
    AND k.generation = p_generation;
  IF NOT FOUND THEN RETURN false; END IF;
  ${TELL}
  RETURN true;
END $$;
`;

const GIVE_UP_REFRESH = `
CREATE FUNCTION vault.give_up_refresh(p_org text, p_connection text, p_generation integer, p_reason text, ${MESSAGES})
RETURNS boolean ${DEFINER} AS $$
BEGIN
  PERFORM FROM vault.connection c WHERE c.org_id = p_org AND c.id = p_connection AND c.status = 'active' FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;

  UPDATE vault.credential k
  SET refresh_at = NULL, lease_owner = NULL, lease_until = NULL, lease_generation = NULL, updated_at = clock_timestamp()
  WHERE k.org_id = p_org AND k.connection_id = p_connection AND k.generation = p_generation;
  IF NOT FOUND THEN RETURN false; END IF;

  UPDATE vault.connection c
  SET status = 'needs_reauthorization', status_reason = p_reason, reauthorization_asked_at = clock_timestamp(), updated_at = clock_timestamp()
  WHERE c.org_id = p_org AND c.id = p_connection;
  ${TELL}
  RETURN true;
END $$;
`;

/* Requests that were on their way when the first was rejected say nothing new: only who knew of all rejections before counts one more. */
const REJECT_APP = `
CREATE FUNCTION vault.reject_app(
  p_org text, p_app text, p_generation integer, p_rejections integer, p_reason text, p_retry_in_ms double precision, ${MESSAGES}
) RETURNS boolean ${DEFINER} AS $$
DECLARE v_rejections integer;
BEGIN
  UPDATE vault.provider_app a
  SET rejected_at = coalesce(a.rejected_at, clock_timestamp()), rejected_reason = p_reason,
      rejected_retry_at = ${FROM_NOW('p_retry_in_ms')}, rejections = a.rejections + 1
  WHERE a.org_id = p_org AND a.id = p_app AND a.generation = p_generation AND a.rejections <= p_rejections
  RETURNING a.rejections INTO v_rejections;
  IF v_rejections IS DISTINCT FROM 1 THEN RETURN false; END IF;
  ${TELL}
  RETURN true;
END $$;
`;

/**
 * Those that wait are told from those that sleep: they would have been refreshed by now, and are put off no further than the registration.
 * Who holds one meanwhile is refreshing it.
 */
const ACCEPT_APP = `
CREATE FUNCTION vault.accept_app(p_org text, p_app text, ${MESSAGES}) RETURNS boolean ${DEFINER} AS $$
DECLARE v_retry_at timestamptz;
BEGIN
  SELECT a.rejected_retry_at INTO v_retry_at FROM vault.provider_app a
  WHERE a.org_id = p_org AND a.id = p_app AND a.rejected_at IS NOT NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE vault.provider_app a SET rejected_at = NULL, rejected_reason = NULL, rejected_retry_at = NULL, rejections = 0
  WHERE a.org_id = p_org AND a.id = p_app;

  WITH waiting AS MATERIALIZED (
    SELECT k.connection_id FROM vault.connection c JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id
    WHERE c.org_id = p_org AND c.provider_app_id = p_app AND c.status = 'active' AND k.awake_refresh_at <= clock_timestamp()
      AND k.refresh_at BETWEEN clock_timestamp() AND v_retry_at + interval '2 minutes'
    FOR UPDATE OF k SKIP LOCKED
  )
  UPDATE vault.credential k SET refresh_at = clock_timestamp() + random() * interval '1 minute', failures = 0
  FROM waiting WHERE k.connection_id = waiting.connection_id;
  ${TELL}
  RETURN true;
END $$;
`;

/**
 * The generic cell rate algorithm, with as many requests at once as fall to a second. Whoever waits for the row reckons from when it
 * got it.
 */
const TAKE_TURNS = `
CREATE FUNCTION vault.take_refresh_turns(
  p_lane text, p_per_minute integer, p_wanted integer, OUT granted integer, OUT wait_ms double precision
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_now timestamptz;
  v_next_at timestamptz;
  v_each interval := interval '1 minute' / p_per_minute;
  v_burst integer := greatest(1, p_per_minute / 60);
BEGIN
  INSERT INTO vault.refresh_pace (lane, next_at) VALUES (p_lane, clock_timestamp()) ON CONFLICT (lane) DO NOTHING;
  SELECT p.next_at INTO v_next_at FROM vault.refresh_pace p WHERE p.lane = p_lane FOR UPDATE;
  v_now := clock_timestamp();
  v_next_at := greatest(v_next_at, v_now);
  granted := greatest(0, least(p_wanted, floor(extract(epoch FROM v_now + v_burst * v_each - v_next_at) / extract(epoch FROM v_each))::integer));
  v_next_at := v_next_at + granted * v_each;
  IF granted > 0 THEN UPDATE vault.refresh_pace p SET next_at = v_next_at WHERE p.lane = p_lane; END IF;
  wait_ms := CASE WHEN granted < p_wanted
    THEN greatest(0, ceil(extract(epoch FROM v_next_at + v_each - (v_now + v_burst * v_each)) * 1000)) ELSE 0 END;
END $$;
`;

export const SETTLING = [
  BELL,
  BEGIN_REFRESH,
  COMMIT_REFRESH,
  RELEASE_REFRESH,
  GIVE_UP_REFRESH,
  REJECT_APP,
  ACCEPT_APP,
  TAKE_TURNS,
].join('');
