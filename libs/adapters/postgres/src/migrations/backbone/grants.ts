/**
 * Least privilege, one role per service. What is not named here is refused, and `rights.spec.ts` holds the whole matrix.
 *
 * The gateway reads metadata and no sealed byte. The executor has no right on any table of the vault, only its functions. The
 * refresher changes credentials and a connection's status, and makes neither. audit-service appends.
 */
export const GRANTS = `
GRANT USAGE ON SCHEMA identity, governance, vault, connect TO keyward_definer, keyward_auth;
GRANT USAGE ON SCHEMA identity, governance, vault TO keyward_gateway;
GRANT USAGE ON SCHEMA vault, bus TO keyward_refresher;
GRANT USAGE ON SCHEMA bus TO keyward_auth;
GRANT USAGE ON SCHEMA vault, execution TO keyward_executor;
GRANT USAGE ON SCHEMA audit TO keyward_audit;

GRANT SELECT ON identity.agent_key, governance.assignment, vault.data_key, vault.connection, connect.connect_session,
  connect.authorization_transaction TO keyward_definer;
GRANT SELECT, UPDATE ON vault.credential, vault.provider_revocation TO keyward_definer;
GRANT DELETE ON connect.connect_session, connect.authorization_transaction TO keyward_definer;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA identity, vault, connect, audit, bus FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_agent_key(text) TO keyward_gateway, keyward_auth;
GRANT EXECUTE ON FUNCTION vault.open_for_call(text, text, text, text, text, text, text) TO keyward_executor;
GRANT EXECUTE ON FUNCTION vault.find_data_key(text, text) TO keyward_executor, keyward_refresher, keyward_auth;
GRANT EXECUTE ON FUNCTION vault.claim_due(text, integer, integer), vault.count_expiring(integer) TO keyward_refresher;
GRANT EXECUTE ON FUNCTION vault.claim_provider_revocations(integer, integer), vault.count_connections() TO keyward_auth;
GRANT EXECUTE ON FUNCTION connect.find_session_org(bytea), connect.find_transaction_org(bytea), connect.purge_sessions(timestamptz)
  TO keyward_auth;
GRANT EXECUTE ON FUNCTION audit.ensure_partition(date) TO keyward_audit;

GRANT SELECT ON governance.assignment, vault.connection TO keyward_gateway;

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA identity, connect TO keyward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.assignment TO keyward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.data_key, vault.provider_app, vault.connection, vault.credential TO keyward_auth;
GRANT SELECT, INSERT, UPDATE ON vault.provider_revocation TO keyward_auth;

GRANT SELECT ON vault.connection, vault.provider_app, vault.data_key, vault.credential TO keyward_refresher;
GRANT UPDATE ON vault.credential TO keyward_refresher;
GRANT UPDATE (status, status_reason, scopes, updated_at) ON vault.connection TO keyward_refresher;
GRANT INSERT, UPDATE ON vault.data_key TO keyward_refresher;

GRANT SELECT, INSERT, UPDATE ON execution.execution TO keyward_executor;

GRANT SELECT, INSERT, DELETE ON bus.outbox TO keyward_auth, keyward_refresher;
/* SKIP LOCKED needs the right to lock, which Postgres ties to UPDATE. */
GRANT UPDATE (created_at) ON bus.outbox TO keyward_auth, keyward_refresher;
GRANT USAGE ON SEQUENCE bus.outbox_seq_seq TO keyward_auth, keyward_refresher;

GRANT SELECT, INSERT ON audit.event TO keyward_audit;
GRANT SELECT, INSERT, UPDATE ON audit.chain_head TO keyward_audit;
`;
