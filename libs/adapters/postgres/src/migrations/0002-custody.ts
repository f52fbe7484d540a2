import type { MigrationInterface, QueryRunner } from 'typeorm';
import { handOverFunctions } from './backbone/roles.js';
import { FUNCTIONS } from './custody/functions.js';
import { GRANTS, ROW_LEVEL_SECURITY } from './custody/grants.js';
import { CONNECT, GOVERNANCE, IDENTITY, VAULT } from './custody/tables.js';

/** Every kind of grant, workspace connections, members, workload identity and connectors of an organization's own. */
export class Custody0002 implements MigrationInterface {
  readonly name = 'Custody1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    const steps = [IDENTITY, GOVERNANCE, VAULT, CONNECT, ROW_LEVEL_SECURITY, FUNCTIONS, GRANTS];
    const handOver = handOverFunctions(['identity', 'vault', 'connect', 'governance', 'execution']);
    // Functions that are replaced belong to keyward_definer already.
    await asDefiner(runner, async () => {
      for (const statements of [...steps, handOver]) await runner.query(statements);
    });
  }

  /** @throws always: connections without user or agent have no place in the tables before. Restore a backup instead. */
  async down(): Promise<void> {
    return Promise.reject(new Error('the custody migration can not be undone; restore a backup'));
  }
}

/** Row-level security binds the owner too, who sees every row as keyward_definer does. */
async function asDefiner(runner: QueryRunner, work: () => Promise<void>): Promise<void> {
  const [membership] = (await runner.query(
    `SELECT current_user AS owner, pg_has_role(current_user, 'keyward_definer', 'USAGE') AS sufficient,
       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'WITH INHERIT TRUE' ELSE '' END AS inheriting`,
  )) as [{ owner: string; sufficient: boolean; inheriting: string }];
  const owner = `"${membership.owner.replaceAll('"', '""')}"`;
  if (!membership.sufficient) await runner.query(`GRANT keyward_definer TO ${owner} ${membership.inheriting}`);
  await work();
  if (!membership.sufficient) await runner.query(`REVOKE keyward_definer FROM ${owner}`);
}
