import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '@keyward/contracts';
import { createCredentials, type Credentials } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource, withOrg } from '@keyward/postgres';
import { createCredentialStore, createDataKeyStore } from '@keyward/postgres-vault';
import type { Stack } from '@keyward/stack';
import { Pool } from 'undici';
import type { Bench, Measurement } from '../bench.js';
import { atMost, figure, type Figure } from '../figure.js';
import { Samples } from '../load/samples.js';
import { likenessOf, startReplica } from '../replica.js';

const ROUNDS = 40;
const CALLS = 64;
/** Longer than a round: none of the calls ends by itself. */
const CALL_MS = 20_000;
/** Until all calls of a round have reached the provider; that they have is checked by their results. */
const SETTLE_MS = 1_000;
/** Rounds that may be thrown away because a call had not reached the provider yet. */
const MAX_EARLY = 10;
/** Rounds that are not counted, until the code is optimised. */
const WARM_UP = 5;

/** P14: from asking for a disconnect until the last call over that connection, on either of two executors, has been answered. */
export const revocation: Measurement = { id: 'P14', run };

async function run(bench: Bench): Promise<Figure[]> {
  const { info, paths } = bench.stack;
  const dataSource = await createDataSource({ url: info.databaseUrl, applicationName: 'keyward-bench' }).initialize();
  const credentials = createCredentials({
    kms: createLocalKms({ keyFile: paths.kmsKeyFile }),
    dataKeys: createDataKeyStore(dataSource),
  });
  const gateway = new Pool(info.gatewayUrl, { connections: 256 });
  const replica = await startReplica(likenessOf(bench.stack.service('tool-executor').pid));
  const [first, last] = [new Samples(), new Samples()];
  try {
    let early = 0;
    for (let round = 0; round < WARM_UP + ROUNDS + early; round++) {
      if (round % 10 === 0) bench.progress(`P14 revocation, round ${round}`);
      const ended = await revokeOnce(bench, gateway, await connect(bench, dataSource, credentials, round));
      if (ended === undefined && ++early > MAX_EARLY) throw new Error('calls take longer than a second to reach the provider');
      if (ended === undefined || round < WARM_UP) continue;
      first.add(Math.min(...ended));
      last.add(Math.max(...ended));
    }
  } finally {
    await replica.stop();
    await gateway.close();
    await dataSource.destroy();
  }
  const row = (id: string, what: string, ms: number, limit?: number) =>
    figure(
      `P14.${id}`,
      `revoke → ${what} of ${CALLS} calls in flight ended`,
      ms,
      'ms',
      null,
      limit === undefined ? undefined : atMost(limit, 'ms'),
    );
  return [
    row('first.p50', 'first, p50,', first.percentile(50)),
    row('last.p50', 'last, p50,', last.percentile(50)),
    row('last.p99', 'last, p99,', last.percentile(99), 100),
  ];
}

interface Connected {
  connection: string;
  user: string;
}

/** A connection of a user of its own, with a token that the provider takes. */
async function connect(
  { stack }: Bench,
  dataSource: Awaited<ReturnType<ReturnType<typeof createDataSource>['initialize']>>,
  credentials: Credentials,
  round: number,
): Promise<Connected> {
  const { org, agent } = stack.info;
  const [connection, user] = [newId('conn'), `usr_bench_${round}`];
  await dataSource.query(
    `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, status)
     SELECT $1, $2, $3, 'sandbox', $4, id, 'pending' FROM vault.provider_app WHERE org_id = $2 AND provider = 'sandbox'`,
    [connection, org, user, agent],
  );
  const [app] = await dataSource.query<[{ client_id: string }]>(
    `SELECT client_id FROM vault.provider_app WHERE org_id = $1 AND provider = 'sandbox'`,
    [org],
  );
  // A disconnect revokes the token at the provider, so each round has its own.
  const accessToken = await issueToken(stack, app.client_id);
  const tokens = {
    org,
    connection,
    generation: 1,
    ...(await credentials.sealTokens({ org, connection, generation: 1, accessToken })),
  };
  const never = { accessExpiresInMs: null, refreshInMs: null, awakeRefreshInMs: null, refreshExpiresInMs: null };
  const lasting = { ...never, renewable: false, scopes: ['notes:read', 'notes:write'] };
  await withOrg(dataSource, org, (em) => createCredentialStore(dataSource).storeAuthorized(em, { ...tokens, ...lasting }));
  return { connection, user };
}

async function issueToken({ info, sandboxManagementToken }: Stack, clientId: string): Promise<string> {
  const answer = await fetch(`${info.sandbox.url}/sandbox/tokens/issue`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${sandboxManagementToken}` },
    body: JSON.stringify({ client_id: clientId, user: info.sandbox.user }),
  });
  if (!answer.ok) throw new Error(`the sandbox issues no token: ${answer.status} ${await answer.text()}`);
  const { tokens } = (await answer.json()) as { tokens: [{ access_token: string }] };
  return tokens[0].access_token;
}

/** @returns when each of the calls was answered, in ms from the request to disconnect; undefined where one had not begun by then */
async function revokeOnce(
  { stack: { info } }: Bench,
  gateway: Pool,
  { connection, user }: Connected,
): Promise<number[] | undefined> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${info.agentKey}` };
  const body = JSON.stringify({ arguments: { ms: CALL_MS }, user });
  const calls = Array.from({ length: CALLS }, async () => {
    const answer = await gateway.request({ path: '/v1/tools/sandbox_delay/execute', method: 'POST', headers, body });
    const text = await answer.body.text();
    return { text, at: performance.now() };
  });
  const early = Promise.race(calls).then(({ text }) => text);
  const before = await Promise.race([early, delay(SETTLE_MS)]);
  if (before !== undefined) throw new Error(`a call ended before it was to: ${before.slice(0, 900)}`);
  const asked = performance.now();
  const revoked = await fetch(`${info.authUrl}/v1/connections/${connection}?organization=${info.org}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${info.admin.token}` },
  });
  if (!revoked.ok) throw new Error(`the disconnect was answered ${revoked.status}: ${await revoked.text()}`);
  const answers = await Promise.all(calls);
  if (answers.some(({ text }) => text.includes('connection_required'))) return undefined;
  for (const { text } of answers) {
    if (!text.includes('revoked')) throw new Error(`a call ended otherwise: ${text.slice(0, 300)}`);
  }
  return answers.map(({ at }) => at - asked);
}
