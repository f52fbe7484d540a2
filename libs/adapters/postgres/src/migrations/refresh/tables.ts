export const VAULT = `
ALTER TABLE vault.credential
  /* As of its connection, where it does not change: due credentials are looked for provider by provider. */
  ADD COLUMN provider text,
  /* When the token request of this generation was begun; null: nothing was sent. With a lease that has run out it says that the answer is
     not known, and so that the refresh token may be spent. */
  ADD COLUMN sent_at timestamptz,
  /* When it is refreshed while it is in use; refresh_at is later, or null, while nobody uses the connection. */
  ADD COLUMN awake_refresh_at timestamptz,
  /* When the refresh token itself ends, unless it is used before; null: it does not, or nobody says. */
  ADD COLUMN refresh_expires_at timestamptz,
  ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();
UPDATE vault.credential k
SET provider = c.provider, awake_refresh_at = k.refresh_at,
    /* Before, an intent was all there was to know. */
    sent_at = CASE WHEN k.lease_generation = k.generation THEN coalesce(k.lease_until, k.updated_at) END
FROM vault.connection c WHERE c.id = k.connection_id;
ALTER TABLE vault.credential ALTER COLUMN provider SET NOT NULL;
/* Lease, use and sending touch no indexed column: with room in the page such an update leaves the indexes alone. */
ALTER TABLE vault.credential SET (fillfactor = 80);
DROP INDEX vault.credential_due;
CREATE INDEX credential_due ON vault.credential (provider, refresh_at) WHERE refresh_at IS NOT NULL AND renewable;

/* Since when a person is asked to authorize again. */
ALTER TABLE vault.connection ADD COLUMN reauthorization_asked_at timestamptz;
UPDATE vault.connection SET reauthorization_asked_at = updated_at WHERE status = 'needs_reauthorization';

/* A registration that its provider rejects: its connections wait and are not to blame. */
ALTER TABLE vault.provider_app
  ADD COLUMN rejected_at timestamptz,
  ADD COLUMN rejected_reason text,
  /* When one of its connections tries again. */
  ADD COLUMN rejected_retry_at timestamptz,
  /* In a row. */
  ADD COLUMN rejections integer NOT NULL DEFAULT 0,
  ADD CONSTRAINT provider_app_rejection CHECK ((rejected_at IS NULL) = (rejected_retry_at IS NULL) AND (rejected_at IS NULL) = (rejections = 0));

/* Token requests to one authorization server over all replicas, where its provider declares a rate: the theoretical arrival time of the
   generic cell rate algorithm (ITU-T I.371). No organization's; lanes are named by provider and host. */
CREATE TABLE vault.refresh_pace (
  lane text PRIMARY KEY,
  next_at timestamptz NOT NULL
);
`;
