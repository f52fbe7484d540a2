import { describe, expect, it } from '@jest/globals';
import type { Tool } from '@keyward/connectors';
import { KeywardError, newId, type ExecutionRequested } from '@keyward/contracts';
import { MemoryBudgetStore, type BudgetStore } from '@keyward/limits';
import type { KnownBudget } from '@keyward/postgres';
import { Registry } from 'prom-client';
import { Call } from '../execute/call.js';
import { Budgets } from './budgets.js';
import { createBudgetMetrics } from './metrics.js';

const ORG = newId('org');
const AGENT = newId('agt');
const tool = { name: 'acme_send', costMicros: 2_000, provider: { name: 'acme' } } as Tool;

function callOf(more: Partial<ExecutionRequested> = {}, deliveries = 1): Call {
  const request = {
    ...{ id: newId('exe'), org: ORG, agent: AGENT, tool: 'acme_send', arguments: {}, user: 'ada', dryRun: false },
    ...{ requestedAt: new Date().toISOString(), timeoutMs: 30_000, ...more },
  };
  return new Call(request, deliveries);
}

function budgetOf(more: Partial<KnownBudget> = {}): KnownBudget {
  const any = { agent: null, user: null, tool: null, connector: null };
  const limits = { period: 'day', calls: true, cost: false, onExceeded: 'stop' } as const;
  return { id: newId('bgt'), org: ORG, name: 'all', ...any, ...limits, ...more };
}

function worldOf(limits: { budget: KnownBudget; calls?: number; cost?: number }[], over?: BudgetStore) {
  const store = new MemoryBudgetStore();
  for (const { budget, calls, cost } of limits) {
    const stops = budget.onExceeded === 'stop';
    for (const [measure, limit] of [['calls', calls] as const, ['cost', cost] as const])
      if (limit !== undefined) store.set({ org: budget.org, budget: budget.id, measure }, { limit, stops, warnAt: [0.8] });
  }
  const metrics = new Registry();
  const uncounted: unknown[] = [];
  const budgets = new Budgets({
    store: over ?? store,
    metrics: createBudgetMetrics(metrics),
    onUncounted: (error) => uncounted.push(error),
  });
  budgets.know(
    null,
    limits.map(({ budget }) => budget),
  );
  return { store, budgets, metrics, uncounted };
}

const made = async (budgets: Budgets, call: Call) => {
  await budgets.claim(call, tool);
  call.hasSent = true;
  budgets.settle(call);
};
const away: BudgetStore = {
  lease: () => Promise.reject(new KeywardError('dependency_unavailable', 'away')),
  giveBack: () => Promise.reject(new KeywardError('dependency_unavailable', 'away')),
};

describe('budgets of an executor', () => {
  it('ask nobody, and wait for nothing, for an organization that has none', () => {
    const { budgets } = worldOf([{ budget: budgetOf({ org: newId('org') }), calls: 0 }], away);
    expect(budgets.claim(callOf(), tool)).toBeUndefined();
  });

  it('refuse the call that would be over, and say of which budget and until when', async () => {
    const { budgets, metrics } = worldOf([{ budget: budgetOf(), calls: 2 }]);
    await made(budgets, callOf());
    await made(budgets, callOf());
    const refused = callOf();
    const error = await Promise.resolve()
      .then(() => budgets.claim(refused, tool))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'budget_exceeded',
      details: { budget: 'all', period: 'day', resetsAt: expect.any(String) },
    });
    expect(await metrics.metrics()).toContain('budget_exceeded_total 1');
    expect(await metrics.metrics()).toContain('budget_warned_total 1');
  });

  it('take the declared cost, and nothing of a limit of cost for a tool without one', async () => {
    const budget = budgetOf({ calls: false, cost: true });
    const { budgets, store } = worldOf([{ budget, cost: 5_000 }]);
    await made(budgets, callOf());
    await made(budgets, callOf());
    await expect((async () => budgets.claim(callOf(), tool))()).rejects.toMatchObject({ code: 'budget_exceeded' });
    expect(budgets.claim(callOf(), { ...tool, costMicros: null })).toBeUndefined();
    expect(store.usedOf({ org: ORG, budget: budget.id, measure: 'cost' })).toBe(4_000);
  });

  it('have again what was not sent, what waits for a person, and what an earlier call answered', async () => {
    const { budgets } = worldOf([{ budget: budgetOf(), calls: 1 }]);
    const unsent = callOf();
    await budgets.claim(unsent, tool);
    budgets.settle(unsent);
    const parked = callOf();
    await budgets.claim(parked, tool);
    [parked.hasSent, parked.isFree] = [true, true];
    budgets.settle(parked);
    await made(budgets, callOf());
    await expect((async () => budgets.claim(callOf(), tool))()).rejects.toMatchObject({ code: 'budget_exceeded' });
  });

  it('give the others back where one of several refuses', async () => {
    const [wide, narrow] = [budgetOf({ name: 'wide' }), budgetOf({ name: 'narrow', connector: 'acme' })];
    const { budgets, store } = worldOf([
      { budget: wide, calls: 10 },
      { budget: narrow, calls: 0 },
    ]);
    const call = callOf();
    await expect((async () => budgets.claim(call, tool))()).rejects.toMatchObject({ details: { budget: 'narrow' } });
    budgets.settle(call);
    await budgets.close();
    expect(store.usedOf({ org: ORG, budget: wide.id, measure: 'calls' })).toBe(0);
  });

  it.each<[string, Partial<KnownBudget>, boolean]>([
    ['the organization’s', {}, true],
    ['this agent’s', { agent: AGENT }, true],
    ['another agent’s', { agent: newId('agt') }, false],
    ['this user’s', { user: 'ada' }, true],
    ['another user’s', { user: 'bob' }, false],
    ['this connector’s', { connector: 'acme' }, true],
    ['another connector’s', { connector: 'other' }, false],
    ['this tool’s', { tool: 'acme_send' }, true],
    ['the unified tool’s that it is called by', { tool: 'messages_send' }, true],
    ['another tool’s', { tool: 'acme_read' }, false],
    ['this agent’s for another connector', { agent: AGENT, connector: 'other' }, false],
  ])('count a call in %s: %j', async (_whose, scope, isCounted) => {
    const { budgets } = worldOf([{ budget: budgetOf(scope), calls: 0 }]);
    const claimed = (async () => budgets.claim(callOf({ tool: 'messages_send' }), tool))();
    if (isCounted) await expect(claimed).rejects.toMatchObject({ code: 'budget_exceeded' });
    else await expect(claimed).resolves.toBeUndefined();
  });

  it('count an execution once that is sent, not recorded, and delivered again', async () => {
    const budget = budgetOf();
    const { budgets, store } = worldOf([{ budget, calls: 100 }]);
    const first = callOf();
    await budgets.claim(first, tool);
    first.hasSent = true;
    budgets.keep(first);
    await made(budgets, callOf({ id: first.request.id }, 2));
    await budgets.close();
    expect(store.usedOf({ org: ORG, budget: budget.id, measure: 'calls' })).toBe(1);
  });

  it('do not count a write again that was interrupted', () => {
    const { budgets } = worldOf([{ budget: budgetOf(), calls: 0 }]);
    const call = callOf({}, 2);
    call.isInterrupted = true;
    expect(budgets.claim(call, tool)).toBeUndefined();
  });

  it('let nothing through that might be over while it can not be looked up, but do where they only warn', async () => {
    const stop = worldOf([{ budget: budgetOf(), calls: 1 }], away);
    await expect(stop.budgets.claim(callOf(), tool)).rejects.toMatchObject({
      code: 'dependency_unavailable',
      message: expect.stringContaining('"all"'),
    });
    const warn = worldOf([{ budget: budgetOf({ onExceeded: 'warn' }), calls: 1 }], away);
    await expect(warn.budgets.claim(callOf(), tool)).resolves.toBeUndefined();
    expect(warn.uncounted).toHaveLength(1);
  });

  it('are those that were read last: one organization’s, or all', async () => {
    const [ours, theirs] = [budgetOf(), budgetOf({ org: newId('org') })];
    const { budgets } = worldOf([
      { budget: ours, calls: 0 },
      { budget: theirs, calls: 0 },
    ]);
    const isRefused = (org: string) =>
      Promise.resolve()
        .then(() => budgets.claim(callOf({ org }), tool))
        .then(
          () => false,
          () => true,
        );
    budgets.know(ORG, []);
    expect([await isRefused(ORG), await isRefused(theirs.org)]).toEqual([false, true]);
    budgets.know(null, [ours]);
    expect([await isRefused(ORG), await isRefused(theirs.org)]).toEqual([true, false]);
  });
});
