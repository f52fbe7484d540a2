import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  headers,
  newId,
  type Connection,
  type ConnectionAuthorization,
  type ConnectionTest,
  type ControlRevoked,
} from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import type { Acme } from './acme.js';
import { AcmeHarness } from './acme-harness.js';
import type { AuthHarness } from './harness.js';

let here: AcmeHarness;
let acme: Acme;
let auth: AuthHarness;
let org: string;
let agent: string;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ acme, auth } = here);
});
afterAll(() => here.stop());
beforeEach(async () => {
  ({ org, agent } = await auth.team());
});

type Problem = { code: string; detail: string; errors?: { pointer: string }[]; providerStatus?: number };
const connect = <T = Connection>(body: object) => here.connect<T>({ org, agent }, { secret: undefined, ...body });
const connected = (change: object = {}) => here.connected({ org, agent }, change);
const at = (id: string, rest = '') => `/v1/connections/${id}${rest}?organization=${org}`;
const workspace = (agents: string[]) => ({ kind: 'workspace', agent: undefined, user: undefined, agents });

describe('connecting without a browser', () => {
  it('asks the provider first, stores the key sealed, and knows whose account it is; the key is in no answer', async () => {
    const key = acme.newKey();
    const { status, body } = await connect({ secret: ` ${key}\n` });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      kind: 'agent',
      user: 'usr_ada',
      agent,
      status: 'active',
      scopes: [],
      account: { id: '4711' },
      authorizedBy: { kind: 'admin' },
    });
    expect(JSON.stringify(body)).not.toContain(key);
    const { rows } = await auth.database.query<{ sealed_access: Buffer }>(
      'SELECT sealed_access FROM vault.credential WHERE connection_id = $1',
      [body.id],
    );
    expect(rows.map(({ sealed_access }) => sealed_access.includes(key))).toEqual([false]);
    expect(await auth.auditEvent(org, 'connection.authorized')).toMatchObject({ connection: body.id, actor: { kind: 'admin' } });
  });

  it('again replaces the credential and keeps the id; what the provider does not take leaves the earlier one as it was', async () => {
    const first = await connected();
    const refused = await connect<Problem>({ secret: 'acme-canary-unknown' });
    expect(refused.body).toMatchObject({ status: 502, code: 'provider_error', providerStatus: 401 });
    expect(JSON.stringify(refused.body)).not.toContain('canary');
    const generation = async () =>
      (await auth.database.query('SELECT generation FROM vault.credential WHERE connection_id = $1', [first.id])).rows;
    expect(await generation()).toEqual([{ generation: 1 }]);
    const second = await connected();
    expect(second.id).toBe(first.id);
    expect(await generation()).toEqual([{ generation: 2 }]);
    const { authorizations } = (await auth.ask<{ authorizations: ConnectionAuthorization[] }>(at(first.id, '/history'))).body;
    expect(authorizations.map((one) => [one.generation, one.authorizedBy])).toEqual([
      [2, { kind: 'admin', id: 'admin' }],
      [1, { kind: 'admin', id: 'admin' }],
    ]);
  });

  it('is refused where the provider can not be asked, and nothing is stored; probe: false stores it unasked', async () => {
    acme.faults.set('/api/me', { status: 503, times: 1 });
    const refused = await connect<Problem>({ secret: acme.newKey() });
    expect(refused.body).toMatchObject({ status: 503, code: 'provider_unavailable' });
    expect(await auth.connections({ org })).toEqual([]);
    const before = acme.askedFor('/api/me').length;
    await connected({ secret: 'never-asked', probe: false });
    expect(acme.askedFor('/api/me')).toHaveLength(before);
  });

  it('makes a token of the registration where that is the account', async () => {
    expect((await connect<Problem>({ provider: 'acme_service' })).body).toMatchObject({ status: 400, code: 'invalid_request' });
    await auth.ask('/v1/provider-apps', {
      body: { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const { body } = await connect({ provider: 'acme_service' });
    expect(body).toMatchObject({ status: 'active', scopes: ['notes'], account: { id: '4711' }, expiresAt: expect.any(String) });
  });

  it('stores nothing where no token can be had, and can be tried again', async () => {
    await auth.ask('/v1/provider-apps', {
      body: { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const end = acme.down('/token', 503);
    const refused = await connect<Problem>({ provider: 'acme_service' });
    expect(refused.body).toMatchObject({ status: 503, code: 'provider_unavailable' });
    expect(await auth.connections({ org })).toEqual([]);
    end();
    await connected({ provider: 'acme_service', secret: undefined });
  });

  it('takes a refusal for one that comes with status 200, where the manifest says so; the key goes where the manifest says', async () => {
    const refused = await connect<Problem>({ provider: 'acme_odd', secret: 'acme-canary-unknown' });
    expect(refused.body).toMatchObject({ status: 502, code: 'provider_error', providerStatus: 200 });
    const accepted = await connected({ provider: 'acme_odd' });
    // What an object inherits is no account, and a truth value is no name.
    expect(accepted.account).toEqual({ id: null, name: null });
  });

  it('keeps what the provider declares to differ per connection', async () => {
    const basic = (body: object) => connect<Problem & Connection>({ provider: 'acme_basic', secret: 'ada:pw', ...body });
    expect((await basic({})).body.errors?.[0]?.pointer).toBe('/parameters/site');
    expect((await basic({ parameters: { site: 'evil.example/' } })).body.errors?.[0]?.pointer).toBe('/parameters/site');
    expect((await basic({ parameters: { site: 'north' } })).body).toMatchObject({
      status: 'active',
      parameters: { site: 'north' },
    });
  });

  it.each(['a\r\nX-Evil: 1', 'a\u0000b', 's\u00e9cret', '\ud800', 'x'.repeat(16_384)])(
    'with a secret like %j is refused for what it is, asks for nothing else, and stores nothing',
    async (secret) => {
      const { status, body } = await connect<Problem>({ secret });
      // The last one is only a key that the provider does not know.
      expect({ status, code: body.code }).toEqual(
        secret.startsWith('x') ? { status: 502, code: 'provider_error' } : { status: 400, code: 'invalid_request' },
      );
      expect(await auth.connections({ org })).toEqual([]);
    },
  );

  it.each([
    [{ provider: 'nobody', secret: 'x' }, '/provider'],
    [{ provider: 'acme_code', secret: 'x' }, '/provider'],
    [{ secret: '' }, '/secret'],
    [{ agents: [] }, ''],
    [{ user: undefined }, ''],
    [{ agent: undefined, user: undefined, kind: 'workspace' }, ''],
    [{ secret: 'x', alias: '../x' }, '/alias'],
    [{ secret: 'x', scopes: ['a b'] }, '/scopes/0'],
    [{ secret: 'x', accessToken: 'y' }, ''],
  ])('with %j is refused, with the place, and stores nothing', async (change, pointer) => {
    const { status, body } = await connect<Problem>(change);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_request' });
    expect(body.errors?.[0]?.pointer).toBe(pointer);
    expect(await auth.connections({ org })).toEqual([]);
  });
});

describe('a list of connections', () => {
  it('is narrowed by user, agent, provider, status and kind; an agent’s holds those of the workspace that it may use', async () => {
    const other = await auth.agent(org);
    const mine = await connected();
    const theirs = await connected({ agent: other, user: 'usr_bob' });
    const shared = await connected({ ...workspace([other]), alias: 'team' });
    const revoked = await connected({ alias: 'old' });
    await auth.ask(at(revoked.id), { method: 'DELETE' });
    const ids = async (filter: string) => {
      const { body } = await auth.ask<{ connections: Connection[] }>(`/v1/connections?organization=${org}&${filter}`);
      return body.connections.map(({ id }) => id);
    };
    expect(await ids('user=usr_bob')).toEqual([theirs.id]);
    expect(await ids(`agent=${agent}`)).toEqual([revoked.id, mine.id]);
    expect(await ids(`agent=${other}`)).toEqual([shared.id, theirs.id]);
    expect(await ids('kind=workspace')).toEqual([shared.id]);
    expect(await ids('status=revoked')).toEqual([revoked.id]);
    expect(await ids('provider=acme_key&status=active')).toEqual([shared.id, theirs.id, mine.id]);
    expect(await ids('provider=acme_basic')).toEqual([]);
    for (const bad of ['status=gone', 'kind=x', 'unknown=1', 'cursor=1'])
      expect((await auth.ask(`/v1/connections?organization=${org}&${bad}`)).status).toBe(400);
  });
});

describe('a connection of the workspace', () => {
  it('is used by the agents named and no others; who is removed loses it at once, and all are told', async () => {
    const [first, second] = [agent, await auth.agent(org)];
    const { id, agents } = await connected(workspace([first]));
    expect(agents).toEqual([first]);
    const heard: ControlRevoked[] = [];
    const subscription = auth.nc.subscribe('control.revoked', { callback: (_error, message) => void heard.push(message.json()) });
    await auth.nc.flush();
    const put = (list: string[]) =>
      auth.ask<Connection>(at(id, '/agents'), { method: 'PUT', body: { organization: org, agents: list } });
    expect((await put([second, second])).body).toMatchObject({
      id,
      kind: 'workspace',
      user: null,
      agent: null,
      agents: [second],
    });
    await waitFor(() => heard.length > 0);
    subscription.unsubscribe();
    expect(heard).toEqual([{ kind: 'grantee', org, agent: first, connection: id }]);
    expect(await auth.auditEvent(org, 'connection.grantees_changed')).toMatchObject({
      connection: id,
      reason: `added: ${second}; removed: ${first}`,
    });
    expect((await put([second])).body.agents).toEqual([second]);
    expect((await auth.auditEvents(org)).filter(({ type }) => type === 'connection.grantees_changed')).toHaveLength(1);
  });

  it('is shared with no agent that is not there, and no connection of a person is shared', async () => {
    const { id } = await connected(workspace([agent]));
    const foreign = (await auth.team()).agent;
    for (const stranger of [foreign, newId('agt'), foreign.toUpperCase(), 'agt_*']) {
      const answer = await auth.ask(at(id, '/agents'), { method: 'PUT', body: { organization: org, agents: [agent, stranger] } });
      expect(answer.body).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect((await auth.ask<Connection>(at(id))).body.agents).toEqual([agent]);
    const own = await connected();
    const answer = await auth.ask(at(own.id, '/agents'), { method: 'PUT', body: { organization: org, agents: [] } });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});

describe('testing a connection', () => {
  const test = (id: string) => auth.ask<ConnectionTest & Problem>(at(id, '/test'), { method: 'POST' });

  it('says what the provider says just now, and whose account it is; the key is in no answer', async () => {
    const key = acme.newKey();
    const { id } = await connected({ secret: key });
    const working = await test(id);
    expect(working.body).toMatchObject({ connection: id, outcome: 'working', providerStatus: 200, account: { id: '4711' } });
    // The provider echoes the key in the name; a character that turns text around is left out of it.
    expect(working.body.account.name).toMatch(/^Ada /);
    expect(JSON.stringify([working.body, (await auth.ask(at(id))).body])).not.toMatch(new RegExp(`${key}|\u202e`));
    acme.valid.delete(key);
    expect((await test(id)).body).toMatchObject({ outcome: 'refused', providerStatus: 401, account: { id: '4711' } });
    acme.faults.set('/api/me', { status: 500, times: 1 });
    expect((await test(id)).body).toMatchObject({ outcome: 'unreachable', providerStatus: 500 });
    await waitFor(async () => (await auth.auditEvents(org)).filter(({ type }) => type === 'connection.tested').length === 3);
    const events = (await auth.auditEvents(org)).filter(({ type }) => type === 'connection.tested');
    expect(events.map(({ reason, providerStatus }) => [reason, providerStatus])).toEqual([
      ['working', 200],
      ['refused', 401],
      ['unreachable', 500],
    ]);
  });

  it('is not supported where the manifest declares no probe', async () => {
    const { id } = await connected({ provider: 'acme_basic', secret: 'ada:pw', parameters: { site: 'a' } });
    expect((await test(id)).body).toMatchObject({ outcome: 'not_supported', account: { id: null, name: null } });
  });

  it('with a token that is about to expire asks token-refresher first, and the provider not at all where that fails', async () => {
    await auth.ask('/v1/provider-apps', {
      body: { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const { id } = await connected({ provider: 'acme_service', secret: undefined });
    await auth.database.query('UPDATE vault.credential SET access_expires_at = now() WHERE connection_id = $1', [id]);
    const asked: unknown[] = [];
    const error = {
      type: 'urn:keyward:error:needs_reauthorization',
      title: 'needs reauthorization',
      status: 409,
      code: 'needs_reauthorization',
      detail: 'The registration was removed.',
    };
    const subscription = auth.nc.subscribe('credential.refresh.acme_service', {
      callback: (_error, message) => {
        asked.push(message.json());
        auth.nc.publish(message.headers?.get(headers.replyTo) ?? '', JSON.stringify({ outcome: 'failed', error }));
      },
    });
    await auth.nc.flush();
    const before = acme.askedFor('/api/me').length;
    expect((await test(id)).body).toMatchObject({ status: 409, code: 'needs_reauthorization', detail: error.detail });
    subscription.unsubscribe();
    expect(asked).toEqual([expect.objectContaining({ org, connection: id, newerThan: 1, reason: 'expiring' })]);
    expect(acme.askedFor('/api/me')).toHaveLength(before);
  });

  it('that was revoked, or swapped for another row’s secret, is an error and no request', async () => {
    const [one, two] = [await connected(), await connected({ alias: 'two' })];
    const before = acme.askedFor('/api/me').length;
    await auth.database.query(
      `UPDATE vault.credential SET sealed_access = (SELECT sealed_access FROM vault.credential WHERE connection_id = $2) WHERE connection_id = $1`,
      [one.id, two.id],
    );
    expect((await test(one.id)).body).toMatchObject({ status: 500, code: 'internal' });
    await auth.ask(at(two.id), { method: 'DELETE' });
    expect((await test(two.id)).body).toMatchObject({ status: 410, code: 'revoked' });
    expect(acme.askedFor('/api/me')).toHaveLength(before);
  });
});
