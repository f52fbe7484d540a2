import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  executionRequests,
  headers,
  newId,
  subjects,
  type CancelReply,
  type ConnectionEventName,
  type ExecutionRequested,
  type ExecutionResult,
  type OutcomeNotice,
} from '@keyward/contracts';
import type { RunningService } from '@keyward/service-host';
import { waitFor, withClockSetBy } from '@keyward/testing';
import { jetstream } from '@nats-io/jetstream';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { System, type Person } from './system.js';

let system: System;
let ada: Person;
let notices: OutcomeNotice[];
let executors: RunningService[];

beforeAll(async () => {
  system = await System.start();
  executors = await Promise.all([system.startExecutor(), system.startExecutor()]);
  await Promise.all(executors.map(({ started }) => started));
  system.nc.subscribe(executionRequests.outcome, {
    callback: (_error, message) => {
      notices.push(message.json<OutcomeNotice>());
      message.respond('{}');
    },
  });
}, 60_000);
beforeEach(async () => {
  notices = [];
  system.upstream.requests.length = 0;
  system.upstream.answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
  ada = await system.person('canary-access-token-0123456789');
});
afterAll(() => system.stop());

const DAY_MS = 86_400_000;

const setStatus = (status: string) =>
  system.sql('UPDATE vault.connection SET status = $2, updated_at = clock_timestamp() WHERE id = $1', [ada.connection, status]);

async function giveToWorkspace(): Promise<void> {
  const { connection, org, agent } = ada;
  await system.sql(`UPDATE vault.connection SET kind = 'workspace', agent_id = NULL, user_id = NULL WHERE id = $1`, [connection]);
  await system.sql('INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id) VALUES ($1, $2, $3)', [
    ...[connection, org, agent],
  ]);
}

async function tell(event: ConnectionEventName, of: object = {}): Promise<void> {
  const { org, agent, user, connection } = ada;
  const payload = { id: newId('msg'), event, at: new Date().toISOString(), org, connection, user, agent, provider: 'acme' };
  const text = JSON.stringify({ ...payload, generation: 1, ...of });
  await jetstream(system.nc).publish(subjects.connectionEvent(event, org), text, { msgID: payload.id });
}

const row = async (id: string) =>
  ((await system.sql('SELECT * FROM execution.waiting WHERE id = $1', [id])) as Record<string, unknown>[])[0];
const ended = (id: string) =>
  waitFor(async () => (await system.kept(id)).find((result) => result.state !== 'waiting_for_authorization'));
const writes = () => system.upstream.requests.filter(({ method }) => method === 'POST').length;

/** A call that waits, for a connection that its provider no longer accepts. */
async function parked(tool = 'acme_create', more: Partial<ExecutionRequested> = {}): Promise<ExecutionResult> {
  await setStatus('needs_reauthorization');
  return system.call(ada, tool, { waitForMs: DAY_MS, ...more });
}

const cancel = async (id: string): Promise<CancelReply> =>
  (
    await system.nc.request(executionRequests.cancel, JSON.stringify({ org: ada.org, agent: ada.agent, execution: id }))
  ).json<CancelReply>();

describe('a call that lacks an authorization and waits for it', () => {
  it('tells its caller for what, where the person can give it and until when; it is kept, audited and not sent', async () => {
    const result = await parked();
    expect(result).toMatchObject({
      ...{ state: 'waiting_for_authorization', attempts: 0, connection: ada.connection },
      waitingFor: { reason: 'needs_reauthorization', connectUrl: 'https://connect.example/s', expiresAt: expect.any(String) },
    });
    expect(Date.parse(result.waitingFor?.expiresAt ?? '')).toBeGreaterThan(Date.now() + DAY_MS - 60_000);
    await waitFor(async () => (await system.kept(result.id)).length === 1);
    expect(await system.auditEvents(result.id)).toMatchObject([
      { type: 'execution.waiting', state: 'waiting_for_authorization', provider: 'acme' },
    ]);
    expect(await row(result.id)).toMatchObject({ state: 'waiting', epoch: 1, reason: 'needs_reauthorization' });
    expect(system.upstream.requests).toEqual([]);
  });

  it('over a connection of the workspace says that an admin must help, and has no link; it goes on when one has', async () => {
    await giveToWorkspace();
    const { id, waitingFor } = await parked('acme_get');
    expect(waitingFor).toMatchObject({ reason: 'needs_reauthorization', detail: expect.stringContaining('an admin must') });
    expect(waitingFor).not.toHaveProperty('connectUrl');
    await setStatus('active');
    await tell('authorized', { user: null, agent: null });
    expect((await ended(id))?.state).toBe('succeeded');
  });

  it('fails at once where it did not ask to', async () => {
    await setStatus('needs_reauthorization');
    const result = await system.call(ada, 'acme_create');
    expect([result.state, result.error?.code]).toEqual(['failed', 'needs_reauthorization']);
    expect(await row(result.id)).toBeUndefined();
  });

  it('is carried out once when the event comes, whoever hears it, with all of its time; its row goes', async () => {
    const { id } = await parked();
    await setStatus('active');
    await tell('authorized');
    const result = await ended(id);
    expect(result).toMatchObject({ id, state: 'succeeded', attempts: 1, output: { ok: true } });
    await waitFor(async () => (await row(id)) === undefined);
    expect(writes()).toBe(1);
    expect((await system.auditEvents(id)).map(({ type }) => type)).toEqual(['execution.waiting', 'execution.completed']);
    expect(notices).toEqual([{ org: ada.org, agent: ada.agent, result }]);
  });

  it('waits again, and no longer than before, where it still lacks something', async () => {
    const first = await parked('acme_get');
    await tell('authorized');
    await waitFor(async () => (await row(first.id))?.['epoch'] === 2 && (await row(first.id))?.['state'] === 'waiting');
    const until = (await row(first.id))?.['expires_at'] as Date;
    expect(until.toISOString()).toBe(first.waitingFor?.expiresAt);
    await waitFor(() => notices.some(({ result }) => result.state === 'waiting_for_authorization'));
    await setStatus('active');
    await tell('authorized');
    expect((await ended(first.id))?.state).toBe('succeeded');
  });

  it.each<[string, () => Promise<Partial<ExecutionRequested>>]>([
    ['its own', async () => ({})],
    ['the one that it names', async () => ({ connection: ada.connection })],
    ['one of the workspace', async () => (await giveToWorkspace(), {})],
  ])('is looked after by the sweep where no event of %s came', async (_whose, prepare) => {
    const { id } = await parked('acme_get', await prepare());
    await setStatus('active');
    expect((await ended(id))?.state).toBe('succeeded');
  });

  it('is not taken up by the sweep for a connection of the workspace that its agent may not use', async () => {
    await giveToWorkspace();
    await system.sql('DELETE FROM vault.connection_grantee WHERE connection_id = $1', [ada.connection]);
    const { id, waitingFor } = await system.call(ada, 'acme_get', { waitForMs: DAY_MS });
    expect(waitingFor?.reason).toBe('connection_required');
    await system.sql(`UPDATE execution.waiting SET looked_at = now() - interval '1 day' WHERE id = $1`, [id]);
    await system.sql('SELECT * FROM execution.sweep_waiting(100)', []);
    expect(await row(id)).toMatchObject({ state: 'waiting', epoch: 1 });
    await cancel(id);
  });

  it.each(['resuming', 'published'])('is carried out once though its process ended after %s', async (left) => {
    const { id } = await parked();
    const requested = JSON.parse(String((await row(id))?.['request'])) as ExecutionRequested;
    await system.sql(
      `UPDATE execution.waiting SET state = 'resuming', epoch = 2, updated_at = now() - interval '9.5 seconds' WHERE id = $1`,
      [id],
    );
    await setStatus('active');
    if (left === 'published') {
      const again = JSON.stringify({ ...requested, resumed: { epoch: 2, afterMs: 1 } });
      await jetstream(system.nc).publish(subjects.executionRequested(ada.org, ada.agent, id), again, { msgID: `${id}.2` });
    }
    expect((await ended(id))?.state).toBe('succeeded');
    await waitFor(async () => (await row(id)) === undefined);
    await waitFor(async () => (await system.queued()) === 0);
    expect(writes()).toBe(1);
    expect((await system.kept(id)).filter(({ state }) => state === 'succeeded')).toHaveLength(1);
  });

  it('that another message has already is nobody else’s: a second copy of it does nothing', async () => {
    const { id } = await parked();
    const requested = JSON.parse(String((await row(id))?.['request'])) as ExecutionRequested;
    let finish: (() => void) | undefined;
    system.upstream.answer = (_request, response) => (finish = () => response.writeHead(200).end());
    await setStatus('active');
    await tell('authorized');
    await waitFor(() => finish);
    const again = JSON.stringify({ ...requested, resumed: { epoch: 2, afterMs: 1 } });
    await jetstream(system.nc).publish(subjects.executionRequested(ada.org, ada.agent, id), again, { msgID: newId('msg') });
    await waitFor(async () => (await system.queued()) === 1);
    finish?.();
    expect((await ended(id))?.state).toBe('succeeded');
    expect(writes()).toBe(1);
  });

  it('that was given up is carried out when an operator puts its message back, however soon', async () => {
    const { id } = await parked();
    const requested = JSON.parse(String((await row(id))?.['request'])) as ExecutionRequested;
    await system.sql(`UPDATE execution.waiting SET state = 'running', epoch = 2, updated_at = now() WHERE id = $1`, [id]);
    await setStatus('active');
    const again = JSON.stringify({ ...requested, resumed: { epoch: 2, afterMs: 1 } });
    const replayed = natsHeaders();
    replayed.set(headers.replayed, '7');
    await jetstream(system.nc).publish(subjects.executionRequested(ada.org, ada.agent, id), again, {
      ...{ msgID: newId('msg'), headers: replayed },
    });
    expect((await ended(id))?.state).toBe('succeeded');
    expect(writes()).toBe(1);
  });

  it('expires, and says so wherever its outcome is looked for', async () => {
    const { id } = await parked('acme_create', { idempotencyKey: 'once' });
    await system.sql('UPDATE execution.waiting SET expires_at = now() WHERE id = $1', [id]);
    expect(await ended(id)).toMatchObject({ id, state: 'expired', error: { code: 'deadline_exceeded' }, attempts: 0 });
    await waitFor(() => notices.some(({ result }) => result.state === 'expired'));
    expect(await row(id)).toMatchObject({ state: 'expired', request: null, connect_url: null });
    expect((await system.auditEvents(id)).at(-1)).toMatchObject({ type: 'execution.completed', state: 'expired' });
    await setStatus('active');
    expect((await system.call(ada, 'acme_create', { idempotencyKey: 'once' })).state).toBe('succeeded');
  });

  it('after it was refused in the middle, by the provider, goes on as if nothing had been, under the same key', async () => {
    system.onRefresh = async () => ({
      outcome: 'failed',
      error: { type: '', title: '', status: 409, code: 'needs_reauthorization', detail: 'The grant is gone.' },
    });
    system.upstream.answer = (_request, response) => response.writeHead(401).end();
    const result = await system.call(ada, 'acme_create', { waitForMs: DAY_MS, idempotencyKey: 'again' });
    expect([result.state, writes()]).toEqual(['waiting_for_authorization', 1]);
    const [intent] = (await system.sql('SELECT state FROM execution.execution WHERE id = $1', [result.id])) as object[];
    expect(intent).toEqual({ state: 'waiting_for_authorization' });
    system.upstream.answer = (_request, response) => response.writeHead(200).end();
    await tell('authorized');
    expect(await ended(result.id)).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect((await system.call(ada, 'acme_create', { idempotencyKey: 'again' })).state).toBe('succeeded');
    expect(writes()).toBe(2);
  });

  it('is refused where a thousand of the agent’s do already', async () => {
    await system.sql(
      `INSERT INTO execution.waiting (id, org_id, agent_id, user_id, tool, provider, reason, request, trace_id, asked_at, looked_at, expires_at)
       SELECT 'exe_' || n || $1, $1, $2, 'usr_ada', 'acme_get', 'elsewhere', 'connection_required', '{}', '', now(), now(), now() + interval '1 day'
       FROM generate_series(1, 1000) n`,
      [ada.org, ada.agent],
    );
    const result = await parked();
    expect(result).toMatchObject({ state: 'failed', error: { code: 'rate_limited', connectUrl: 'https://connect.example/s' } });
    await system.sql('DELETE FROM execution.waiting WHERE org_id = $1', [ada.org]);
  });

  it('ends with the person who is erased, and the arguments go', async () => {
    const { id } = await parked('acme_create', { arguments: { id: 'secret-of-ada' } });
    await system.sql(`SELECT execution.erase_user($1, 'usr_ada', 'erased-1')`, [ada.org]);
    expect(await ended(id)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
    expect(await row(id)).toMatchObject({ user_id: 'erased-1', request: null, state: 'cancelled' });
    expect((await system.auditEvents(id)).at(-1)).toMatchObject({ user: 'erased-1', state: 'cancelled' });
  });

  it('ends with the organization that is shredded, and none begins to wait there', async () => {
    const { id } = await parked();
    await system.sql('UPDATE identity.organization SET shredded_at = now() WHERE id = $1', [ada.org]);
    await system.sql('SELECT execution.end_waiting($1)', [ada.org]);
    expect((await ended(id))?.state).toBe('cancelled');
    expect((await parked()).state).toBe('failed');
  });
});

describe('a call that is cancelled', () => {
  it('while it waits ends there, and what comes later finds it ended', async () => {
    const { id } = await parked();
    const reply = await cancel(id);
    expect(reply).toMatchObject({ outcome: 'ended', result: { id, state: 'cancelled', error: { code: 'cancelled' } } });
    expect((await ended(id))?.state).toBe('cancelled');
    await setStatus('active');
    await tell('authorized');
    expect(await cancel(id)).toEqual({ outcome: 'noted' });
    expect([writes(), (await row(id))?.['request']]).toEqual([0, null]);
    expect((await system.auditEvents(id)).at(-1)).toMatchObject({ state: 'cancelled', errorCode: 'cancelled' });
  });

  it('while it reads loses its connection to the provider, wherever it runs', async () => {
    let isClosed = false;
    system.upstream.answer = (request) => void request.socket.once('close', () => (isClosed = true));
    const request = system.request(ada, 'acme_get');
    const { reply } = await system.ask(request);
    await waitFor(() => system.upstream.requests.length === 1);
    expect(await cancel(request.id)).toEqual({ outcome: 'noted' });
    expect(await reply).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' }, attempts: 1 });
    await waitFor(() => isClosed);
    expect(await system.auditEvents(request.id)).toMatchObject([{ state: 'cancelled', errorCode: 'cancelled' }]);
  });

  it('while it writes is unknown, with what is known of it', async () => {
    system.upstream.answer = () => undefined;
    const request = system.request(ada, 'acme_create');
    const { reply } = await system.ask(request);
    await waitFor(() => system.upstream.requests.length === 1);
    await cancel(request.id);
    const result = await reply;
    expect(result).toMatchObject({ state: 'unknown', error: { code: 'outcome_unknown' }, attempts: 1 });
    expect(Math.abs(Date.parse(result.error?.sentAt ?? '') - Date.now())).toBeLessThan(60_000);
  });

  it('of somebody else is not', async () => {
    const request = system.request(ada, 'acme_get');
    const foreign = await system.person('token-of-somebody-else-0123456789');
    const address = { org: foreign.org, agent: foreign.agent, execution: request.id };
    await system.nc.request(executionRequests.cancel, JSON.stringify(address));
    expect((await (await system.ask(request)).reply).state).toBe('succeeded');
  });
});

it('survives that every executor is replaced: what waits is carried out once, what was cancelled is not begun', async () => {
  const { id } = await parked();
  const doomed = system.request(ada, 'acme_wipe');
  expect(await cancel(doomed.id)).toEqual({ outcome: 'noted' });
  await Promise.all(executors.map((executor) => executor.stop()));
  const { reply } = await system.ask(doomed);
  await setStatus('active');
  await tell('authorized');
  executors = await Promise.all([system.startExecutor(), system.startExecutor()]);
  expect((await reply).state).toBe('cancelled');
  expect((await ended(id))?.state).toBe('succeeded');
  expect(system.upstream.requests.map(({ method }) => method)).toEqual(['POST']);
});

it('follows the clock of the bus, not that of its machine: an executor 5 minutes ahead ends no call before its time', async () => {
  await withClockSetBy(300_000, async () => {
    expect((await system.call(ada, 'acme_get', { timeoutMs: 5_000 })).state).toBe('succeeded');
  });
});
