import type { MigrationInterface, QueryRunner } from 'typeorm';
import { asDefiner } from './as-definer.js';
import { handOverFunctions } from './backbone/roles.js';
import { BUDGETS } from './operations/budgets.js';
import { CHECKPOINTS } from './operations/checkpoints.js';
import { FORWARDING } from './operations/forwarding.js';
import { RETENTION } from './operations/retention.js';
import { USAGE } from './operations/usage.js';

/** What the trail proves and for how long it is kept, what was used, and how much may be. */
export class Operations0005 implements MigrationInterface {
  readonly name = 'Operations1700000000005';

  async up(runner: QueryRunner): Promise<void> {
    const steps = [CHECKPOINTS, RETENTION, FORWARDING, USAGE, BUDGETS].filter((statements) => statements.trim() !== '');
    await asDefiner(runner, async () => {
      // Functions of schema audit stay the owner's: partitions are made and dropped by who owns them.
      for (const statements of [...steps, handOverFunctions(['execution', 'governance'])]) await runner.query(statements);
    });
  }

  /** @throws always: checkpoints that were given out can not be taken back. Restore a backup instead. */
  async down(): Promise<void> {
    return Promise.reject(new Error('the operations migration can not be undone; restore a backup'));
  }
}
