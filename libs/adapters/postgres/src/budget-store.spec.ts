import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditEventSchema, budgetEventSchema, newId } from '@keyward/contracts';
import type { BudgetKey, BudgetStore } from '@keyward/limits';
import { budgetStoreContract } from '@keyward/limits/budget-contract';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { migratedDatabase, type MigratedDatabase } from '../test/database.js';
import { seedOrganization } from '../test/seed.js';
import { createBudgetLoader, createBudgetStore } from './budget-store.js';
import { createDataSource } from './data-source.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('budgets in PostgreSQL', () => {
  let database: MigratedDatabase;
  let admin: pg.Client;
  let dataSource: DataSource;
  let store: BudgetStore;
  let org: string;

  beforeAll(async () => {
    database = await migratedDatabase(await testPostgres());
    admin = await database.connect(database.url);
    const url = await database.urlOf('executor');
    dataSource = await createDataSource({ url, applicationName: 'replica', poolSize: 8 }).initialize();
    store = createBudgetStore(dataSource, () => TRACE);
    ({ org } = await seedOrganization(admin));
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.stop();
  });

  const newKey = async (measure: BudgetKey['measure'] = 'calls'): Promise<BudgetKey> => ({ org, budget: newId('bgt'), measure });
  const COLUMN = { calls: 'max_calls', cost: 'max_cost_micros' } as const;

  async function set(
    { budget, measure }: BudgetKey,
    of: { limit: number; stops: boolean; warnAt: readonly number[] } | undefined,
    period = 'month',
  ): Promise<void> {
    await admin.query('DELETE FROM governance.budget WHERE id = $1', [budget]);
    if (of === undefined) return;
    await admin.query(
      `INSERT INTO governance.budget (id, org_id, name, period, ${COLUMN[measure]}, warn_at, on_exceeded) VALUES ($1, $2, $1, $3, $4, $5, $6)`,
      [budget, org, period, of.limit, of.warnAt, of.stops ? 'stop' : 'warn'],
    );
  }

  async function sent(key: BudgetKey): Promise<{ subject: string; payload: unknown }[]> {
    const { rows } = await admin.query<{ subject: string; payload: Buffer }>(
      `SELECT subject, payload FROM bus.outbox WHERE convert_from(payload, 'UTF8') LIKE '%' || $1 || '%' ORDER BY seq`,
      [key.budget],
    );
    return rows.map(({ subject, payload }) => ({ subject, payload: JSON.parse(payload.toString()) as unknown }));
  }

  budgetStoreContract(() => ({ store, set: (key, budget) => set(key, budget), newKey: () => newKey() }));

  it('tells the trail and the stream with the share that reaches it, once', async () => {
    const key = await newKey();
    await set(key, { limit: 10, stops: true, warnAt: [0.5] });
    await Promise.all(Array.from({ length: 30 }, () => store.lease(key, { least: 1, most: 1 })));
    const messages = await sent(key);
    expect(messages.map(({ subject }) => subject)).toEqual([
      `audit.${org}`,
      `budget.warned.${org}`,
      `audit.${org}`,
      `budget.exceeded.${org}`,
    ]);
    const [warning, warned, , exceeded] = messages.map(({ payload }) => payload);
    expect(auditEventSchema.parse(warning)).toMatchObject({
      ...{ type: 'budget.warned', org, actor: { kind: 'service', id: 'tool-executor' }, traceId: TRACE, target: key.budget },
      reason: `${key.budget}: 50 % of 10 calls per month`,
    });
    expect(budgetEventSchema.parse(warned)).toMatchObject({
      event: 'warned',
      budget: { id: key.budget, period: 'month', measure: 'calls', limit: 10, used: 5, ratio: 0.5, onExceeded: 'stop' },
    });
    expect(budgetEventSchema.parse(exceeded)).toMatchObject({ event: 'exceeded', budget: { used: 10, ratio: null } });
  });

  it('counts cost in millionths, and tells it as an amount', async () => {
    const key = await newKey('cost');
    await set(key, { limit: 2_500_000, stops: true, warnAt: [] });
    expect(await store.lease(key, { least: 2_500_000, most: 2_500_000 })).toMatchObject({ granted: 2_500_000, left: 0 });
    expect(await store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 0, told: ['exceeded'] });
    expect(await sent(key)).toMatchObject([{ payload: { reason: expect.stringContaining('2.5 of cost per month') } }, {}]);
  });

  it('tells anew of a limit that was changed', async () => {
    const key = await newKey();
    await set(key, { limit: 2, stops: true, warnAt: [] });
    await store.lease(key, { least: 2, most: 2 });
    expect(await store.lease(key, { least: 1, most: 1 })).toMatchObject({ told: ['exceeded'] });
    await admin.query('UPDATE governance.budget SET max_calls = 3 WHERE id = $1', [key.budget]);
    expect(await store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 1 });
    expect(await store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 0, told: ['exceeded'] });
  });

  it.each(['hour', 'day', 'week', 'month'])('has calendar periods in UTC: the %s', async (period) => {
    const key = await newKey();
    await set(key, { limit: 2, stops: true, warnAt: [] }, period);
    const share = await store.lease(key, { least: 1, most: 1 });
    const [startsAt, resetsAt] = [new Date(share?.startsAt ?? ''), new Date(share?.resetsAt ?? '')];
    for (const moment of [startsAt, resetsAt]) {
      expect([moment.getUTCMinutes(), moment.getUTCSeconds(), moment.getUTCMilliseconds()]).toEqual([0, 0, 0]);
      if (period !== 'hour') expect(moment.getUTCHours()).toBe(0);
      if (period === 'week') expect(moment.getUTCDay()).toBe(1);
      if (period === 'month') expect(moment.getUTCDate()).toBe(1);
    }
    expect(startsAt.getTime()).toBeLessThanOrEqual(Date.now());
    expect(resetsAt.getTime()).toBeGreaterThan(Date.now());
    expect(Math.abs(Date.now() + (share?.endsInMs ?? 0) - resetsAt.getTime())).toBeLessThan(5_000);
  });

  it('keeps one organization from another’s budgets', async () => {
    const key = await newKey();
    await set(key, { limit: 2, stops: true, warnAt: [] });
    const { org: other } = await seedOrganization(admin);
    expect(await store.lease({ ...key, org: other }, { least: 1, most: 1 })).toBeUndefined();
    const share = await store.lease(key, { least: 2, most: 2 });
    await store.giveBack({ ...key, org: other }, { startsAt: share?.startsAt ?? '', units: 2 });
    expect(await store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 0 });
    const load = createBudgetLoader(dataSource);
    expect(new Set((await load(other)).map((budget) => budget.org))).toEqual(new Set([other]));
    expect(new Set((await load(null)).map((budget) => budget.org)).size).toBeGreaterThan(1);
    expect((await load(org)).find(({ id }) => id === key.budget)).toEqual({
      ...{ id: key.budget, org, name: key.budget, agent: null, user: null, tool: null, connector: null, period: 'month' },
      ...{ calls: true, cost: false, onExceeded: 'stop' },
    });
  });
});
