import {
  amountOf,
  KeywardError,
  MAX_BUDGETS,
  microsOf,
  newId,
  type Budget,
  type CreateBudget,
  type UpdateBudget,
} from '@keyward/contracts';
import { BudgetEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireAgent, requireOrganization } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';

export interface BudgetsOptions {
  dataSource: DataSource;
  /** ISO 4217 code of what limits of cost are in. */
  currency: string;
  /** Tells the executors. */
  announce: (org: string) => Promise<void>;
}

type Change = Partial<Pick<BudgetEntity, 'name' | 'maxCalls' | 'maxCostMicros' | 'warnAt' | 'onExceeded'>>;

interface UseRow {
  id: string;
  starts_at: Date;
  resets_at: Date;
  calls: number;
  cost: number;
  warned: boolean;
  exceeded: boolean;
}

const NAME_TAKEN = asConflict('There is a budget of this name already.');

/** How much an organization allows its agents. tool-executor enforces it; here it is said, and seen what is used. */
export class Budgets {
  constructor(private readonly options: BudgetsOptions) {}

  /** @throws KeywardError `not_found` (organization, agent), `conflict` (name, or there are too many), `dependency_unavailable` */
  async create(request: CreateBudget, actor: Actor): Promise<Budget> {
    const { organization: org, name, agent, user, tool, connector, period, maxCalls, maxCost, warnAt, onExceeded } = request;
    const row = {
      ...{ id: newId('bgt'), orgId: org, name, period, warnAt, onExceeded, maxCalls: maxCalls ?? null },
      ...{ agentId: agent ?? null, userId: user ?? null, tool: tool ?? null, connector: connector ?? null },
      maxCostMicros: maxCost === undefined ? null : microsOf(maxCost),
    };
    const budget = await withOrg(this.options.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      if (agent !== undefined) await requireAgent(em, org, agent);
      await requireRoom(em, org);
      await em.insert(BudgetEntity, row);
      await recordAudit(em, { type: 'budget.created', org, actor, agent, user, target: row.id, reason: limitsOf(row) });
      return this.#read(em, org, row.id);
    }).catch(NAME_TAKEN);
    await this.options.announce(org);
    return budget;
  }

  /** With what is used of the current period. @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string): Promise<{ budgets: Budget[] }> {
    return withOrg(this.options.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      const rows = await em.find(BudgetEntity, { where: { orgId: org }, order: { name: 'ASC' } });
      const uses = new Map((await usesOf(em, org)).map((use) => [use.id, use]));
      return { budgets: rows.flatMap((row) => this.#toBudget(row, uses.get(row.id)) ?? []) };
    });
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, id: string): Promise<Budget> {
    return withOrg(this.options.dataSource, org, (em) => this.#read(em, org, id));
  }

  /**
   * In force for the next calls; what is used of the period stays used.
   * @throws KeywardError `not_found`, `invalid_request` (no limit is left), `conflict` (name), `dependency_unavailable`
   */
  async update(org: string, id: string, request: Omit<UpdateBudget, 'organization'>, actor: Actor): Promise<Budget> {
    const change = changeOf(request);
    const budget = await withOrg(this.options.dataSource, org, async (em) => {
      const before = await lock(em, org, id);
      const after = { ...before, ...change };
      if (after.maxCalls === null && after.maxCostMicros === null) throw unlimited();
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        await em.update(BudgetEntity, { id, orgId: org }, { ...change, updatedAt: () => 'now()' });
        await recordAudit(em, { type: 'budget.updated', org, actor, target: id, reason: limitsOf(after) });
      }
      return this.#read(em, org, id);
    }).catch(NAME_TAKEN);
    await this.options.announce(org);
    return budget;
  }

  /** With what was used of it. @throws KeywardError `not_found`, `dependency_unavailable` */
  async remove(org: string, id: string, actor: Actor): Promise<void> {
    await withOrg(this.options.dataSource, org, async (em) => {
      const { name } = await lock(em, org, id);
      await em.delete(BudgetEntity, { id, orgId: org });
      await recordAudit(em, { type: 'budget.removed', org, actor, target: id, reason: name });
    });
    await this.options.announce(org);
  }

  async #read(em: EntityManager, org: string, id: string): Promise<Budget> {
    const row = await em.findOneBy(BudgetEntity, { id, orgId: org });
    if (row === null) throw notFound('bgt');
    const [use] = await usesOf(em, org, id);
    const budget = this.#toBudget(row, use);
    if (budget === undefined) throw notFound('bgt');
    return budget;
  }

  /** Undefined where it was removed between the two questions. */
  #toBudget(row: BudgetEntity, use: UseRow | undefined): Budget | undefined {
    if (use === undefined) return undefined;
    const { maxCalls, maxCostMicros, warnAt, onExceeded, period, name, tool, connector } = row;
    return {
      ...{ id: row.id, organization: row.orgId, name, agent: row.agentId, user: row.userId, tool, connector, period, maxCalls },
      ...{
        maxCost: maxCostMicros === null ? null : amountOf(maxCostMicros),
        currency: this.options.currency,
        warnAt,
        onExceeded,
      },
      use: {
        ...{ startsAt: use.starts_at.toISOString(), resetsAt: use.resets_at.toISOString() },
        ...{ calls: maxCalls === null ? null : use.calls, cost: maxCostMicros === null ? null : amountOf(use.cost) },
        ...{ warned: use.warned, exceeded: use.exceeded },
      },
      ...{ createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString() },
    };
  }
}

/** Of a limit that was changed since nothing was told yet. */
const USES = `
  SELECT b.id, p.starts_at, p.resets_at,
    coalesce(max(u.used) FILTER (WHERE u.measure = 'calls'), 0)::float8 AS calls,
    coalesce(max(u.used) FILTER (WHERE u.measure = 'cost'), 0)::float8 AS cost,
    coalesce(bool_or(u.warned > 0 AND u.is_current), false) AS warned,
    coalesce(bool_or(u.exceeded AND u.is_current), false) AS exceeded
  FROM governance.budget b
  CROSS JOIN LATERAL (SELECT date_trunc(b.period, now(), 'UTC') AS starts_at,
    (date_trunc(b.period, now() AT TIME ZONE 'UTC') + ('1 ' || b.period)::interval) AT TIME ZONE 'UTC' AS resets_at) p
  LEFT JOIN LATERAL (
    SELECT x.*, x.told_limit = CASE x.measure WHEN 'calls' THEN b.max_calls ELSE b.max_cost_micros END AS is_current
    FROM execution.budget_use x WHERE x.budget_id = b.id AND x.period = b.period AND x.starts_at = p.starts_at
  ) u ON true
  WHERE b.org_id = $1 AND ($2::text IS NULL OR b.id = $2) GROUP BY b.id, p.starts_at, p.resets_at`;

function usesOf(em: EntityManager, org: string, id: string | null = null): Promise<UseRow[]> {
  return em.query<UseRow[]>(USES, [org, id]);
}

/** One after the other, or two at once would both be the last that there is room for. */
async function requireRoom(em: EntityManager, org: string): Promise<void> {
  await em.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`budget ${org}`]);
  if ((await em.countBy(BudgetEntity, { orgId: org })) >= MAX_BUDGETS)
    throw new KeywardError('conflict', `An organization has at most ${MAX_BUDGETS} budgets.`);
}

async function lock(em: EntityManager, org: string, id: string): Promise<BudgetEntity> {
  const row = await em.findOne(BudgetEntity, { where: { id, orgId: org }, lock: { mode: 'pessimistic_write' } });
  if (row === null) throw notFound('bgt');
  return row;
}

function changeOf({ name, maxCalls, maxCost, warnAt, onExceeded }: Omit<UpdateBudget, 'organization'>): Change {
  const maxCostMicros = typeof maxCost === 'string' ? microsOf(maxCost) : maxCost;
  const named = Object.entries({ name, maxCalls, maxCostMicros, warnAt, onExceeded });
  return Object.fromEntries(named.filter(([, value]) => value !== undefined)) as Change;
}

type Limits = Pick<BudgetEntity, 'name' | 'maxCalls' | 'maxCostMicros' | 'period' | 'onExceeded'>;

/** For the trail: `acme-day: 100 calls, 5.5 of cost per day, stop`. */
function limitsOf({ name, maxCalls, maxCostMicros, period, onExceeded }: Limits): string {
  const limits = [
    ...(maxCalls === null ? [] : [`${maxCalls} calls`]),
    ...(maxCostMicros === null ? [] : [`${amountOf(maxCostMicros)} of cost`]),
  ];
  return `${name}: ${limits.join(', ')} per ${period}, ${onExceeded}`;
}

function unlimited(): KeywardError {
  const detail = 'a budget without a limit limits nothing: remove it instead';
  return new KeywardError('invalid_request', `The budget would be left without a limit.`, {
    details: { errors: [{ pointer: '/maxCalls', detail }] },
  });
}
