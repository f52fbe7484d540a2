import { CLAIM_DUE } from './claim-due.js';
import { CLAIM_ONE, LOAD } from './claim-one.js';
import { ROW } from './row.js';
import { SETTLING } from './settling.js';

/**
 * Those that end within the time given, or have ended within the last hour: what sleeps has ended long ago and nobody misses it. A time
 * that may be another for each row, such as `clock_timestamp()`, would be compared with every row and not be looked up.
 */
const GAUGES = `
CREATE OR REPLACE FUNCTION vault.count_expiring(p_within_ms integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT count(*) FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id AND c.org_id = k.org_id
  WHERE k.access_expires_at BETWEEN statement_timestamp() - interval '1 hour'
      AND statement_timestamp() + make_interval(secs => p_within_ms / 1000.0)
    AND k.renewable AND c.status = 'active' AND (k.refresh_at <= k.access_expires_at OR k.failures > 0)
$$;

/* Few of many, looked for by every claim. */
CREATE INDEX provider_app_rejected ON vault.provider_app (provider, org_id) WHERE rejected_at IS NOT NULL;

/* For a gauge: how many, never whose. */
CREATE FUNCTION vault.count_rejected_apps() RETURNS TABLE (provider text, apps bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.provider, count(*) FROM vault.provider_app a WHERE a.rejected_at IS NOT NULL GROUP BY a.provider
$$;
`;

/**
 * Each step of a refresh is one function and so one round trip. They name the organization in every statement, as row-level security does
 * for tables: it does not bind them.
 */
export const FUNCTIONS = [ROW, CLAIM_DUE, CLAIM_ONE, LOAD, SETTLING, GAUGES].join('');
