import type { MigrationInterface, QueryRunner } from 'typeorm';
import { asDefiner } from './as-definer.js';
import { handOverFunctions } from './backbone/roles.js';
import { CALLS } from './refresh/calls.js';
import { FUNCTIONS } from './refresh/functions.js';
import { GRANTS } from './refresh/grants.js';
import { REAUTHORIZATION } from './refresh/reauthorization.js';
import { VAULT } from './refresh/tables.js';
import { NOTIFICATION } from './refresh/webhooks.js';

/** Refreshes that are fair, sleep, and know whether a request was sent; registrations that providers reject; webhooks. */
export class Refresh0003 implements MigrationInterface {
  readonly name = 'Refresh1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    const steps = [VAULT, NOTIFICATION, REAUTHORIZATION, FUNCTIONS, CALLS, GRANTS];
    await asDefiner(runner, async () => {
      for (const statements of [...steps, handOverFunctions(['vault', 'notification'])]) await runner.query(statements);
    });
  }

  /** @throws always: whether a request was sent has no place in the tables before. Restore a backup instead. */
  async down(): Promise<void> {
    return Promise.reject(new Error('the refresh migration can not be undone; restore a backup'));
  }
}
