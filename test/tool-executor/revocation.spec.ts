import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, type ControlRevoked, type ExecutionResult } from '@keyward/contracts';
import { broadcastRevoked } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import { System, type Person } from './system.js';

const CALLS = 24;

let system: System;
beforeAll(async () => {
  system = await System.start();
  // A process takes up no more than half of the calls, so that both have some.
  const half = { KEYWARD_EXECUTOR_CONCURRENCY: String(CALLS / 2) };
  const executors = await Promise.all([system.startExecutor(half), system.startExecutor(half)]);
  await Promise.all(executors.map(({ started }) => started));
}, 60_000);
beforeEach(() => {
  system.upstream.requests.length = 0;
  system.upstream.answer = () => undefined;
});
afterAll(() => system.stop());

/** Calls that the provider has and does not answer, over both processes. */
async function inFlight(person: Person): Promise<Promise<ExecutionResult>[]> {
  const before = system.upstream.requests.length;
  const asked = await Promise.all(Array.from({ length: CALLS }, () => system.ask(system.request(person, 'acme_get'))));
  await waitFor(() => system.upstream.requests.length === before + CALLS, { what: 'calls that have reached the provider' });
  return asked.map(({ reply }) => reply);
}

const codes = async (calls: Promise<ExecutionResult>[]) => new Set((await Promise.all(calls)).map(({ error }) => error?.code));

describe('a disconnection ends the calls in flight, on every replica', () => {
  it.each<[string, (person: Person) => ControlRevoked]>([
    ['of the connection', ({ org, connection }) => ({ kind: 'connection', org, connection })],
    ['of all that the user has connected', ({ org, user }) => ({ kind: 'connections', org, user })],
    ['of all at the provider', ({ org }) => ({ kind: 'connections', org, provider: 'acme' })],
    ['of the whole workspace', ({ org }) => ({ kind: 'connections', org })],
    ['of the organization with its keys', ({ org }) => ({ kind: 'organization', org })],
  ])('%s', async (_what, message) => {
    const person = await system.person('token-of-the-revoked-0000');
    const calls = await inFlight(person);
    await broadcastRevoked(system.nc, { kind: 'connections', org: person.org, user: 'usr_somebody_else' });
    await broadcastRevoked(system.nc, { ...message(person), org: newId('org') });
    await broadcastRevoked(system.nc, message(person));
    expect(await codes(calls)).toEqual(new Set(['revoked']));
  });
});

describe('an organization whose keys are destroyed', () => {
  it('opens nothing any more as soon as a process has heard it, whatever was in its memory', async () => {
    system.upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    const [person, other] = [await system.person('token-of-the-shredded-0000'), await system.person('token-of-another-000000')];
    const call = (of: Person) => Promise.all(Array.from({ length: 8 }, () => system.call(of, 'acme_get')));
    const states = async (of: Person) => new Set((await call(of)).map(({ state, error }) => error?.code ?? state));
    expect(await states(person)).toEqual(new Set(['succeeded']));
    await system.shred(person.org);
    await broadcastRevoked(system.nc, { kind: 'organization', org: person.org });
    await waitFor(async () => (await states(person)).size === 1);
    expect(await states(person)).toEqual(new Set(['revoked']));
    expect(await states(other)).toEqual(new Set(['succeeded']));
  });
});

describe('a workspace’s connection', () => {
  it('serves every grantee and nobody else, and is told in the result', async () => {
    system.upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    const ada = await system.person('token-of-the-workspace-00');
    const connection = ada.connection;
    await system.sql(`UPDATE vault.connection SET kind = 'workspace', user_id = NULL, agent_id = NULL WHERE id = $1`, [
      connection,
    ]);
    expect(await system.call(ada, 'acme_get')).toMatchObject({ error: { code: 'connection_required' } });
    await system.sql('INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id) VALUES ($1, $2, $3)', [
      ...[connection, ada.org, ada.agent],
    ]);
    for (const user of ['usr_ada', 'usr_grace']) {
      expect(await system.call({ ...ada, user }, 'acme_get')).toMatchObject({ state: 'succeeded', connection });
    }
    expect(system.upstream.requests.map(({ headers }) => headers.authorization)).toEqual(
      Array(2).fill('Bearer token-of-the-workspace-00'),
    );
    await system.sql('DELETE FROM vault.connection_grantee WHERE connection_id = $1', [connection]);
    expect(await system.call(ada, 'acme_get', { connection })).toMatchObject({ error: { code: 'connection_required' } });
  });

  it('is taken from one grantee with the calls it has under way, by the news of that grantee and that connection alone', async () => {
    const ada = await system.person('token-of-the-withdrawn-00');
    const { connection, org } = ada;
    await system.sql(`UPDATE vault.connection SET kind = 'workspace', user_id = NULL, agent_id = NULL WHERE id = $1`, [
      connection,
    ]);
    await system.sql('INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id) VALUES ($1, $2, $3)', [
      ...[connection, org, ada.agent],
    ]);
    const calls = await inFlight(ada);
    await broadcastRevoked(system.nc, { kind: 'grantee', org, agent: newId('agt'), connection });
    await broadcastRevoked(system.nc, { kind: 'grantee', org, agent: ada.agent, connection: newId('conn') });
    await broadcastRevoked(system.nc, { kind: 'grantee', org, agent: ada.agent, connection });
    expect(await codes(calls)).toEqual(new Set(['revoked']));
  });
});
