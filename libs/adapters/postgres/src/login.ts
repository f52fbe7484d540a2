import { KeywardError } from '@keyward/contracts';
import { Client } from 'pg';
import { asDatabaseError } from './database-error.js';
import { scramVerifier } from './scram.js';

export type ServiceRole = 'gateway' | 'auth' | 'refresher' | 'executor' | 'audit';

export interface LoginSettings {
  service: ServiceRole;
  login: string;
  /** Printable ASCII. */
  password: string;
}

interface ExistingRole {
  privileged: boolean;
  groups: string[];
}

/**
 * Makes the login of one service, or gives an existing one a new password. The rights are those of the service's group role, which
 * the first migration makes.
 *
 * @param adminUrl of a role that may create roles.
 * @throws KeywardError `invalid_request` where the login exists and may do more than the service should.
 */
export async function createLogin(adminUrl: string, { service, login, password }: LoginSettings): Promise<void> {
  const client = new Client({ connectionString: adminUrl, application_name: 'keyward-logins' });
  const group = `keyward_${service}`;
  try {
    await client.connect();
    const name = client.escapeIdentifier(login);
    const existing = await findRole(client, login);
    if (existing === undefined) await client.query(`CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS`);
    else refuseExcess(existing, login, group);
    await client.query(`ALTER ROLE ${name} LOGIN PASSWORD ${client.escapeLiteral(scramVerifier(password))}`);
    if (existing?.groups.includes(group) !== true) await client.query(`GRANT ${client.escapeIdentifier(group)} TO ${name}`);
  } catch (thrown) {
    throw asDatabaseError(thrown);
  } finally {
    await client.end();
  }
}

async function findRole(client: Client, login: string): Promise<ExistingRole | undefined> {
  const { rows } = await client.query<ExistingRole>(
    `SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole AS privileged,
            ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS groups
     FROM pg_roles r WHERE r.rolname = $1`,
    [login],
  );
  return rows[0];
}

/** A login that is more than its service's would turn every test of least privilege into a lie. */
function refuseExcess(role: ExistingRole, login: string, group: string): void {
  const others = role.groups.filter((name) => name !== group);
  if (!role.privileged && others.length === 0) return;
  const why = role.privileged ? 'is privileged' : `also belongs to ${others.join(', ')}`;
  throw new KeywardError('invalid_request', `The login "${login}" exists and ${why}. Give each service a login of its own.`);
}
