import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authRequests, parseOrThrow, workloadRequestSchema } from '@keyward/contracts';
import { createEgress, type Egress } from '@keyward/egress';
import { broadcastRevoked, serveRequests, type RequestServer } from '@keyward/jetstream';
import { createDataSource } from '@keyward/postgres';
import { testPostgres, waitFor, type TestPostgres } from '@keyward/testing';
import type { DataSource } from 'typeorm';
import { KeySets } from '../../apps/auth-service/src/workloads/key-sets.js';
import { WorkloadAuthenticator } from '../../apps/auth-service/src/workloads/workload-authenticator.js';
import { TokenIssuer } from '../auth/token-issuer.js';
import { ask, startHarness, type Harness } from './harness.js';
import type { SeededAgent } from './seed.js';

const SUBJECT = 'system:serviceaccount:payments:scribe';

let harness: Harness;
let database: TestPostgres;
let owner: DataSource;
let egress: Egress;
let cluster: TokenIssuer;
let ada: SeededAgent;
let authService: RequestServer;
let asked = 0;

beforeAll(async () => {
  [database, cluster] = [await testPostgres(), await TokenIssuer.start()];
  await cluster.addKey('one');
  harness = await startHarness({ database });
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'read', tools: null });
  await harness.seed.workload(ada, cluster.url, SUBJECT);
  owner = await createDataSource({ url: database.url, applicationName: 'owner' }).initialize();
  egress = createEgress({ privateOrigins: [cluster.url] });
  await serveWorkloads();
});
afterAll(async () => {
  await authService.close();
  await owner.destroy();
  await harness.stop();
  await egress.close();
  await cluster.stop();
});

/** What auth-service does with the question. */
async function serveWorkloads(): Promise<void> {
  const workloads = new WorkloadAuthenticator(owner, new KeySets(egress));
  authService = serveRequests(harness.nc, authRequests.authenticateWorkload, 'auth-service', async (payload) => {
    asked++;
    const { token } = parseOrThrow(workloadRequestSchema, payload);
    const { expiresAt, ...workload } = await workloads.authenticate(token);
    return { outcome: 'authenticated', ...workload, expiresAt: expiresAt.toISOString() };
  });
  await harness.nc.flush();
}

const tools = (token: string, url = harness.url) => ask(url, '/v1/tools', { key: token });

describe('a workload identity at the gateway', () => {
  it('opens the door as its agent, and is asked about once', async () => {
    const token = await cluster.sign();
    const first = await tools(token);
    expect(first.status).toBe(200);
    expect((first.body['tools'] as object[]).length).toBeGreaterThan(0);
    const before = asked;
    await Promise.all(Array.from({ length: 20 }, () => tools(token)));
    expect(asked).toBe(before);
  });

  it('is asked about again once its agent is revoked, and forgotten where it is no longer bound', async () => {
    const other = await harness.seed.agent(ada.org);
    await harness.seed.workload(other, `${cluster.url}/other`, SUBJECT);
    const token = await cluster.sign();
    expect((await tools(token)).status).toBe(200);
    const before = asked;
    await broadcastRevoked(harness.nc, { kind: 'agent', org: ada.org, agent: ada.agent });
    await waitFor(async () => (await tools(token)).status === 200 && asked > before);
    await owner.query('DELETE FROM identity.workload_binding WHERE agent_id = $1', [ada.agent]);
    await broadcastRevoked(harness.nc, { kind: 'agent', org: ada.org, agent: ada.agent });
    await waitFor(async () => (await tools(token)).status === 401);
    await owner.query('DELETE FROM identity.trusted_issuer WHERE issuer = $1', [cluster.url]);
    await harness.seed.workload(ada, cluster.url, SUBJECT);
  });

  it.each([
    ['forged', async () => `${(await cluster.sign()).slice(0, -8)}AAAAAAAA`],
    ['expired', () => cluster.sign({ exp: Math.floor(Date.now() / 1000) - 120 })],
    ['of nobody', () => cluster.sign({ sub: 'system:serviceaccount:payments:nobody' })],
    ['nonsense', () => Promise.resolve('a.b.c')],
  ])('that is %s is refused like a bad key', async (_what, make) => {
    const { status, body } = await tools(await make());
    expect([status, body['code']]).toEqual([401, 'unauthenticated']);
    expect(JSON.stringify(body)).not.toContain('eyJ');
  });

  it('guessed at is slowed down, for the address that guesses', async () => {
    const replica = await harness.startReplica();
    const guesses = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => tools(await cluster.sign({ sub: `nobody-${index}` }), replica.url)),
    );
    expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThan(20);
  });

  it('can not be decided while auth-service is away, which is not the same as refused', async () => {
    await authService.close();
    await harness.nc.flush();
    const token = await cluster.sign({ jti: 'while away' });
    const { status, body } = await tools(token);
    expect([status, body['code']]).toEqual([503, 'dependency_unavailable']);
    await serveWorkloads();
    expect((await tools(token)).status).toBe(200);
  });
});

describe('a rotated agent key at the gateway', () => {
  it('ends when it says, also where it was verified a moment before', async () => {
    const { keyId, key } = await harness.seed.key(ada.org, ada.agent);
    expect((await tools(key)).status).toBe(200);
    await harness.seed.expireKey(keyId, 2);
    await broadcastRevoked(harness.nc, { kind: 'agent_key', org: ada.org, agent: ada.agent, key: keyId });
    await waitFor(async () => (await tools(key)).status === 401);
    expect((await tools(ada.key)).status).toBe(200);
  });
});

describe('connections of the workspace at the gateway', () => {
  it('are shown to the agents that may use them, with when they end, and to no others', async () => {
    const grantee = await harness.seed.agent(ada.org, { connector: 'sandbox', permission: 'read', tools: null });
    const own = await harness.seed.connection(grantee, 'usr_ada', 'needs_reauthorization');
    const shared = await harness.seed.workspaceConnection(ada.org, [grantee.agent]);
    const list = async (key: string, query = '') => {
      const { body } = await ask(harness.url, `/v1/connections${query}`, { key });
      return (body['connections'] as { id: string; expiresAt: string | null; user: string | null }[]).map(({ id }) => id);
    };
    expect(await list(grantee.key)).toEqual([shared, own]);
    expect(await list(grantee.key, '?user=usr_grace')).toEqual([shared]);
    expect(await list(ada.key)).toEqual([]);
    const { body } = await ask(harness.url, '/v1/connections', { key: grantee.key });
    expect(body['connections']).toMatchObject([
      { kind: 'workspace', user: null, agent: null, expiresAt: expect.any(String) },
      { kind: 'agent', expiresAt: null },
    ]);
  });

  it('count for a tool’s status where the user has none of their own', async () => {
    const grantee = await harness.seed.agent(ada.org, { connector: 'sandbox', permission: 'read', tools: null });
    const status = async (user: string) => {
      const { body } = await ask(harness.url, `/v1/tools?user=${user}`, { key: grantee.key });
      return (body['tools'] as { connectionStatus: string | null }[])[0]?.connectionStatus;
    };
    expect(await status('usr_new')).toBeNull();
    await owner.query(
      `INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id)
       SELECT id, org_id, $2 FROM vault.connection WHERE org_id = $1 AND kind = 'workspace'`,
      [ada.org, grantee.agent],
    );
    expect(await status('usr_new')).toBe('active');
    await harness.seed.connection(grantee, 'usr_old', 'needs_reauthorization');
    expect(await status('usr_old')).toBe('needs_reauthorization');
  });
});
