const FUNCTIONS = [
  'vault.claim_due(text, integer, integer, text[], integer[])',
  'vault.claim_refresh(text, text, integer, text, integer)',
  'vault.load_refreshable(text, text)',
  'vault.begin_refresh(text, text, text, integer, double precision)',
  `vault.commit_refresh(text, text, integer, bytea, bytea, boolean, double precision, double precision, double precision, double precision,
    text[], jsonb, integer, text[], text[], text[], bytea[])`,
  'vault.release_refresh(text, text, text, integer, double precision, boolean, boolean, text[], text[], text[], bytea[])',
  'vault.give_up_refresh(text, text, integer, text, text[], text[], text[], bytea[])',
  'vault.reject_app(text, text, integer, integer, text, double precision, text[], text[], text[], bytea[])',
  'vault.accept_app(text, text, text[], text[], text[], bytea[])',
  'vault.take_refresh_turns(text, integer, integer)',
  'vault.count_rejected_apps()',
].join(', ');

/** The refresher goes through its functions, and has no right on the tables any more that they change. */
export const GRANTS = `
GRANT SELECT ON vault.connection_authorization TO keyward_definer;
GRANT UPDATE (status, status_reason, scopes, parameters, reauthorization_asked_at, updated_at) ON vault.connection TO keyward_definer;
GRANT UPDATE (rejected_at, rejected_reason, rejected_retry_at, rejections) ON vault.provider_app TO keyward_definer;
GRANT SELECT, INSERT, UPDATE ON vault.refresh_pace TO keyward_definer;
GRANT USAGE ON SCHEMA bus TO keyward_definer;
GRANT INSERT ON bus.outbox TO keyward_definer;
GRANT USAGE ON SEQUENCE bus.outbox_seq_seq TO keyward_definer;

REVOKE SELECT, UPDATE ON vault.credential FROM keyward_refresher;
REVOKE SELECT ON vault.connection, vault.provider_app, vault.connection_authorization FROM keyward_refresher;
REVOKE UPDATE (status, status_reason, scopes, parameters, updated_at) ON vault.connection FROM keyward_refresher;

REVOKE ALL ON FUNCTION ${FUNCTIONS} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ${FUNCTIONS} TO keyward_refresher;
`;
