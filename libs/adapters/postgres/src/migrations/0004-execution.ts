import type { MigrationInterface, QueryRunner } from 'typeorm';
import { asDefiner } from './as-definer.js';
import { handOverFunctions } from './backbone/roles.js';
import { ARTIFACTS } from './execution/artifacts.js';
import { OVERLAYS } from './execution/overlays.js';
import { QUOTAS } from './execution/quotas.js';
import { RECORDS } from './execution/records.js';
import { WAITING } from './execution/waiting.js';

/** Executions that wait and are cancelled, quotas over all replicas, an organization's changes to connectors. */
export class Execution0004 implements MigrationInterface {
  readonly name = 'Execution1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    const steps = [RECORDS, ARTIFACTS, WAITING, QUOTAS, OVERLAYS].filter((statements) => statements.trim() !== '');
    await asDefiner(runner, async () => {
      for (const statements of [...steps, handOverFunctions(['execution', 'governance'])]) await runner.query(statements);
    });
  }

  /** @throws always: executions that wait have no place in the tables before. Restore a backup instead. */
  async down(): Promise<void> {
    return Promise.reject(new Error('the execution migration can not be undone; restore a backup'));
  }
}
