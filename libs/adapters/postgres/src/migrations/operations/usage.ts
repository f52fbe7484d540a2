import { isolatedByOrg } from '../isolated-by-org.js';

/**
 * What was used, by day: rolled up as events are stored, in their transaction. Empty text where an event does not say, as what is part of a
 * primary key can not be null. Rows stay when the events they were made of are dropped.
 */
export const USAGE = `
CREATE TABLE audit.usage_rollup (
  org_id text NOT NULL,
  /* UTC, of when the calls ended. */
  day date NOT NULL,
  agent_id text NOT NULL,
  user_id text NOT NULL,
  connector text NOT NULL,
  tool text NOT NULL,
  state text NOT NULL,
  calls bigint NOT NULL,
  attempts bigint NOT NULL,
  duration_ms bigint NOT NULL,
  /* Millionths of the deployment's currency. */
  cost_micros bigint NOT NULL,
  PRIMARY KEY (org_id, day, agent_id, user_id, connector, tool, state)
) WITH (fillfactor = 70);
${isolatedByOrg('audit.usage_rollup')}
CREATE POLICY every_org ON audit.usage_rollup TO keyward_audit USING (current_setting('keyward.org', true) = '*');
GRANT SELECT, INSERT, UPDATE ON audit.usage_rollup TO keyward_audit;
`;
