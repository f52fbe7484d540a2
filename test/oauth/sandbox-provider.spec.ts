import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorizationServerOrigins, loadCatalog, type Catalog, type ProviderManifest, type Scope } from '@keyward/connectors';
import { createEgress, type Egress, type EgressRequest } from '@keyward/egress';
import {
  authorizationUrl,
  clientMetadataDocument,
  connectedProvider,
  createPkcePair,
  discoverResource,
  exchangeCode,
  obtainToken,
  pollDeviceToken,
  readCallback,
  registerClient,
  renewToken,
  startDeviceAuthorization,
  type OAuthClient,
  type TokenSet,
  type Wire,
} from '@keyward/oauth';
import { sandboxVariables } from '@keyward/testing';
import { startMtlsServer, testCa } from '@keyward/testing/mtls';
import { startSandbox, type Sandbox } from '../../apps/sandbox-provider/src/server.js';
import { Browser } from '../../apps/sandbox-provider/test/browser.js';
import { callMcpTool } from '../../apps/tool-executor/src/provider/mcp/call-mcp-tool.js';
import { McpServers } from '../../apps/tool-executor/src/provider/mcp/mcp-servers.js';
import { MANAGEMENT_TOKEN, PASSWORD, sandboxConfig } from '../../apps/sandbox-provider/test/config.js';

const CONNECTORS = fileURLToPath(new URL('../../connectors', import.meta.url));
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const REDIRECT_URI = 'https://keyward.example/oauth/callback/ctx-1';

let sandbox: Sandbox;
let egress: Egress;
let catalog: Catalog;
beforeAll(async () => {
  sandbox = await startSandbox(sandboxConfig);
  egress = createEgress({ privateOrigins: [sandbox.url] });
  catalog = loadCatalog(CONNECTORS, JSON.parse(sandboxVariables(sandbox.url)));
});
afterAll(async () => {
  await egress.close();
  await sandbox.close();
});

async function manage(path: string, body: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

async function registered(grantTypes: string[]): Promise<OAuthClient> {
  const { client_id, client_secret } = await manage('clients', { grant_types: grantTypes });
  return { clientId: String(client_id), clientSecret: String(client_secret) };
}

function providerOf(name: string): ProviderManifest {
  const found = catalog.connector(name);
  if (found === undefined) throw new Error(`there is no connector ${name}`);
  return found;
}

const wireTo = (provider: ProviderManifest): Wire => ({
  fetch: egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) }),
});
const discoveryWire = { fetchFor: (origins: readonly string[]) => egress.fetchFor({ provider: 'sandbox_mcp', origins }) };

/** Calls a tool as the executor would, with this credential. */
async function call(name: string, args: Record<string, unknown>, secret: string) {
  const tool = catalog.tool(name);
  const { provider } = tool;
  const { credential } = provider;
  const [step] = tool.steps;
  if (step === undefined) throw new Error('the tool has no step');
  const scope: Scope = { args, steps: {}, key: 'exe_1', connection: {}, provider };
  const { method, url, headers, body } = await step.render(scope);
  const send = (request: Pick<EgressRequest, 'method' | 'url' | 'headers' | 'body' | 'isLast'>) =>
    egress.send({
      ...{
        provider: name,
        origins: provider.origins,
        credential: { ...credential, secret },
        timeoutMs: 5_000,
        maxBytes: 1_000_000,
      },
      ...request,
    });
  if (step.mcp === undefined) {
    const response = await send({ method, url, headers, body });
    return { status: response.status, body: JSON.parse(response.body.toString()) as unknown };
  }
  const mcp = { tool: step.mcp.tool, arguments: await step.mcp.arguments(scope) };
  const signal = new AbortController().signal;
  const attempt = await callMcpTool(new McpServers(), { url, headers, ...mcp, timeoutMs: 5_000, signal }, send);
  if ('error' in attempt) throw attempt.error;
  return { status: attempt.response.status, body: JSON.parse(attempt.response.body.toString()) as unknown };
}

it('sandbox_service: the registration itself is the account, and its grant is made again for the next token', async () => {
  const provider = providerOf('sandbox_service');
  const client = await registered(['client_credentials']);
  const scopes = provider.auth.scopes.default;
  const tokens = await obtainToken({ provider, client, scopes }, wireTo(provider));
  expect(tokens.scopes).toEqual(['notes:read', 'notes:write']);
  expect(await call('sandbox_service_list_notes', {}, tokens.accessToken)).toEqual({ status: 200, body: expect.anything() });
  const next = await renewToken({ provider, client, scopes, accessToken: tokens.accessToken }, wireTo(provider));
  expect(next.accessToken).not.toBe(tokens.accessToken);
});

it('sandbox_device: a person enters the code, and the token is there', async () => {
  const provider = providerOf('sandbox_device');
  const client = await registered([DEVICE_CODE, 'refresh_token']);
  const wire = wireTo(provider);
  const started = await startDeviceAuthorization({ provider, client, scopes: ['notes:read'] }, wire);
  const poll = () => pollDeviceToken({ provider, client, deviceCode: started.deviceCode }, wire);
  expect(await poll()).toEqual({ kind: 'pending' });

  const browser = new Browser();
  await browser.open(started.verificationUri);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(browser.page)?.[1] ?? '';
  const fields = { xsrf, user_code: started.userCode };
  await browser.submit(sandbox.url, fields, []);
  await browser.submit(sandbox.url, { ...fields, confirm: 'yes' }, []);
  await browser.submit(sandbox.url, { login: 'ada', password: PASSWORD });
  await browser.submit(sandbox.url, { decision: 'allow' });

  const granted = await poll();
  if (granted.kind !== 'granted') throw new Error(granted.kind);
  expect(await call('sandbox_device_list_notes', {}, granted.tokens.accessToken)).toMatchObject({ status: 200 });
  const { accessToken, refreshToken = '' } = granted.tokens;
  const next = await renewToken({ provider, client, scopes: [], accessToken, refreshToken }, wire);
  expect(next.refreshToken).not.toBe(refreshToken);
});

it('sandbox_key: the key is all there is', async () => {
  const { key } = await manage('api-keys', { user: 'ada' });
  const echoed = await call('sandbox_key_echo', { message: 'hello' }, String(key));
  expect(echoed).toMatchObject({ status: 200, body: { body: { message: 'hello' } } });
});

describe('sandbox_mcp: an MCP server that nobody has registered anything at', () => {
  async function connect(provider: ProviderManifest, client: OAuthClient): Promise<TokenSet> {
    const { verifier, challenge } = await createPkcePair(provider);
    const scopes = provider.auth.scopes.default;
    const url = authorizationUrl({
      provider,
      client,
      redirectUri: REDIRECT_URI,
      scopes,
      state: 'st4te',
      codeChallenge: challenge,
    });
    const browser = new Browser();
    await browser.open(url.href);
    await browser.submit(sandbox.url, { login: 'ada', password: PASSWORD });
    await browser.submit(sandbox.url, { decision: 'allow' });
    const callback = readCallback(provider, client, browser.left?.searchParams ?? new URLSearchParams(), 'st4te');
    if (callback.kind !== 'code') throw new Error(callback.kind);
    const exchange = { provider, client, parameters: callback.parameters, redirectUri: REDIRECT_URI, codeVerifier: verifier };
    return exchangeCode(exchange, wireTo(provider));
  }
  const registered = (manifest: ProviderManifest, { clientId }: OAuthClient, metadata: Record<string, unknown>) =>
    connectedProvider({ manifest, app: { clientId, parameters: {}, metadata } }, {});
  const discover = () => discoverResource({ resource: `${sandbox.url}/mcp` }, discoveryWire);

  it('quirk: dynamic registration - discovered, registered, authorized, called, refreshed', async () => {
    const manifest = providerOf('sandbox_mcp');
    const description = { clientName: 'Keyward', redirectUri: REDIRECT_URI };
    const { client, metadata, registration } = await registerClient(
      { manifest, discovered: await discover(), ...description },
      discoveryWire,
    );
    expect(registration).toBe('dynamic');
    const provider = registered(manifest, client, metadata);
    const tokens = await connect(provider, client);

    const listed = await call('sandbox_mcp_list_tools', {}, tokens.accessToken);
    expect(listed).toMatchObject({ status: 200, body: { result: { tools: [{ name: 'list_notes' }, { name: 'create_note' }] } } });
    const created = await call('sandbox_mcp_create_note', { title: 'through MCP' }, tokens.accessToken);
    expect(created).toMatchObject({ body: { structuredContent: { created: true } } });
    const notes = await call('sandbox_mcp_list_notes', {}, tokens.accessToken);
    expect(notes).toMatchObject({ body: { structuredContent: { notes: [{ title: 'through MCP' }] } } });
    // For the MCP server and for nothing beside it (RFC 8707).
    expect(await call('sandbox_list_notes', {}, tokens.accessToken)).toMatchObject({ status: 401 });

    const { accessToken, refreshToken = '' } = tokens;
    const next = await renewToken({ provider, client, scopes: [], accessToken, refreshToken }, wireTo(provider));
    expect(await call('sandbox_mcp_list_notes', {}, next.accessToken)).toMatchObject({ status: 200 });
  });

  it('quirk: client id metadata document - the server comes and reads who we are', async () => {
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, testCa]);
    const ours = await startMtlsServer(() => [200, clientMetadataDocument(documentUrl(), description)]);
    const documentUrl = () => `${ours.origin}/oauth/clients/ctx-1`;
    const description = { clientName: 'Keyward', redirectUri: REDIRECT_URI };
    try {
      const manifest = providerOf('sandbox_mcp');
      const { client, metadata, registration } = await registerClient(
        { manifest, discovered: await discover(), clientMetadataUrl: documentUrl(), ...description },
        discoveryWire,
      );
      expect([registration, client]).toEqual(['client_id_metadata_document', { clientId: documentUrl() }]);
      const tokens = await connect(registered(manifest, client, metadata), client);
      expect(await call('sandbox_mcp_list_notes', {}, tokens.accessToken)).toMatchObject({ status: 200 });
    } finally {
      await ours.stop();
      setDefaultCACertificates(trusted);
    }
  });
});
