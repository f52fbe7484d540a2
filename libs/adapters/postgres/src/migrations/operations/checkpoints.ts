import { isolatedByOrg } from '../isolated-by-org.js';

/**
 * Signed statements of how far an organization's chain has come: final like the events they speak of, but for when they were anchored.
 *
 * A head that has moved since its last statement says since when, whichever version of the service moved it. The index is written when
 * that begins and when it ends, not with each event.
 */
export const CHECKPOINTS = `
CREATE TABLE audit.checkpoint (
  org_id text NOT NULL,
  /* Of the last event that it speaks of. */
  seq bigint NOT NULL CHECK (seq > 0),
  id text NOT NULL UNIQUE,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  at timestamptz NOT NULL,
  kid text NOT NULL,
  jws text NOT NULL CHECK (length(jws) <= 4096),
  /* When a copy was put where it can't be taken back; null where there is none (yet). */
  anchored_at timestamptz,
  PRIMARY KEY (org_id, seq)
);
CREATE INDEX checkpoint_by_id ON audit.checkpoint (org_id, id DESC);
CREATE INDEX checkpoint_to_anchor ON audit.checkpoint (id) WHERE anchored_at IS NULL;
${isolatedByOrg('audit.checkpoint')}
CREATE POLICY every_org ON audit.checkpoint TO keyward_audit USING (current_setting('keyward.org', true) = '*');

CREATE FUNCTION audit.refuse_checkpoint_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.anchored_at IS NULL AND to_jsonb(NEW) - 'anchored_at' = to_jsonb(OLD) - 'anchored_at' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'checkpoints are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER checkpoint_is_final BEFORE UPDATE OR DELETE ON audit.checkpoint
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_checkpoint_change();
CREATE TRIGGER checkpoint_is_kept BEFORE TRUNCATE ON audit.checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_checkpoint_change();
GRANT SELECT, INSERT, UPDATE (anchored_at) ON audit.checkpoint TO keyward_audit;

/* What was chained before there were checkpoints waits for its first one from now on. */
ALTER TABLE audit.chain_head ADD COLUMN unsigned_since timestamptz DEFAULT now();
ALTER TABLE audit.chain_head ALTER COLUMN unsigned_since DROP DEFAULT;
CREATE INDEX chain_head_unsigned ON audit.chain_head (org_id, unsigned_since) WHERE unsigned_since IS NOT NULL;
CREATE FUNCTION audit.note_unsigned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.unsigned_since := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER head_moved BEFORE UPDATE ON audit.chain_head
  FOR EACH ROW WHEN (NEW.seq <> OLD.seq AND NEW.unsigned_since IS NULL) EXECUTE FUNCTION audit.note_unsigned();
REVOKE ALL ON FUNCTION audit.refuse_checkpoint_change(), audit.note_unsigned() FROM PUBLIC;
`;
