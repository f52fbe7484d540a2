import type { MigrationInterface, QueryRunner } from 'typeorm';
import { HAND_OVER_FUNCTIONS } from './backbone/roles.js';

/** For a gauge: how many access tokens are about to end, or have ended, although they could have been refreshed. Never whose. */
export class ExpiringCredentials0004 implements MigrationInterface {
  readonly name = 'ExpiringCredentials1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    for (const statements of [INDEX, FUNCTION, HAND_OVER_FUNCTIONS]) await runner.query(statements);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION vault.count_expiring(integer); DROP INDEX vault.credential_expiry');
  }
}

const INDEX = `
CREATE INDEX credential_expiry ON vault.credential (access_expires_at) WHERE sealed_refresh IS NOT NULL`;

const FUNCTION = `
CREATE FUNCTION vault.count_expiring(p_within_ms integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT count(*) FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
  WHERE k.access_expires_at <= now() + make_interval(secs => p_within_ms / 1000.0)
    AND k.sealed_refresh IS NOT NULL AND c.status = 'active'
$$;
REVOKE ALL ON FUNCTION vault.count_expiring(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.count_expiring(integer) TO keyward_refresher;`;
