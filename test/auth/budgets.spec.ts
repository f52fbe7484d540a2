import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { budgetMessageSchema, newId, type Budget, type ErrorCode } from '@keyward/contracts';
import { onBudgetsChanged } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import type { AuthHarness } from './harness.js';
import { keywardCommand } from './webhook-cli.js';
import { verify } from './webhook-receiver.js';
import { WebhookWorld } from './webhook-world.js';

let here: WebhookWorld;
let auth: AuthHarness;
let org: string;
beforeAll(async () => {
  here = await WebhookWorld.start();
  auth = here.auth;
});
afterAll(() => here.stop());
beforeEach(async () => void ({ org } = await auth.team()));

const all = '/v1/budgets';
const one = (id: string) => `${all}/${id}?organization=${org}`;
const create = (body: object) => auth.ask<Budget & { code?: ErrorCode }>(all, { body: { organization: org, ...body } });
const change = (id: string, body: object) => auth.ask<Budget & { code?: ErrorCode }>(one(id), { method: 'PATCH', body });
/** As an executor does it. */
const lease = (id: string, units: number) =>
  auth.database.query(`SELECT * FROM execution.lease_budget($1, $2, 'calls', $3, $3, $4)`, [org, id, units, '0'.repeat(32)]);

describe('a budget', () => {
  it('is made, changed, listed and removed, all of it on record, and executors are told each time', async () => {
    const told: string[] = [];
    const news = onBudgetsChanged(auth.nc, (message) => told.push(message.org));
    await auth.nc.flush();
    const { status, body: made } = await create({ name: 'daily', period: 'day', maxCalls: 100, maxCost: '12.50' });
    expect(status).toBe(201);
    expect(made).toMatchObject({
      ...{ organization: org, name: 'daily', agent: null, user: null, tool: null, connector: null, period: 'day' },
      ...{ maxCalls: 100, maxCost: '12.5', currency: 'USD', warnAt: [0.8], onExceeded: 'stop' },
      use: { calls: 0, cost: '0', warned: false, exceeded: false, resetsAt: expect.stringMatching(/T00:00:00.000Z$/) },
    });
    const changed = await change(made.id, { maxCost: null, maxCalls: 10, warnAt: [0.9, 0.5, 0.9], onExceeded: 'warn' });
    expect(changed.body).toMatchObject({
      maxCost: null,
      maxCalls: 10,
      warnAt: [0.5, 0.9],
      onExceeded: 'warn',
      use: { cost: null },
    });
    expect((await auth.ask(`${all}?organization=${org}`)).body).toEqual({ budgets: [changed.body] });
    expect((await auth.ask(one(made.id), { method: 'DELETE' })).status).toBe(204);
    expect((await auth.ask(one(made.id))).status).toBe(404);
    await waitFor(() => told.filter((each) => each === org).length === 3);
    news.unsubscribe();
    const recorded = await waitFor(async () => {
      const events = (await auth.auditEvents(org)).filter(({ type }) => type.startsWith('budget.'));
      return events.length === 3 ? events : undefined;
    });
    expect(recorded.map(({ type, target, reason }) => [type, target, reason])).toEqual([
      ['budget.created', made.id, 'daily: 100 calls, 12.5 of cost per day, stop'],
      ['budget.updated', made.id, 'daily: 10 calls per day, warn'],
      ['budget.removed', made.id, 'daily'],
    ]);
  });

  it.each<[string, object, number]>([
    ['without a limit', { name: 'x', period: 'day' }, 400],
    ['of an amount that is none', { name: 'x', period: 'day', maxCost: '1e3' }, 400],
    ['of less than nothing', { name: 'x', period: 'day', maxCalls: -1 }, 400],
    ['that warns beyond its limit', { name: 'x', period: 'day', maxCalls: 1, warnAt: [1.1] }, 400],
    ['of a period that is none', { name: 'x', period: 'year', maxCalls: 1 }, 400],
    ['of an agent that is not there', { name: 'x', period: 'day', maxCalls: 1, agent: newId('agt') }, 404],
  ])('%s is refused', async (_what, body, status) => {
    expect((await create(body)).status).toBe(status);
    expect((await auth.ask<{ budgets: Budget[] }>(`${all}?organization=${org}`)).body.budgets).toEqual([]);
  });

  it('keeps its name to itself, and a limit at least', async () => {
    const { body } = await create({ name: 'one', period: 'day', maxCalls: 1 });
    expect(await create({ name: 'one', period: 'hour', maxCalls: 1 })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await change(body.id, { maxCalls: null })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await change(body.id, { maxCalls: null, maxCost: '3' })).toMatchObject({ status: 200, body: { maxCost: '3' } });
  });

  it('is forgotten with the person that it names', async () => {
    await create({ name: 'adas', period: 'day', maxCalls: 1, user: 'usr_ada' });
    await create({ name: 'bobs', period: 'day', maxCalls: 1, user: 'usr_bob' });
    await auth.ask(`/v1/users/usr_ada?organization=${org}`, { method: 'DELETE' });
    const { body } = await auth.ask<{ budgets: Budget[] }>(`${all}?organization=${org}`);
    expect(body.budgets.map(({ name }) => name)).toEqual(['bobs']);
  });

  it('tells whoever wants to hear it, signed, once when it warns and once when it is used up', async () => {
    const path = here.path();
    const endpoint = await here.endpoint(org, path, { events: ['budget.warned', 'budget.exceeded'] });
    const { body: budget } = await create({ name: 'hourly', period: 'month', maxCalls: 10 });
    for (const units of [7, 1, 2, 1, 1]) await lease(budget.id, units);
    const messages = await here.arrived(path, 2);
    const read = messages.map((message) => budgetMessageSchema.parse(verify(endpoint.secret, message)));
    const common = { organization: org, budget: budget.id, name: 'hourly', period: 'month', measure: 'calls', limit: '10' };
    expect(read.sort((a, b) => b.type.localeCompare(a.type))).toMatchObject([
      { type: 'budget.warned', data: { ...common, used: '8', ratio: 0.8, onExceeded: 'stop' } },
      { type: 'budget.exceeded', data: { ...common, used: '10', onExceeded: 'stop' } },
    ]);
    expect((await here.deliveries(endpoint)).map((delivery) => delivery.budget)).toEqual([budget.id, budget.id]);
    const shown = (await auth.ask<Budget>(one(budget.id))).body;
    expect(shown.use).toMatchObject({ calls: 10, warned: true, exceeded: true });
  });
});

describe('keyward budgets', () => {
  const run = (...args: string[]) => keywardCommand(auth.url, org, 'budgets', ...args);

  it('makes, shows, changes and removes what the organization allows', async () => {
    expect((await run('list')).stdout).toContain('Nothing is limited');
    expect((await run('add', 'daily', '--per', 'day')).code).toBe(2);
    const added = await run('add', 'daily', '--per', 'day', '--calls', '10', '--cost', '2.50', '--connector', 'sandbox');
    expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('10 calls, 2.5 USD per day') });
    const { body } = await auth.ask<{ budgets: Budget[] }>(`${all}?organization=${org}`);
    const [{ id } = { id: '' }] = body.budgets;
    await lease(id, 10);
    expect(await run('status')).toMatchObject({ code: 0, stdout: expect.stringContaining('10 calls (100 %)') });
    await lease(id, 1);
    expect(await run('status', 'daily')).toMatchObject({ code: 1, stdout: expect.stringContaining('used up') });
    expect(await run('set', 'daily', '--calls', '20', '--cost', 'none')).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining('20 calls per day') },
    });
    expect((await run('status')).code).toBe(0);
    expect(await run('remove', 'daily')).toMatchObject({ code: 0, stdout: 'daily is removed.\n' });
    expect((await run('status', 'daily')).stderr).toContain('There is no budget "daily"');
  });
});
