import { createCredentials, type CallQuery } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource, prepared } from '@keyward/postgres';
import { createCallCredentialStore, createDataKeyStore } from '@keyward/postgres-vault';
import type { Bench, Measurement } from '../bench.js';
import { figure, ratioAtMost, type Figure } from '../figure.js';
import { closedLoop, type Call } from '../load/loops.js';

const WARMUP_MS = 1500;
const SELECT = {
  name: 'bench_select_credential',
  text: 'SELECT c.status, c.scopes, k.generation, k.sealed_access, k.access_expires_at FROM vault.connection c JOIN vault.credential k ON k.connection_id = c.id WHERE c.id = $1',
};

/** P3: read the row, check it, decrypt the token; the row is read anew each time, the data key is warm. */
export const openCredential: Measurement = { id: 'P3', run };

async function run(bench: Bench): Promise<Figure[]> {
  const { info, paths } = bench.stack;
  const dataSource = await createDataSource({ url: info.databaseUrl, applicationName: 'keyward-bench' }).initialize();
  try {
    const credentials = createCredentials({
      kms: createLocalKms({ keyFile: paths.kmsKeyFile }),
      dataKeys: createDataKeyStore(dataSource),
    });
    const store = createCallCredentialStore(dataSource);
    const query: CallQuery = {
      org: info.org,
      agent: info.agent,
      user: info.user,
      connector: 'sandbox',
      provider: 'sandbox',
      alias: 'default',
    };
    const { connection } = await store.openForCall(query);
    if (connection === null) throw new Error('the stack has no connection to open');
    const open: Call = async () => {
      const row = (await store.openForCall(query)).connection;
      if (row === null || row.sealedAccess === null) throw new Error('the connection is gone');
      const { id, generation, sealedAccess } = row;
      await credentials.open({ org: info.org, connection: id, generation, sealedAccess }, async (token) => {
        if (token.length === 0) throw new Error('an empty token');
      });
    };
    const select: Call = async () => {
      await prepared(dataSource, SELECT, [connection.id]);
    };
    return await compare(bench, open, select);
  } finally {
    await dataSource.destroy();
  }
}

async function compare(bench: Bench, open: Call, select: Call): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const concurrency of [1, 8]) {
    bench.progress(`P3 open a credential, c = ${concurrency}`);
    const timing = { concurrency, warmupMs: WARMUP_MS, measureMs: bench.measureMs };
    const floor = await closedLoop(select, timing);
    const opened = await closedLoop(open, timing);
    if (opened.errors + floor.errors > 0) throw new Error(String(opened.firstError ?? floor.firstError));
    const p50 = (run: typeof floor) => run.samples.percentile(50);
    const p99 = (run: typeof floor) => run.samples.percentile(99);
    const c = concurrency;
    figures.push(
      figure(
        `P3.c${c}.p50`,
        `open a credential, c = ${c}, p50`,
        p50(opened),
        'ms',
        p50(floor),
        c === 1 ? ratioAtMost(1.5) : undefined,
      ),
      figure(`P3.c${c}.p99`, `open a credential, c = ${c}, p99`, p99(opened), 'ms', p99(floor)),
      figure(
        `P3.c${c}.rate`,
        `credentials opened, c = ${c}`,
        opened.rate,
        '1/s',
        floor.rate,
        c === 8 ? { text: '≥ 8000 1/s', met: (v) => v >= 8000 } : undefined,
      ),
    );
  }
  return figures;
}
