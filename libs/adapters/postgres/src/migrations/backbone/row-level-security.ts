/**
 * A service sets `keyward.org` for its transaction and then only that organization's rows exist for it. Unset it matches nothing.
 * FORCE binds the tables' owner as well; only keyward_definer, as whom the cross-org functions run, is exempt.
 *
 * audit-service stores a batch of many organizations in one transaction, and serves operators who ask across all: it says so by
 * setting `*`, which is no organization's id.
 */
export const ROW_LEVEL_SECURITY = `
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY[
    'identity.agent', 'identity.agent_key', 'governance.assignment',
    'vault.data_key', 'vault.provider_app', 'vault.connection', 'vault.credential', 'vault.provider_revocation',
    'connect.connect_session', 'connect.authorization_transaction', 'execution.execution',
    'audit.event', 'audit.chain_head'
  ] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY org_isolation ON %s USING (org_id = current_setting('keyward.org', true))$p$, t);
    IF t LIKE 'audit.%' THEN
      EXECUTE format($p$CREATE POLICY every_org ON %s TO keyward_audit USING (current_setting('keyward.org', true) = '*')$p$, t);
    ELSE
      EXECUTE format('CREATE POLICY definer ON %s TO keyward_definer USING (true)', t);
    END IF;
  END LOOP;
END $$;
`;
