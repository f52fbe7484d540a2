import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNatsOperator } from '@keyward/nats-accounts';
import { databaseSecrets, type DatabaseAddress } from './database.js';
import { loadKeys } from './keys.js';
import { documents, secretManifest } from './manifests.js';
import { natsChartValues, natsSecrets } from './nats.js';
import { writePrivate } from './private-file.js';

export interface InstallationOptions {
  dir: string;
  namespace: string;
  /** Left out: the database's secrets are somebody else's to make. */
  database?: DatabaseAddress;
  /** Of the database's owner, for migrations. Left out: its Secret is there already. */
  ownerUrl?: string;
}

export interface Installation {
  /** Whether the keys were made by this run, or kept from an earlier one. */
  isNew: boolean;
  files: { keys: string; secrets: string; natsValues: string; values: string };
  /** Names of the Secrets. */
  secrets: string[];
}

/**
 * Writes what an installation on Kubernetes needs before its first `helm install`: the Secrets that the chart names, and values for NATS'
 * chart and for Keyward's. Repeating it in the same directory keeps every key and gives the credentials the permissions of this version.
 */
export async function prepareInstallation(options: InstallationOptions): Promise<Installation> {
  const { dir, namespace, database, ownerUrl } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const files = {
    keys: join(dir, 'keys.json'),
    secrets: join(dir, 'secrets.yaml'),
    natsValues: join(dir, 'nats-values.yaml'),
    values: join(dir, 'values.yaml'),
  };
  const { keys, isNew } = loadKeys(files.keys);
  const operator = await createNatsOperator(keys.natsSeeds);
  const secrets = [
    ...(await natsSecrets(operator, namespace)),
    secretManifest('keyward-core', namespace, { 'admin-token': keys.adminToken, 'state-secret': keys.stateSecret }),
    ...(database === undefined ? [] : databaseSecrets(keys, database, namespace)),
    ...(ownerUrl === undefined ? [] : [secretManifest('keyward-database-owner', namespace, { url: ownerUrl })]),
  ];
  writePrivate(files.secrets, documents(secrets));
  writeFileSync(files.natsValues, documents([natsChartValues(operator)]));
  writeFileSync(files.values, documents([chartValues(operator.accounts.AGENTS.publicKey, database !== undefined)]));
  return { isNew, files, secrets: secrets.map(({ metadata }) => metadata.name) };
}

/** What the chart can't know; everything else of it has the names that the chart expects. */
function chartValues(agentsAccount: string, makesLogins: boolean): object {
  return {
    nats: { agentsAccount },
    ...(makesLogins ? { database: { logins: { existingSecret: 'keyward-database-logins' } } } : {}),
  };
}
