import { createCredentials } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource } from '@keyward/postgres';
import { createCallCredentialStore, createDataKeyStore } from '@keyward/postgres-vault';
import type { Stack } from '../stack.js';

/**
 * The access token that the stack keeps for its user, opened as the executor does: for measurements that call the provider directly,
 * with the same right. Needs the superuser's URL and the key file, so nothing but a stack of one's own can be opened so.
 */
export async function storedAccessToken({ info, paths }: Pick<Stack, 'info' | 'paths'>): Promise<string> {
  const dataSource = await createDataSource({ url: info.databaseUrl, applicationName: 'keyward-stack' }).initialize();
  try {
    const { connection } = await createCallCredentialStore(dataSource).openForCall({
      org: info.org,
      agent: info.agent,
      user: info.user,
      connector: 'sandbox',
      provider: 'sandbox',
      alias: 'default',
    });
    if (connection === null) throw new Error(`${info.user} has no connection to the sandbox: connect the account first`);
    const { id, generation, sealedAccess } = connection;
    if (sealedAccess === null) throw new Error(`the connection ${id} holds no access token`);
    const credentials = createCredentials({
      kms: createLocalKms({ keyFile: paths.kmsKeyFile }),
      dataKeys: createDataKeyStore(dataSource),
    });
    return await credentials.open({ org: info.org, connection: id, generation, sealedAccess }, (token) => Promise.resolve(token));
  } finally {
    await dataSource.destroy();
  }
}
