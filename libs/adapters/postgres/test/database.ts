import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createLogin, type ServiceRole } from '../src/login.js';
import { migrate } from '../src/migrate.js';

export const SERVICES: ServiceRole[] = ['gateway', 'auth', 'refresher', 'executor', 'audit'];

export interface MigratedDatabase {
  /** As superuser. */
  url: string;
  /** The same database with a login of that service. */
  urlOf(service: ServiceRole): Promise<string>;
  connect(url: string): Promise<pg.Client>;
  stop(): Promise<void>;
}

/** An empty database, migrated. Logins are made as asked for and go with it; so do connections made through it. */
export async function migratedDatabase({ url, stop }: { url: string; stop(): Promise<void> }): Promise<MigratedDatabase> {
  await migrate(url);
  const logins = new Map<ServiceRole, string>();
  const clients: pg.Client[] = [];

  async function connect(to: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: to });
    await client.connect();
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  async function urlOf(service: ServiceRole): Promise<string> {
    const login = logins.get(service) ?? `t_${service}_${randomBytes(4).toString('hex')}`;
    if (!logins.has(service)) await createLogin(url, { service, login, password: `pw-${login}` });
    logins.set(service, login);
    const withLogin = new URL(url);
    withLogin.username = login;
    withLogin.password = `pw-${login}`;
    return withLogin.href;
  }

  return {
    url,
    urlOf,
    connect,
    stop: async () => {
      const admin = await connect(url);
      for (const login of logins.values()) await admin.query(`DROP ROLE ${login}`);
      for (const client of clients) await client.end();
      await stop();
    },
  };
}
