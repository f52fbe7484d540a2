import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { CLIENT, environmentOf, OddProvider, type Answer } from '../../test/odd-provider.js';
import { World } from '../../test/world.js';

const BASIC = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;
const HOST =
  'connection_parameters: { host: { title: Host, type: origin, source: { token_response: /restUrl } }, tenant: { title: Tenant, type: label } }';
const DECLARED = {
  machine: "auth: { kind: oauth2_client_credentials, token_endpoint: 'URL/token' }",
  exchanged: "auth: { kind: oauth2_token_exchange, token_endpoint: 'URL/token' }",
  extended: `auth: { kind: oauth2_authorization_code, authorization_endpoint: 'URL/auth', token_endpoint: 'URL/token' }
refresh:
  method: exchange
  minimum_age_seconds: 86400
  exchange:
    endpoint: 'URL/refresh_access_token'
    request: { method: GET, format: query, parameters: { grant_type: th_refresh_token, access_token: '\${token.access_token}' } }`,
  elsewhere: `auth: { kind: oauth2_authorization_code, authorization_endpoint: 'URL/auth', token_endpoint: 'URL/token' }
refresh: { rotates: true, endpoint: 'URL/refresh' }
${HOST}`,
  signed: `auth:
  kind: signed_jwt
  assertion: { algorithm: RS256, claims: { iss: '\${connection.tenant}' }, lifetime_seconds: 300 }
connection_parameters: { tenant: { title: Tenant, type: label } }`,
};
type Name = keyof typeof DECLARED;

let world: World;
let odd: Record<Name, OddProvider>;

beforeAll(async () => {
  world = await World.create();
  const names = Object.keys(DECLARED) as Name[];
  odd = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await OddProvider.start(world, name)])),
  ) as typeof odd;
  const environment = await environmentOf(
    world,
    names.map((name) => [odd[name], DECLARED[name]]),
  );
  await Promise.all([world.startRefresher(environment), world.startRefresher(environment)]);
});
beforeEach(() => {
  for (const each of Object.values(odd)) each.questions.length = 0;
});
afterAll(() => world.close());

const token = (accessToken: string, more: object = {}): Answer => ({
  body: { access_token: accessToken, token_type: 'Bearer', expires_in: 3600, ...more },
});
const ask = (provider: Name, of: { org: string; connection: string }, request: Parameters<World['ask']>[1] = {}) =>
  world.ask(of, request, provider);
const due = ({ connection }: { connection: string }) =>
  world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE connection_id = $1', [connection]);

describe('a grant that is made again', () => {
  it('client credentials: 30 askers over two processes cost one token request, for what was asked for at first', async () => {
    const connection = await odd.machine.connect({ scopes: ['read'], requestedScopes: ['read', 'write'] });
    odd.machine.answer = () => token('machine-2', { refresh_token: 'is not kept', scope: 'read write' });
    const replies = await Promise.all(Array.from({ length: 30 }, () => ask('machine', connection)));
    expect(new Set(replies.map((reply) => JSON.stringify(reply)))).toEqual(new Set(['{"outcome":"refreshed","generation":2}']));
    expect(odd.machine.questions).toEqual([
      {
        method: 'POST',
        path: '/token',
        parameters: { grant_type: 'client_credentials', scope: 'read write' },
        authorization: BASIC,
      },
    ]);
    expect(await world.accessToken(connection)).toBe('machine-2');
    expect(await world.row(connection)).toMatchObject({
      sealedRefresh: null,
      renewable: true,
      scopes: ['read', 'write'],
      failures: 0,
    });
  });

  it('an answer that is lost is no danger: it is asked for again, and nobody is sent to authorize', async () => {
    const connection = await odd.machine.connect({});
    odd.machine.answer = () => 'break off';
    expect(await ask('machine', connection)).toMatchObject({ outcome: 'failed', error: { code: 'provider_unavailable' } });
    expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 1, failures: 1 });
    odd.machine.answer = () => token('machine-2');
    await due(connection);
    await waitFor(async () => (await world.row(connection)).generation === 2);
    expect(odd.machine.questions).toHaveLength(2);
  });

  it('an earlier holder that was not heard of again is no danger either', async () => {
    const connection = await odd.machine.connect({});
    odd.machine.answer = () => token('machine-2');
    await world.admin.query(
      `UPDATE vault.credential SET lease_owner = 'dead', lease_generation = 1, lease_until = now() - interval '1 second', refresh_at = now() WHERE connection_id = $1`,
      [connection.connection],
    );
    await waitFor(async () => (await world.row(connection)).generation === 2);
    expect(await world.accessToken(connection)).toBe('machine-2');
  });

  it('token exchange: with the subject token, which stays; once that has ended, the person is asked', async () => {
    const connection = await odd.exchanged.connect({ material: 'subject-token' });
    odd.exchanged.answer = () =>
      token('exchanged', { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', refresh_token: 'is not kept' });
    for (const newerThan of [1, 2]) {
      expect(await ask('exchanged', connection, { newerThan })).toEqual({ outcome: 'refreshed', generation: newerThan + 1 });
    }
    expect(odd.exchanged.questions.map(({ parameters }) => parameters['subject_token'])).toEqual([
      'subject-token',
      'subject-token',
    ]);
    odd.exchanged.answer = () => ({ status: 400, body: { error: 'invalid_grant' } });
    expect(await ask('exchanged', connection, { newerThan: 3 })).toMatchObject({
      outcome: 'failed',
      error: { code: 'needs_reauthorization' },
    });
    const { rows } = await world.admin.query('SELECT status_reason FROM vault.connection WHERE id = $1', [connection.connection]);
    expect(rows).toEqual([{ status_reason: 'The provider no longer grants new access tokens for this connection.' }]);
  });

  it('signed JWT: signed anew with the person’s key, without a registration and without a request', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const connection = await odd.signed.connect({ material: privateKey, registered: false, parameters: { tenant: 'acme' } });
    expect(await ask('signed', connection)).toEqual({ outcome: 'refreshed', generation: 2 });
    const [, claims = ''] = (await world.accessToken(connection)).split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ iss: 'acme' });
    const row = await world.row(connection);
    expect(row.accessExpiresInMs).toBeLessThanOrEqual(300_000);
    expect(row).toMatchObject({ renewable: true, providerApp: null });
    expect(odd.signed.questions).toEqual([]);
  });
});

describe('a token that is itself extended', () => {
  const aged = ({ connection }: { connection: string }) =>
    world.admin.query(`UPDATE vault.credential SET obtained_at = now() - interval '2 days' WHERE connection_id = $1`, [
      connection,
    ]);

  it('is exchanged for a longer-lived one, without a refresh token', async () => {
    const connection = await odd.extended.connect({ accessToken: 'short' });
    await aged(connection);
    odd.extended.answer = () => token('longer');
    expect(await ask('extended', connection)).toEqual({ outcome: 'refreshed', generation: 2 });
    expect(odd.extended.questions).toMatchObject([
      { method: 'GET', path: '/refresh_access_token', parameters: { grant_type: 'th_refresh_token', access_token: 'short' } },
    ]);
    expect(await world.row(connection)).toMatchObject({ sealedRefresh: null, renewable: true });
  });

  it('is not sent while it is too young; it stays in service until it is old enough', async () => {
    const connection = await odd.extended.connect({ accessToken: 'young', refreshInMs: 0 });
    await waitFor(async () => (await world.row(connection)).failures === 1);
    const row = await world.row(connection);
    expect(row).toMatchObject({ status: 'active', generation: 1 });
    expect((row.refreshInMs ?? 0) + row.obtainedMsAgo).toBeCloseTo(86_400_000, -3);
    expect(odd.extended.questions).toEqual([]);
  });

  it('is given up when the provider refuses the very token: there is no other way to the next', async () => {
    const connection = await odd.extended.connect({ accessToken: 'revoked' });
    await aged(connection);
    odd.extended.answer = () => ({ status: 400, body: { error: { message: 'Session has expired', code: 190 } } });
    expect(await ask('extended', connection, { reason: 'rejected_by_provider' })).toMatchObject({
      error: { code: 'needs_reauthorization' },
    });
    const young = await odd.extended.connect({ accessToken: 'revoked and young' });
    expect(await ask('extended', young, { reason: 'rejected_by_provider' })).toMatchObject({
      error: { code: 'needs_reauthorization' },
    });
    expect(odd.extended.questions).toHaveLength(1);
  });
});

describe('a refresh token', () => {
  it('goes to the separate refresh URL, and the API host that the answer names is the connection’s from then on', async () => {
    const connection = await odd.elsewhere.connect({
      material: 'refresh-1',
      parameters: { host: 'https://old.example', tenant: 'acme' },
    });
    odd.elsewhere.answer = () => token('access-2', { refresh_token: 'refresh-2', restUrl: 'https://rest7.example' });
    expect(await ask('elsewhere', connection)).toEqual({ outcome: 'refreshed', generation: 2 });
    expect(odd.elsewhere.questions).toMatchObject([
      { path: '/refresh', parameters: { grant_type: 'refresh_token', refresh_token: 'refresh-1' } },
    ]);
    expect((await world.row(connection)).parameters).toEqual({ host: 'https://rest7.example', tenant: 'acme' });
    odd.elsewhere.answer = () => token('access-3', { restUrl: 'javascript:alert(1)' });
    expect(await ask('elsewhere', connection, { newerThan: 2 })).toMatchObject({ outcome: 'failed' });
    expect((await world.row(connection)).parameters).toEqual({ host: 'https://rest7.example', tenant: 'acme' });
    expect(odd.elsewhere.questions.at(-1)?.parameters['refresh_token']).toBe('refresh-2');
  });
});
