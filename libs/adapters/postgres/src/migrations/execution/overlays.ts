import { isolatedByOrg } from '../isolated-by-org.js';

/** What an organization changes about a connector of the deployment. */
export const OVERLAYS = `
CREATE TABLE governance.connector_overlay (
  org_id text NOT NULL REFERENCES identity.organization (id),
  connector text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  definition text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, connector)
);
${isolatedByOrg('governance.connector_overlay')}

/* Of one organization, as text. */
CREATE FUNCTION governance.find_overlays(p_org text)
RETURNS TABLE (connector text, version integer, definition text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.connector, o.version, o.definition FROM governance.connector_overlay o WHERE o.org_id = p_org ORDER BY o.connector
$$;

GRANT SELECT ON governance.connector_overlay TO keyward_definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.connector_overlay TO keyward_auth;
REVOKE ALL ON FUNCTION governance.find_overlays(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION governance.find_overlays(text) TO keyward_gateway, keyward_auth, keyward_executor;
`;
