import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { waitFor } from '@keyward/testing';
import type { HostileAuthorizationServer, HostileBehaviour } from '@keyward/testing/hostile-as';
import { EvilHarness } from './evil.js';
import type { AuthHarness } from './harness.js';

let here: EvilHarness;
let auth: AuthHarness;
let evil: HostileAuthorizationServer;
beforeAll(async () => {
  here = await EvilHarness.start();
  ({ auth, evil } = here);
});
afterAll(() => here.stop());

describe('cross-tenant provider app', () => {
  it('another organization’s registration is not there: not to see, replace, remove or come back to', async () => {
    const [ours, theirs] = [await here.victim(), await auth.tenant()];
    const path = `/v1/provider-apps/${ours.evil.id}`;
    const body = { organization: theirs.org, clientId: 'x', clientSecret: 'y' };
    const answers = [
      await auth.ask(`${path}?organization=${theirs.org}`),
      await auth.ask(path, { method: 'PUT', body }),
      await auth.ask(`${path}?organization=${theirs.org}`, { method: 'DELETE' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    // Nor is its connector.
    const session = await auth.ask('/v1/connect-sessions', {
      body: { organization: theirs.org, agent: theirs.agent, user: 'usr_ada', provider: 'evil' },
    });
    expect(session).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('is never answered with a secret, and is not removed while a connection lives by it', async () => {
    const tenant = await here.victim();
    const path = `/v1/provider-apps/${tenant.evil.id}?organization=${tenant.org}`;
    const shown = await auth.ask(path);
    expect(JSON.stringify(shown.body)).not.toContain('canary');
    await here.attempt(tenant);
    expect(await auth.ask(path, { method: 'DELETE' })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const [connection] = await auth.connections(tenant);
    expect(
      (await auth.ask(`/v1/connections/${connection?.id}?organization=${tenant.org}`, { method: 'DELETE' })).status,
    ).toBeLessThan(300);
    // The provider is asked to revoke with it first.
    await waitFor(async () => (await auth.ask(path, { method: 'DELETE' })).status === 204);
    expect((await auth.ask(path)).status).toBe(404);
  });
});

describe('what a registration needs is what the provider’s clients have', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const create = async (body: Record<string, unknown>) => {
    const { org } = await auth.team();
    return auth.ask('/v1/provider-apps', { body: { organization: org, ...body } });
  };

  it.each([
    [{ provider: 'evil', clientId: 'c' }, '/clientSecret'],
    [{ provider: 'evil', clientId: 'c', clientSecret: 's', privateKey: pem }, '/privateKey'],
    [{ provider: 'evil', clientSecret: 's' }, '/clientId'],
    [{ provider: 'evil' }, '/clientSecret'],
    [{ provider: 'evil', clientId: 'c', clientSecret: 's', parameters: { tenant: 'x' } }, '/parameters/tenant'],
    [{ provider: 'evil_key', clientId: 'c', parameters: { tenant: 'acme' } }, '/privateKey'],
    [{ provider: 'evil_key', clientId: 'c', privateKey: pem }, '/parameters/tenant'],
    [{ provider: 'evil_key', clientId: 'c', privateKey: pem, parameters: { tenant: 'a/b' } }, '/parameters/tenant'],
    [{ provider: 'evil_key', clientId: 'c', privateKey: 'no PEM', parameters: { tenant: 'acme' } }, '/privateKey'],
    [{ provider: 'evil_mcp', clientSecret: 's' }, '/clientId'],
    [{ provider: 'sandbox_key', clientId: 'c' }, '/provider'],
    [{ provider: 'nobody', clientId: 'c' }, '/provider'],
  ])('%#: refused at %s', async (body, pointer) => {
    const answer = await create(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ pointer }] } });
    expect(JSON.stringify(answer.body)).not.toContain('PRIVATE KEY');
  });

  it('a private key is sealed, never answered, and replaced with the rest', async () => {
    const made = await create({ provider: 'evil_key', clientId: 'c', privateKey: pem, parameters: { tenant: 'acme' } });
    expect(made).toMatchObject({
      status: 201,
      body: { parameters: { tenant: 'acme' }, registration: 'pre_registered', issuer: null },
    });
    const { id, organization } = made.body as { id: string; organization: string };
    const change = { organization, clientId: 'd', privateKey: pem, parameters: { tenant: 'other' } };
    const replaced = await auth.ask(`/v1/provider-apps/${id}`, { method: 'PUT', body: change });
    expect(replaced).toMatchObject({ status: 200, body: { clientId: 'd', parameters: { tenant: 'other' } } });
    expect(JSON.stringify([made.body, replaced.body])).not.toContain('PRIVATE');
    const { rows } = await auth.database.query<{ text: string }>(
      'SELECT to_jsonb(a)::text AS text FROM vault.provider_app a WHERE id = $1',
      [id],
    );
    expect(rows[0]?.text).not.toContain('PRIVATE');
    expect(rows[0]?.text).not.toContain(Buffer.from(pem).toString('hex').slice(0, 200));
  });
});

describe('poisoned metadata: nothing is registered, and nothing else is asked', () => {
  it.each<HostileBehaviour>([
    { metadata: 'wrong_issuer' },
    { metadata: 'http_endpoints' },
    { metadata: 'endpoint_with_user_info' },
    { metadata: 'javascript_endpoint' },
    { metadata: 'plain_pkce_only' },
    { metadata: 'no_pkce' },
    { metadata: 'prototype_keys' },
    { metadata: 'huge' },
    { metadata: 'deep' },
    { metadata: 'redirect' },
    { metadata: 'unavailable' },
    { resource: 'wrong_resource' },
    { resource: 'resource_prefix' },
    { resource: 'server_at_cloud_metadata' },
    { resource: 'challenge_at_cloud_metadata' },
    { resource: 'javascript_server' },
    { registration: 'other_redirect_uri' },
    { registration: 'no_secret' },
    { registration: 'control_characters' },
    { registration: 'html' },
    { registration: 'redirect' },
  ])('%j', async (behaviour) => {
    const { org } = await auth.team();
    evil.behaviour = { ...behaviour, redirectTo: `${auth.sandbox.url}/elsewhere` };
    const body = { organization: org, provider: 'evil_mcp' };
    const answer = await auth.ask('/v1/provider-apps', { body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body['code']).not.toBe('internal');
    expect((await auth.database.query('SELECT 1 FROM vault.provider_app WHERE org_id = $1', [org])).rows).toEqual([]);
    evil.behaviour = {};
    // It was the server's doing: once it is honest, the same request succeeds.
    expect(await auth.ask('/v1/provider-apps', { body })).toMatchObject({ status: 201, body: { issuer: evil.issuer } });
  });
});

it('our client id metadata document is at a stable address, and names what is registered there alone', async () => {
  const { evil: app } = await here.victim();
  const url = app.redirectUri.replace('/callback/', '/clients/');
  const get = () => fetch(url, { headers: { 'x-forwarded-for': '203.0.113.77' } });
  expect((await get()).status).toBe(404);
  await auth.database.query(`UPDATE vault.provider_app SET registration = 'client_id_metadata_document' WHERE id = $1`, [app.id]);
  expect(await (await get()).json()).toEqual({
    client_id: url,
    client_name: 'Keyward (Acme)',
    redirect_uris: [app.redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'web',
    token_endpoint_auth_method: 'none',
  });
});
