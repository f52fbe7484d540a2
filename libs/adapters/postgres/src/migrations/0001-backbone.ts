import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AUDIT } from './backbone/audit.js';
import { BUS } from './backbone/bus.js';
import { FUNCTIONS } from './backbone/functions.js';
import { GRANTS } from './backbone/grants.js';
import { handOverFunctions, ROLES } from './backbone/roles.js';
import { ROW_LEVEL_SECURITY } from './backbone/row-level-security.js';
import { CONNECT, EXECUTION, GOVERNANCE, IDENTITY, VAULT } from './backbone/tables.js';

/**
 * One schema per owner and one group role per service. Roles are NOLOGIN groups: a deployment makes its own logins and puts each
 * into one group, so that no password is ever in a migration.
 *
 * The database's owner can run it without being superuser. It must be allowed to create roles; or the roles exist and the owner is a
 * member of keyward_definer.
 */
export class Backbone0001 implements MigrationInterface {
  readonly name = 'Backbone1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    const steps = [ROLES, IDENTITY, GOVERNANCE, VAULT, CONNECT, EXECUTION, BUS, AUDIT, ROW_LEVEL_SECURITY, FUNCTIONS, GRANTS];
    for (const statements of [...steps, handOverFunctions(['identity', 'vault', 'connect'])]) await runner.query(statements);
  }

  /** Roles stay: they belong to the cluster, and another database of it may use them. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA identity, governance, vault, connect, execution, bus, audit CASCADE');
  }
}
