import type { QueryRunner } from 'typeorm';

/**
 * Row-level security binds the owner too, who sees every row as keyward_definer does; and functions that are replaced belong to that role
 * already.
 */
export async function asDefiner(runner: QueryRunner, work: () => Promise<void>): Promise<void> {
  const [membership] = (await runner.query(
    `SELECT current_user AS owner, pg_has_role(current_user, 'keyward_definer', 'USAGE') AS sufficient,
       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'WITH INHERIT TRUE' ELSE '' END AS inheriting`,
  )) as [{ owner: string; sufficient: boolean; inheriting: string }];
  const owner = `"${membership.owner.replaceAll('"', '""')}"`;
  if (!membership.sufficient) await runner.query(`GRANT keyward_definer TO ${owner} ${membership.inheriting}`);
  await work();
  if (!membership.sufficient) await runner.query(`REVOKE keyward_definer FROM ${owner}`);
}
