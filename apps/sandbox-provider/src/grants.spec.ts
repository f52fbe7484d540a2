import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from '../test/browser.js';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../test/config.js';
import { startSandbox, type Sandbox } from './server.js';

const REDIRECT_URI = 'https://keyward.example/oauth/callback/abc';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox(sandboxConfig);
});
afterAll(() => sandbox.close());

type Json = Record<string, unknown>;

async function request(path: string, init: RequestInit = {}) {
  const response = await fetch(`${sandbox.url}${path}`, { redirect: 'manual', ...init });
  const text = await response.text();
  const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Json;
  return { status: response.status, headers: response.headers, body };
}

const manage = (path: string, body: unknown, method = 'POST') =>
  request(`/sandbox/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${MANAGEMENT_TOKEN}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const form = (path: string, fields: Record<string, string>) =>
  request(path, { method: 'POST', body: new URLSearchParams(fields) });
const withToken = (path: string, token: unknown) => request(path, { headers: { authorization: `Bearer ${String(token)}` } });

async function register(extra: Json): Promise<{ client_id: string; client_secret: string }> {
  const { status, body } = await manage('clients', { token_endpoint_auth_method: 'client_secret_post', ...extra });
  expect(status).toBe(201);
  return { client_id: String(body['client_id']), client_secret: String(body['client_secret']) };
}

/** A person signs in, consents to everything, and the code is exchanged. */
async function authorize(client: Record<string, string>, extra: Record<string, string> = {}): Promise<Json> {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: client['client_id'] ?? '',
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'notes:read notes:write',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  });
  const browser = new Browser();
  await browser.open(`${sandbox.url}/auth?${query.toString()}`);
  await browser.submit(sandbox.url, { login: 'ada', password: 'correct horse' });
  await browser.submit(sandbox.url, { decision: 'allow' });
  const code = browser.left?.searchParams.get('code') ?? '';
  const fields = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: verifier };
  const { status, body } = await form('/token', { ...fields, ...client, ...extra });
  expect([status, body['error']]).toEqual([200, undefined]);
  return body;
}

describe('client credentials', () => {
  it('give a client a token of its own, with notes of its own and no refresh token', async () => {
    const client = await register({ grant_types: ['client_credentials'] });
    const { body } = await form('/token', { grant_type: 'client_credentials', scope: 'notes:read', ...client });
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'notes:read', expires_in: 120 });
    expect(body).not.toHaveProperty('refresh_token');
    expect((await withToken('/api/me', body['access_token'])).body).toMatchObject({
      user: client.client_id,
      scopes: ['notes:read'],
    });
    await manage('tokens/expire', {});
    expect((await withToken('/api/me', body['access_token'])).status).toBe(401);
  });

  it('are refused to a client that was not registered for them', async () => {
    const client = await register({ redirect_uris: [REDIRECT_URI] });
    const { status, body } = await form('/token', { grant_type: 'client_credentials', ...client });
    expect([status, Object.keys(body)]).toEqual([400, ['error', 'error_description']]);
  });
});

describe('device authorization', () => {
  const start = async () => {
    const client = await register({ grant_types: [DEVICE_CODE, 'refresh_token'] });
    const { body } = await form('/device/auth', { scope: 'notes:read', ...client });
    return { body, poll: () => form('/token', { grant_type: DEVICE_CODE, device_code: String(body['device_code']), ...client }) };
  };
  const enter = async (browser: Browser, code: unknown) => {
    await browser.open(`${sandbox.url}/device`);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(browser.page)?.[1] ?? '';
    await browser.submit(sandbox.url, { xsrf, user_code: String(code) }, []);
    return { xsrf, user_code: String(code) };
  };

  it('waits for the person, then gives tokens once', async () => {
    const { body, poll } = await start();
    expect(body).toMatchObject({ verification_uri: `${sandbox.url}/device`, user_code: expect.stringMatching(/^\w{4}-\w{4}$/) });
    expect((await poll()).body['error']).toBe('authorization_pending');
    const browser = new Browser();
    const fields = await enter(browser, body['user_code']);
    await browser.submit(sandbox.url, { ...fields, confirm: 'yes' }, []);
    await browser.submit(sandbox.url, { login: 'ada', password: 'correct horse' });
    await browser.submit(sandbox.url, { decision: 'allow' });
    expect(browser.page).toContain('You can go back');
    const granted = await poll();
    expect(granted.body).toMatchObject({ scope: 'notes:read', refresh_token: expect.any(String) });
    expect((await poll()).body['error']).toBe('invalid_grant');
  });

  it('ends with access_denied when the person refuses', async () => {
    const { body, poll } = await start();
    const browser = new Browser();
    const fields = await enter(browser, body['user_code']);
    await browser.submit(sandbox.url, { ...fields, abort: 'yes' }, []);
    expect((await poll()).body['error']).toBe('access_denied');
  });

  it('does not know a code that nobody was given', async () => {
    const browser = new Browser();
    await enter(browser, 'BCDF-GHJK');
    expect(browser.page).toContain('not known');
  });
});

describe('token exchange', () => {
  it('makes a token of another client out of one, with no more scopes and a life of its own', async () => {
    const subject = await authorize(await register({ redirect_uris: [REDIRECT_URI] }), { scope: 'notes:read' });
    const client = await register({ grant_types: [TOKEN_EXCHANGE] });
    const fields = {
      grant_type: TOKEN_EXCHANGE,
      subject_token: String(subject['access_token']),
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      ...client,
    };
    const { body } = await form('/token', fields);
    expect(body).toMatchObject({ scope: 'notes:read', issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
    expect((await withToken('/api/me', body['access_token'])).body).toMatchObject({ user: 'ada', client: client.client_id });
    expect((await form('/token', { ...fields, scope: 'notes:write' })).body['error']).toBe('invalid_scope');
    expect((await form('/token', { ...fields, subject_token: 'made-up' })).body['error']).toBe('invalid_request');
  });
});

describe('the API with a key', () => {
  it('takes the key in a header, the query, the body or as Basic user name, until it is revoked', async () => {
    const { body: made } = await manage('api-keys', { user: 'ada' });
    const key = String(made['key']);
    const basic = `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ api_key: key }) };
    const asks = () =>
      Promise.all([
        request('/keyed/me', { headers: { 'x-api-key': key } }),
        request(`/keyed/me?api_key=${key}`),
        request('/keyed/me', { headers: { authorization: basic } }),
        request('/keyed/echo', json),
      ]);
    expect((await asks()).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await request('/keyed/notes', { headers: { 'x-api-key': key } })).body).toEqual({ notes: [] });
    expect((await manage(`api-keys/${String(made['id'])}`, undefined, 'DELETE')).status).toBe(204);
    expect((await asks()).map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });
});

describe('the MCP server', () => {
  const call = (token: unknown, name: string, args: Json) =>
    request('/mcp', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${String(token)}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name,
          arguments: args,
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    });

  it('says where to authorize, and registers a client that nobody has announced', async () => {
    const unauthorized = await request('/mcp', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    const metadataUrl = `${sandbox.url}/.well-known/oauth-protected-resource/mcp`;
    expect(unauthorized.status).toBe(401);
    expect(unauthorized.headers.get('www-authenticate')).toContain(`resource_metadata="${metadataUrl}"`);
    expect((await request('/.well-known/oauth-protected-resource/mcp')).body).toMatchObject({
      resource: `${sandbox.url}/mcp`,
      authorization_servers: [sandbox.url],
    });
    expect((await request('/.well-known/oauth-authorization-server')).body).toMatchObject({
      registration_endpoint: `${sandbox.url}/reg`,
      client_id_metadata_document_supported: true,
      code_challenge_methods_supported: ['S256'],
    });
    for (const redirectUri of [REDIRECT_URI, 'http://127.0.0.1:8081/oauth/callback/abc']) {
      const registered = await request('/reg', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [redirectUri], client_name: 'Newcomer', application_type: 'web' }),
      });
      expect(registered.status).toBe(201);
    }
  });

  it('takes tokens that are for it, and the notes API takes those that are not', async () => {
    const client = await register({ redirect_uris: [REDIRECT_URI] });
    const mcp = await authorize(client, { resource: `${sandbox.url}/mcp` });
    const api = await authorize(client);
    const created = await call(mcp['access_token'], 'create_note', { title: 'by MCP' });
    expect(created.body).toMatchObject({ result: { structuredContent: { created: true, note: { title: 'by MCP' } } } });
    expect((await call(api['access_token'], 'list_notes', {})).status).toBe(401);
    expect((await withToken('/api/notes', mcp['access_token'])).status).toBe(401);
    expect((await withToken('/api/notes', api['access_token'])).body).toMatchObject({ notes: [{ title: 'by MCP' }] });
    const again = { grant_type: 'refresh_token', refresh_token: String(mcp['refresh_token']), resource: `${sandbox.url}/mcp` };
    const { body: refreshed } = await form('/token', { ...again, ...client });
    expect((await call(refreshed['access_token'], 'list_notes', {})).status).toBe(200);
  });

  it('names the scope that a token lacks', async () => {
    const client = await register({ redirect_uris: [REDIRECT_URI] });
    const mcp = await authorize(client, { resource: `${sandbox.url}/mcp`, scope: 'notes:read' });
    const refused = await call(mcp['access_token'], 'create_note', { title: 'x' });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('notes:write');
  });
});
