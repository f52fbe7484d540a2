import { JOIN_ROW, SELECT_ROW } from './row.js';

/**
 * On demand. Looked at without a lock first, since most askers hear that there is nothing to do. What the look-up said is asked again by
 * the update, which waits for whoever changes the row; where it says otherwise by then, it is looked up once more.
 */
export const CLAIM_ONE = `
CREATE FUNCTION vault.claim_refresh(
  p_org text, p_connection text, p_newer_than integer, p_owner text, p_lease_ms integer,
  OUT outcome text, OUT status text, OUT generation integer, OUT wait_ms double precision, OUT app_rejected boolean, OUT credential vault.refreshable
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
/* Of a process that stopped in the middle of a change: those who ask meanwhile must not take every connection that there is. */
SET lock_timeout = '2s' AS $$
DECLARE
  v_now timestamptz;
  v_lease interval := make_interval(secs => p_lease_ms / 1000.0);
  v_renewable boolean;
  v_lease_until timestamptz;
  v_refresh_at timestamptz;
  v_retry_at timestamptz;
  v_app text;
  v_app_retry_at timestamptz;
BEGIN
  FOR attempt IN 1..3 LOOP
    v_now := clock_timestamp();
    SELECT c.status, k.generation, k.renewable, k.lease_until, k.refresh_at, CASE WHEN k.failures > 0 THEN k.refresh_at END,
      a.id, a.rejected_retry_at
    INTO status, generation, v_renewable, v_lease_until, v_refresh_at, v_retry_at, v_app, v_app_retry_at
    FROM vault.credential k ${JOIN_ROW}
    WHERE k.org_id = p_org AND k.connection_id = p_connection;

    outcome := CASE
      WHEN status IS DISTINCT FROM 'active' THEN 'unavailable'
      WHEN generation > p_newer_than THEN 'newer'
      WHEN NOT v_renewable THEN 'unavailable'
      WHEN v_lease_until > v_now THEN 'busy'
      WHEN greatest(v_retry_at, v_app_retry_at) > v_now THEN 'backing_off'
    END;
    app_rejected := coalesce(v_app_retry_at > v_now, false);
    wait_ms := extract(epoch FROM CASE outcome WHEN 'busy' THEN v_lease_until WHEN 'backing_off' THEN greatest(v_retry_at, v_app_retry_at) END
      - v_now) * 1000;
    EXIT WHEN outcome IS NOT NULL;

    IF v_app_retry_at IS NOT NULL THEN /* One tries again; whoever asks meanwhile waits for what becomes of it. */
      UPDATE vault.provider_app a SET rejected_retry_at = v_now + v_lease
      WHERE a.org_id = p_org AND a.id = v_app AND a.rejected_retry_at = v_app_retry_at;
      CONTINUE WHEN NOT FOUND;
    END IF;
    UPDATE vault.credential k
    SET lease_owner = p_owner, lease_until = clock_timestamp() + v_lease, lease_generation = k.generation, last_used_at = clock_timestamp()
    WHERE k.org_id = p_org AND k.connection_id = p_connection AND k.generation = claim_refresh.generation AND k.renewable
      AND k.lease_until IS NOT DISTINCT FROM v_lease_until AND k.refresh_at IS NOT DISTINCT FROM v_refresh_at;
    IF FOUND THEN
      outcome := 'claimed';
      ${SELECT_ROW} INTO credential FROM vault.credential k ${JOIN_ROW} WHERE k.org_id = p_org AND k.connection_id = p_connection;
      RETURN;
    END IF;
  END LOOP;
  /* Others were quicker every time. */
  IF outcome IS NULL THEN
    outcome := 'busy';
    wait_ms := 0;
  END IF;
END $$;
`;

export const LOAD = `
CREATE FUNCTION vault.load_refreshable(p_org text, p_connection text) RETURNS SETOF vault.refreshable
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  ${SELECT_ROW} FROM vault.credential k ${JOIN_ROW} WHERE k.org_id = p_org AND k.connection_id = p_connection
$$;
`;
