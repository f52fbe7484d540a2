/** Another database of the same cluster may have made them, or may be making them right now. */
export const ROLES = `
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['keyward_definer', 'keyward_gateway', 'keyward_auth', 'keyward_refresher', 'keyward_executor', 'keyward_audit'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', r);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
  END LOOP;
END $$;
`;

/**
 * Gives the cross-org functions to keyward_definer. Whoever is not superuser must for that moment be able to act as keyward_definer,
 * which in turn must be allowed to create in the schemas; both end with the same block.
 */
export function handOverFunctions(schemas: readonly string[]): string {
  return `
DO $$
DECLARE
  f regprocedure;
  act_as text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
  lacks_membership boolean := NOT pg_has_role(current_user, 'keyward_definer', act_as);
BEGIN
  IF lacks_membership THEN
    EXECUTE format('GRANT keyward_definer TO %I', current_user);
  END IF;
  GRANT CREATE ON SCHEMA ${schemas.join(', ')} TO keyward_definer;
  FOR f IN
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND n.nspname IN (${schemas.map((schema) => `'${schema}'`).join(', ')})
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO keyward_definer', f);
  END LOOP;
  REVOKE CREATE ON SCHEMA ${schemas.join(', ')} FROM keyward_definer;
  IF lacks_membership THEN
    EXECUTE format('REVOKE keyward_definer FROM %I', current_user);
  END IF;
END $$;
`;
}
