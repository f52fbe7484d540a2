import type { MigrationInterface, QueryRunner } from 'typeorm';
import { asDefiner } from './as-definer.js';
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
    await asDefiner(runner, async () => {
      for (const statements of [...steps, handOver]) await runner.query(statements);
    });
  }

  /** @throws always: connections without user or agent have no place in the tables before. Restore a backup instead. */
  async down(): Promise<void> {
    return Promise.reject(new Error('the custody migration can not be undone; restore a backup'));
  }
}
