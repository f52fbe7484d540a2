import type { MigrationInterface, QueryRunner } from 'typeorm';
import { HAND_OVER_FUNCTIONS } from './backbone/roles.js';

/**
 * open_for_call for less, as it is part of every tool call: one row instead of a set of one, and three look-ups by key instead of a join,
 * which takes longer to set up than to run. STABLE, so all three see the same snapshot. What it answers is the same.
 */
export class OpenForCall0005 implements MigrationInterface {
  readonly name = 'OpenForCall1700000000005';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [DROP, OPEN_FOR_CALL, GRANTS, HAND_OVER_FUNCTIONS]) await runner.query(statement);
  }

  /** Nothing: arguments, columns and answers are those of the function before, so earlier code works with this one. */
  async down(): Promise<void> {}
}

const SIGNATURE = 'vault.open_for_call(text, text, text, text, text, text, text)';
const DROP = `DROP FUNCTION ${SIGNATURE}`;
const GRANTS = `
REVOKE ALL ON FUNCTION ${SIGNATURE} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ${SIGNATURE} TO keyward_executor`;

const FIND_CONNECTION = `
    SELECT c.id, c.status, c.status_reason, c.scopes INTO connection_id, status, status_reason, scopes
    FROM vault.connection c
    WHERE c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider`;

const OPEN_FOR_CALL = `
CREATE FUNCTION vault.open_for_call(
  p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text,
  OUT permission text, OUT tools text[], OUT connection_id text, OUT status text, OUT status_reason text, OUT scopes text[],
  OUT generation integer, OUT sealed_access bytea, OUT access_expires_at timestamptz, OUT refreshable boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  SELECT a.permission, a.tools INTO permission, tools
  FROM governance.assignment a WHERE a.org_id = p_org AND a.agent_id = p_agent AND a.connector = p_connector;

  IF p_connection IS NULL THEN /* By alias there is one live connection at most. */
    ${FIND_CONNECTION} AND c.alias = p_alias AND c.status <> 'revoked';
  ELSE /* Named by id, a disconnected one is found too, so that its end can be told. */
    ${FIND_CONNECTION} AND c.id = p_connection;
  END IF;

  SELECT k.generation, CASE WHEN open_for_call.status = 'active' THEN k.sealed_access END, k.access_expires_at, k.sealed_refresh IS NOT NULL
  INTO generation, sealed_access, access_expires_at, refreshable
  FROM vault.credential k WHERE k.connection_id = open_for_call.connection_id AND k.org_id = p_org;
  refreshable := coalesce(refreshable, false);
END $$`;
