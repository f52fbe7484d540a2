import { DATABASE_ROLES, type DatabaseService, type InstallationKeys } from './keys.js';
import { secretManifest, type SecretManifest } from './manifests.js';

export interface DatabaseAddress {
  host: string;
  port: number;
  name: string;
  /** Appended to the URLs: `sslmode=verify-full`. */
  parameters: string;
}

const loginOf = (service: DatabaseService): string => `keyward_${DATABASE_ROLES[service]}_login`;

/** A URL per service, and the logins for the migration to make: each service can do what its role may and nothing else. */
export function databaseSecrets(keys: InstallationKeys, address: DatabaseAddress, namespace: string): SecretManifest[] {
  const urls: Record<string, string> = {};
  const logins: Record<string, { login: string; password: string }> = {};
  for (const service of Object.keys(DATABASE_ROLES) as DatabaseService[]) {
    const [login, password] = [loginOf(service), keys.databasePasswords[service]];
    urls[service] = urlOf(address, login, password);
    logins[DATABASE_ROLES[service]] = { login, password };
  }
  return [
    secretManifest('keyward-database', namespace, urls),
    secretManifest('keyward-database-logins', namespace, { logins: JSON.stringify(logins) }),
  ];
}

function urlOf({ host, port, name, parameters }: DatabaseAddress, login: string, password: string): string {
  const url = new URL(`postgres://${host}:${port}/${name}`);
  [url.username, url.password, url.search] = [login, password, parameters];
  return url.href;
}
