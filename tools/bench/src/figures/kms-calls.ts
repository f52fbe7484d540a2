import { newId } from '@keyward/contracts';
import { createCredentials, type Credentials, type SealedAccessToken } from '@keyward/credentials';
import { createVaultMetrics } from '@keyward/kms';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource } from '@keyward/postgres';
import { createDataKeyStore } from '@keyward/postgres-vault';
import { Registry } from 'prom-client';
import type { Bench, Measurement } from '../bench.js';
import { atMost, figure, type Figure } from '../figure.js';

const OPENS = 1_000_000;
/** Of one replica's opens at a time, so that they meet in the cache as calls do. */
const AT_A_TIME = 200;
/** A data key leaves memory after five minutes. */
const KEY_LIVES_PER_HOUR = 12;

/** P10: requests to the KMS for a million credentials opened, counted by the services' own metric. */
export const kmsCalls: Measurement = { id: 'P10', run };

async function run(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [orgs, replicas] of [
    [1, 1],
    [10, 2],
  ] as const) {
    bench.progress(`P10 a million opens, ${orgs} organizations, ${replicas} replicas`);
    const calls = await count(bench, orgs, replicas);
    const name = `KMS requests per million opens, ${orgs} organization(s), ${replicas} replica(s)`;
    figures.push(figure(`P10.o${orgs}.r${replicas}`, name, calls, '', null, atMost(orgs * replicas * KEY_LIVES_PER_HOUR, '')));
  }
  return figures;
}

async function count({ stack: { info, paths } }: Bench, orgs: number, replicas: number): Promise<number> {
  const dataSource = await createDataSource({ url: info.databaseUrl, applicationName: 'keyward-bench' }).initialize();
  const ids = Array.from({ length: orgs }, () => newId('org'));
  try {
    for (const id of ids) await dataSource.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [id]);
    const kms = createLocalKms({ keyFile: paths.kmsKeyFile });
    const dataKeys = createDataKeyStore(dataSource);
    const sealer = createCredentials({ kms, dataKeys });
    const sealed = await Promise.all(ids.map((org) => seal(sealer, org)));
    const metrics = new Registry();
    const vault = createVaultMetrics(metrics);
    const openers = Array.from({ length: replicas }, () => createCredentials({ kms, dataKeys, metrics: vault }));
    for (let opened = 0; opened < OPENS; opened += AT_A_TIME) {
      await Promise.all(Array.from({ length: AT_A_TIME }, (_, index) => open(openers, sealed, opened + index)));
    }
    const requests = await metrics.getSingleMetric('kms_requests_total')?.get();
    return requests?.values.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN;
  } finally {
    await dataSource.query('DELETE FROM vault.data_key WHERE org_id = ANY($1)', [ids]);
    await dataSource.query('DELETE FROM identity.organization WHERE id = ANY($1)', [ids]);
    await dataSource.destroy();
  }
}

async function seal(credentials: Credentials, org: string): Promise<SealedAccessToken> {
  const connection = newId('conn');
  const { sealedAccess } = await credentials.sealTokens({
    org,
    connection,
    generation: 1,
    accessToken: 'access token of the benchmark',
  });
  return { org, connection, generation: 1, sealedAccess };
}

async function open(openers: readonly Credentials[], sealed: readonly SealedAccessToken[], turn: number): Promise<void> {
  const ref = sealed[turn % sealed.length];
  const opener = openers[Math.floor(turn / sealed.length) % openers.length];
  if (ref === undefined || opener === undefined) throw new Error('there is nothing to open');
  await opener.open(ref, async (token) => {
    if (token.length === 0) throw new Error('an empty token');
  });
}
