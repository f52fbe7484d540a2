/** Row-level security of tables with `org_id`: a service sees the organization that it has set, functions of keyward_definer see all. */
export function isolatedByOrg(...tables: readonly string[]): string {
  return tables
    .map(
      (table) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY org_isolation ON ${table} USING (org_id = current_setting('keyward.org', true));
CREATE POLICY definer ON ${table} TO keyward_definer USING (true);`,
    )
    .join('\n');
}
