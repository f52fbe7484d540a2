import { isolatedByOrg } from '../isolated-by-org.js';

/**
 * How far the trail has been forwarded to each destination. A destination that is no longer configured keeps its rows: configured again, it
 * goes on where it was.
 */
export const FORWARDING = `
CREATE TABLE audit.forward_destination (
  name text PRIMARY KEY,
  /* In a row, without anything taken in between. Here and not in a process, so that replicas wait together. */
  failures integer NOT NULL DEFAULT 0,
  retry_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE audit.forward_position (
  destination text NOT NULL REFERENCES audit.forward_destination (name),
  org_id text NOT NULL,
  /* Of the last event that the destination has; 0: none. */
  seq bigint NOT NULL CHECK (seq >= 0),
  /* Of this organization's next event alone, which the destination does not take; others go on. */
  failures integer NOT NULL DEFAULT 0,
  retry_at timestamptz,
  moved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (destination, org_id)
) WITH (fillfactor = 70);
${isolatedByOrg('audit.forward_position')}
CREATE POLICY every_org ON audit.forward_position TO keyward_audit USING (current_setting('keyward.org', true) = '*');
GRANT SELECT, INSERT, UPDATE ON audit.forward_destination, audit.forward_position TO keyward_audit;
`;
