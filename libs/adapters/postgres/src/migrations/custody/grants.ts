/** As in backbone/row-level-security.ts, for the new tables that belong to an organization. */
export const ROW_LEVEL_SECURITY = `
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY[
    'identity.member', 'identity.trusted_issuer', 'identity.workload_binding',
    'governance.agent_manifest', 'governance.token_release', 'governance.connector',
    'vault.connection_grantee', 'vault.connection_authorization',
    'connect.device_authorization', 'connect.delivered_code'
  ] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY org_isolation ON %s USING (org_id = current_setting('keyward.org', true))$p$, t);
    EXECUTE format('CREATE POLICY definer ON %s TO keyward_definer USING (true)', t);
  END LOOP;
END $$;
`;

/** Least privilege, one role per service; `rights.spec.ts` holds the whole matrix. */
export const GRANTS = `
GRANT USAGE ON SCHEMA governance TO keyward_executor, keyward_refresher;

GRANT SELECT ON identity.member, identity.trusted_issuer, identity.workload_binding, governance.connector, vault.provider_app,
  vault.connection_grantee TO keyward_definer;
GRANT SELECT, DELETE ON connect.delivered_code TO keyward_definer;
GRANT USAGE ON SCHEMA execution TO keyward_definer, keyward_auth;
GRANT SELECT, UPDATE ON execution.execution TO keyward_definer;

REVOKE ALL ON FUNCTION identity.find_agent_key(text), vault.open_for_call(text, text, text, text, text, text, text),
  connect.find_callback_app(text), governance.find_connectors(text), identity.find_workload_bindings(text),
  identity.find_memberships(text, text, text), execution.erase_user(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_agent_key(text) TO keyward_gateway, keyward_auth;
GRANT EXECUTE ON FUNCTION vault.open_for_call(text, text, text, text, text, text, text) TO keyward_executor;
GRANT EXECUTE ON FUNCTION connect.find_callback_app(text), identity.find_workload_bindings(text),
  identity.find_memberships(text, text, text), execution.erase_user(text, text, text) TO keyward_auth;
GRANT EXECUTE ON FUNCTION governance.find_connectors(text) TO keyward_gateway, keyward_auth, keyward_executor, keyward_refresher;

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.member, identity.person_session, identity.trusted_issuer, identity.workload_binding,
  governance.agent_manifest, governance.token_release, governance.connector, vault.connection_grantee, connect.device_authorization,
  connect.delivered_code TO keyward_auth;
GRANT SELECT, INSERT, DELETE ON vault.connection_authorization TO keyward_auth;
/* A history does not change, but for the name of a person who asks to be erased. */
GRANT UPDATE (authorized_by_id) ON vault.connection_authorization TO keyward_auth;

GRANT SELECT ON vault.connection_grantee TO keyward_gateway;
/* When a token ends is no secret; everything else of the row is out of the gateway's reach. */
GRANT SELECT (connection_id, org_id, access_expires_at) ON vault.credential TO keyward_gateway;

GRANT UPDATE (parameters) ON vault.connection TO keyward_refresher;
/* A grant that is made again asks for what was asked for when it was authorized. */
GRANT SELECT ON vault.connection_authorization TO keyward_refresher;
`;
