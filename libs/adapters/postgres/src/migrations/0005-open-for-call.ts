import type { MigrationInterface, QueryRunner } from 'typeorm';
import { HAND_OVER_FUNCTIONS } from './backbone/roles.js';

/**
 * open_for_call answers one row instead of a set of one, and looks in one query: it is part of every tool call, and the set alone cost
 * as much as an index look-up. What it answers is the same.
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

/** Each way to find the connection is a query of its own, so that each has a plan of its own. */
function answer(connection: string): string {
  return `
    SELECT a.permission, a.tools, c.id, c.status, c.status_reason, c.scopes, k.generation,
           CASE WHEN c.status = 'active' THEN k.sealed_access END, k.access_expires_at, k.sealed_refresh IS NOT NULL
    INTO permission, tools, connection_id, status, status_reason, scopes, generation, sealed_access, access_expires_at, refreshable
    FROM (SELECT 1) one
    LEFT JOIN governance.assignment a ON a.org_id = p_org AND a.agent_id = p_agent AND a.connector = p_connector
    LEFT JOIN vault.connection c
      ON c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider AND ${connection}
    LEFT JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id;`;
}

const OPEN_FOR_CALL = `
CREATE FUNCTION vault.open_for_call(
  p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text,
  OUT permission text, OUT tools text[], OUT connection_id text, OUT status text, OUT status_reason text, OUT scopes text[],
  OUT generation integer, OUT sealed_access bytea, OUT access_expires_at timestamptz, OUT refreshable boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  IF p_connection IS NULL THEN /* By alias there is one live connection at most. */
    ${answer(`c.alias = p_alias AND c.status <> 'revoked'`)}
  ELSE /* Named by id, a disconnected one is found too, so that its end can be told. */
    ${answer('c.id = p_connection')}
  END IF;
END $$`;
