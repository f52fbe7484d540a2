import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { authorizationServerOrigins, hasAuth, loadCatalog, type ProviderManifest } from '@keyward/connectors';
import { createEgress, type Egress } from '@keyward/egress';
import { introspectRefreshToken, renewToken, type OAuthClient, type Wire } from '@keyward/oauth';
import { sandboxVariables } from '@keyward/testing';
import { startSandbox, type Sandbox } from '../../apps/sandbox-provider/src/server.js';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../apps/sandbox-provider/test/config.js';

const CONNECTORS = fileURLToPath(new URL('../../connectors', import.meta.url));

let sandbox: Sandbox;
let egress: Egress;
let provider: ProviderManifest;
let wire: Wire;
let client: OAuthClient;
let refreshToken: string;
beforeAll(async () => {
  sandbox = await startSandbox(sandboxConfig);
  egress = createEgress({ privateOrigins: [sandbox.url] });
  const found = loadCatalog(CONNECTORS, JSON.parse(sandboxVariables(sandbox.url))).connector('sandbox');
  if (found === undefined || !hasAuth(found, 'oauth2_authorization_code')) throw new Error('no sandbox');
  provider = { ...found, auth: { ...found.auth, introspection_endpoint: `${sandbox.url}/token/introspection` } };
  wire = { fetch: egress.fetchFor({ provider: 'sandbox', origins: authorizationServerOrigins(provider) }) };
});
afterAll(async () => {
  await egress.close();
  await sandbox.close();
});
beforeEach(async () => {
  client = await registered();
  const { tokens } = await manage<{ tokens: { refresh_token: string }[] }>('tokens/issue', {
    client_id: client.clientId,
    user: 'ada',
    count: 1,
  });
  refreshToken = tokens[0]?.refresh_token ?? '';
});

async function manage<T>(path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' };
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  return (await (await fetch(`${sandbox.url}/sandbox/${path}`, init)).json()) as T;
}

async function registered(): Promise<OAuthClient> {
  const grants = { grant_types: ['authorization_code', 'refresh_token'] };
  const { client_id: clientId, client_secret: clientSecret } = await manage<Record<string, string>>('clients', {
    ...grants,
    redirect_uris: ['https://keyward.example/oauth/callback/abc'],
  });
  return { clientId: clientId ?? '', clientSecret: clientSecret ?? '' };
}

const probe = (asking = client) => introspectRefreshToken({ provider, client: asking, refreshToken }, wire);
const renew = () => renewToken({ provider, client, scopes: [], refreshToken }, wire);

it('a request that never arrived has left the refresh token as it was, and asking does not spend it', async () => {
  expect([await probe(), await probe()]).toEqual([{ active: true }, { active: true }]);
  expect(await renew()).toMatchObject({ refreshToken: expect.any(String) });
});

it.each(['drop', 'garble'])('an answer that is lost (%s) has spent it, which is learned without a replay', async (kind) => {
  const reuses = async () => (await manage<{ reuseDetections: number }>('counters')).reuseDetections;
  const before = await reuses();
  await manage('faults', { endpoint: 'token', kind });
  await expect(renew()).rejects.toMatchObject({ maybeRedeemed: true });
  expect(await probe()).toEqual({ active: false });
  expect([typeof before, await reuses()]).toEqual(['number', before]);
});

it('of somebody else’s refresh token nothing is told', async () => {
  expect(await probe(await registered())).toEqual({ active: false });
});
