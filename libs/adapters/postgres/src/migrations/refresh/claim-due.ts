import { JOIN_ROW, SELECT_ROW } from './row.js';

/** So many rows at least are looked at of a provider: of one that takes a single request now, they tell whose turn it is. */
const SMALLEST_WINDOW = 4;
/** How many rows behind the windows are looked through for other organizations, where one or a few fill them. */
const LOOK_PAST = 6144;
/** Where nobody else's was found, that is not looked for again so soon: one organization alone may have a backlog for minutes. */
const LOOK_AGAIN = `interval '500 ms'`;
/** Each asks for four times as much as the one before, so this is no limit to what a claim finds but to how long it may look. */
const PASSES = 5;

const DUE = 'k.refresh_at IS NOT NULL AND k.renewable AND k.refresh_at <= v_now';
const FREE = '(k.lease_until IS NULL OR k.lease_until <= v_now)';
const KEY = 'k.connection_id, k.org_id, k.provider, k.refresh_at, k.generation';
/** What was read without a lock is still so: whoever was quicker has changed one of them. */
const STILL_DUE = `k.generation = j.generation AND k.refresh_at = j.refresh_at AND ${FREE}`;
const WINDOW = 'least(v_window, greatest(p.room, v_smallest))';

/** From one provider of the index to the next, each with the time at which its first credential is due: the index is never walked. */
const FIND_PROVIDERS = `
  WITH RECURSIVE head AS (
    (SELECT k.provider, k.refresh_at FROM vault.credential k WHERE k.refresh_at IS NOT NULL AND k.renewable
     ORDER BY k.provider, k.refresh_at LIMIT 1)
    UNION ALL
    SELECT next.provider, next.refresh_at FROM head CROSS JOIN LATERAL (
      SELECT k.provider, k.refresh_at FROM vault.credential k
      WHERE k.provider > head.provider AND k.refresh_at IS NOT NULL AND k.renewable ORDER BY k.provider, k.refresh_at LIMIT 1
    ) next
  )
  SELECT array_agg(head.provider), array_agg(coalesce(r.room, p_limit)) INTO v_providers, v_rooms
  FROM head LEFT JOIN unnest(p_providers, p_rooms) AS r (provider, room) ON r.provider = head.provider
  WHERE head.refresh_at <= v_now AND coalesce(r.room, p_limit) > 0`;

/* Of each provider its next due rows, however many there are. Where few organizations fill most of that, also the next rows of others. */
const LOOK = `
    near AS MATERIALIZED (
      SELECT k.*, p.room, ${WINDOW} AS width
      FROM unnest(v_providers, v_rooms) AS p (provider, room)
      CROSS JOIN LATERAL (
        SELECT ${KEY} FROM vault.credential k WHERE k.provider = p.provider AND ${DUE} AND ${FREE} ORDER BY k.refresh_at LIMIT ${WINDOW}
      ) k
    ), filled AS (
      SELECT n.provider, n.room, n.width, max(n.refresh_at) AS until FROM near n
      GROUP BY n.provider, n.room, n.width HAVING count(*) = n.width
    ), crowded AS (
      SELECT f.provider, f.room, f.width, f.until, array_agg(o.org_id) AS orgs
      FROM filled f JOIN (SELECT n.provider, n.org_id FROM near n GROUP BY n.provider, n.org_id, n.width HAVING count(*) * 4 > n.width) o
        ON o.provider = f.provider
      WHERE v_look_past
      GROUP BY f.provider, f.room, f.width, f.until
    ), past AS MATERIALIZED (
      SELECT k.connection_id, k.org_id, k.provider, k.refresh_at, k.generation, w.room, w.width
      FROM crowded w CROSS JOIN LATERAL (
        SELECT ${KEY} FROM (
          SELECT ${KEY}, k.lease_until FROM vault.credential k WHERE k.provider = w.provider AND k.refresh_at >= w.until AND ${DUE}
          ORDER BY k.refresh_at LIMIT (SELECT ${LOOK_PAST} / count(*) FROM crowded)
        ) k WHERE k.org_id <> ALL (w.orgs) AND ${FREE} LIMIT w.width
      ) k
    ), found AS (
      SELECT * FROM near UNION SELECT * FROM past
    )`;

/* A registration that is rejected is tried again with one of its connections, and the others wait. There is one of a provider at most. */
const SPARE = `
    rejected AS MATERIALIZED (
      SELECT a.id, a.org_id, a.provider, a.rejected_retry_at AS retry_at FROM vault.provider_app a WHERE a.rejected_at IS NOT NULL
    ), spared AS MATERIALIZED (
      SELECT f.*, r.id AS app_id, r.retry_at,
        r.retry_at <= v_now AND row_number() OVER (PARTITION BY r.id ORDER BY f.refresh_at, f.connection_id) = 1 AS canary
      FROM found f LEFT JOIN rejected r ON r.org_id = f.org_id AND r.provider = f.provider
        AND EXISTS (SELECT FROM vault.connection c WHERE c.id = f.connection_id AND c.org_id = f.org_id AND c.provider_app_id = r.id)
    )`;

/* The first of each provider, then the second of each; of a provider, the first of each organization, then the second of each. Which
   organization is first is chance, or where one request is made at a time it would be the one with the oldest backlog every time. Later
   passes look at more than is wanted, since they are made where much of it is not active. */
const PICK = `
    picked AS MATERIALIZED (
      SELECT j.*, c.status = 'active' AS active
      FROM (
        SELECT * FROM (
          SELECT j.*, row_number() OVER (PARTITION BY j.provider ORDER BY j.of_org, hashtextextended(j.org_id, v_salt)) AS place
          FROM (
            SELECT j.*, row_number() OVER (PARTITION BY j.provider, j.org_id ORDER BY j.refresh_at, j.connection_id) AS of_org
            FROM spared j WHERE j.app_id IS NULL OR j.canary
          ) j
        ) j WHERE j.place <= greatest(j.room, v_smallest)
        ORDER BY j.place, j.refresh_at, j.connection_id LIMIT greatest(p_limit - cardinality(v_claimed), v_window)
      ) j JOIN vault.connection c ON c.id = j.connection_id AND c.org_id = j.org_id
    )`;

/* Nothing here waits for a lock, so nothing waits in a circle. What is not active is due again once it is authorized again. */
const TAKE = `
    tried AS MATERIALIZED (
      SELECT a.id FROM vault.provider_app a WHERE a.id IN (SELECT j.app_id FROM picked j WHERE j.canary AND j.active) AND a.rejected_retry_at <= v_now
      FOR NO KEY UPDATE SKIP LOCKED
    ), locked AS MATERIALIZED (
      SELECT k.connection_id, j.provider, j.app_id, j.turn, j.refresh_at
      FROM (
        SELECT * FROM (SELECT j.*, row_number() OVER (PARTITION BY j.provider ORDER BY j.place) AS turn FROM picked j WHERE j.active) j
        WHERE j.turn <= j.room ORDER BY j.turn, j.refresh_at, j.connection_id LIMIT p_limit - cardinality(v_claimed)
      ) j JOIN vault.credential k ON k.connection_id = j.connection_id
      WHERE ${STILL_DUE} AND (j.app_id IS NULL OR j.app_id IN (SELECT tried.id FROM tried))
      FOR UPDATE OF k SKIP LOCKED
    ), leased AS (
      UPDATE vault.credential k SET lease_owner = p_owner, lease_until = v_now + v_lease, lease_generation = k.generation
      FROM locked WHERE k.connection_id = locked.connection_id
    ), put_off AS (
      UPDATE vault.provider_app a SET rejected_retry_at = v_now + v_lease FROM locked WHERE a.id = locked.app_id
    ), held AS MATERIALIZED (
      SELECT k.connection_id, j.until FROM (
        SELECT j.connection_id, j.refresh_at, j.generation, greatest(j.retry_at, v_now + v_lease) + random() * interval '1 minute' AS until
        FROM spared j WHERE j.app_id IS NOT NULL AND NOT j.canary
        UNION ALL
        SELECT j.connection_id, j.refresh_at, j.generation, NULL FROM picked j WHERE NOT j.active
      ) j JOIN vault.credential k ON k.connection_id = j.connection_id
      WHERE ${STILL_DUE}
      FOR UPDATE OF k SKIP LOCKED
    ), waiting AS (
      UPDATE vault.credential k SET refresh_at = held.until FROM held WHERE k.connection_id = held.connection_id
    )`;

/* Another pass where there was more than was looked at, or where what was looked at had to wait. */
const TELL = `
    SELECT v_claimed || coalesce((SELECT array_agg(l.connection_id ORDER BY l.turn, l.refresh_at, l.connection_id) FROM locked l), '{}'),
      array_agg(f.provider), array_agg(f.room - coalesce(l.taken, 0)), EXISTS (SELECT FROM crowded) AND NOT EXISTS (SELECT FROM past)
    INTO v_claimed, v_providers, v_rooms, v_in_vain
    FROM (SELECT DISTINCT found.provider, found.room FROM found) f
    LEFT JOIN (SELECT locked.provider, count(*)::integer AS taken FROM locked GROUP BY locked.provider) l ON l.provider = f.provider
    WHERE f.room > coalesce(l.taken, 0) AND (EXISTS (SELECT FROM filled) OR EXISTS (SELECT FROM held))`;

/**
 * Claims take turns, or two replicas would look at the same rows and one of them go away with nothing. Each takes milliseconds. One that
 * takes longer, since its process stopped before it had read all it claimed, is not waited for: then the locks of the rows decide.
 */
export const CLAIM_DUE = `
INSERT INTO vault.refresh_pace (lane, next_at) VALUES ('claim_due', now());
DROP FUNCTION vault.claim_due(text, integer, integer);
CREATE FUNCTION vault.claim_due(p_owner text, p_lease_ms integer, p_limit integer, p_providers text[], p_rooms integer[])
RETURNS SETOF vault.refreshable
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
/* Made anew for each claim, the plan would be the same and take longer than the claim. */
SET plan_cache_mode = force_generic_plan SET lock_timeout = '250ms' AS $$
DECLARE
  v_now timestamptz;
  v_lease interval := make_interval(secs => p_lease_ms / 1000.0);
  v_providers text[];
  v_rooms integer[];
  v_claimed text[] := '{}';
  v_window integer;
  v_smallest integer := ${SMALLEST_WINDOW};
  v_salt bigint := random() * 1e15;
  v_look_past boolean;
  v_in_vain boolean;
BEGIN
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault.claim_due', 0));
  EXCEPTION WHEN lock_not_available THEN NULL;
  END;
  v_now := clock_timestamp();
  ${FIND_PROVIDERS};
  v_window := greatest(v_smallest, 2 * p_limit / cardinality(v_providers));
  v_look_past := NOT EXISTS (SELECT FROM vault.refresh_pace p WHERE p.lane = 'claim_due' AND p.next_at > v_now);
  FOR pass IN 1..${PASSES} LOOP
    EXIT WHEN v_providers IS NULL OR cardinality(v_claimed) >= p_limit;
    WITH ${LOOK}, ${SPARE}, ${PICK}, ${TAKE}
    ${TELL};
    v_window := v_window * 4;
    v_smallest := v_smallest * 4;
    IF v_in_vain THEN
      v_look_past := false;
      UPDATE vault.refresh_pace p SET next_at = v_now + ${LOOK_AGAIN}
      WHERE p.lane IN (SELECT q.lane FROM vault.refresh_pace q WHERE q.lane = 'claim_due' FOR UPDATE SKIP LOCKED);
    END IF;
  END LOOP;
  RETURN QUERY ${SELECT_ROW}
    FROM unnest(v_claimed) WITH ORDINALITY AS claimed (id, place) JOIN vault.credential k ON k.connection_id = claimed.id ${JOIN_ROW}
    ORDER BY claimed.place;
END $$;
`;
