import { z } from 'zod';
import { amountSchema, currencySchema } from './cost.js';
import { toolNameSchema } from './execution.js';
import { idSchema, slugSchema, userIdSchema } from './ids.js';

/** Calendar periods in UTC; a week begins on Monday (ISO 8601). */
export const budgetPeriods = ['hour', 'day', 'week', 'month'] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** `stop` refuses the call that would go over. `warn` only tells. */
export const budgetActions = ['stop', 'warn'] as const;
export type BudgetAction = (typeof budgetActions)[number];

/** What a limit counts. */
export const budgetMeasures = ['calls', 'cost'] as const;
export type BudgetMeasure = (typeof budgetMeasures)[number];

export const MAX_BUDGETS = 200;
const MAX_CALLS = 1_000_000_000_000;
const MAX_RATIOS = 5;

const maxCalls = z.int().min(0).max(MAX_CALLS);
const warnAt = z
  .array(z.number().gt(0).max(1))
  .max(MAX_RATIOS)
  .transform((ratios) => [...new Set(ratios)].sort((a, b) => a - b));

/** Which calls count: all that match everything that is named, so that a budget that names nothing is the organization's. */
const scope = {
  agent: idSchema('agt').optional(),
  user: userIdSchema.optional(),
  /** By the name that it is called by, a unified one too. */
  tool: toolNameSchema.optional(),
  connector: slugSchema.optional(),
};

/** `POST /v1/budgets` */
export const createBudgetSchema = z
  .strictObject({
    organization: idSchema('org'),
    name: slugSchema,
    ...scope,
    period: z.enum(budgetPeriods),
    maxCalls: maxCalls.optional(),
    maxCost: amountSchema.optional(),
    /** Of each limit, as a share of it. */
    warnAt: warnAt.default([0.8]),
    onExceeded: z.enum(budgetActions).default('stop'),
  })
  .refine((budget) => budget.maxCalls !== undefined || budget.maxCost !== undefined, {
    error: 'needs maxCalls or maxCost, or both',
    path: ['maxCalls'],
  });
export type CreateBudget = z.infer<typeof createBudgetSchema>;

/** `PATCH /v1/budgets/{id}`: what is named changes; null takes a limit away. Period and what counts stay: that would be another budget. */
export const updateBudgetSchema = z.strictObject({
  organization: idSchema('org').optional(),
  name: slugSchema.optional(),
  maxCalls: maxCalls.nullable().optional(),
  maxCost: amountSchema.nullable().optional(),
  warnAt: warnAt.optional(),
  onExceeded: z.enum(budgetActions).optional(),
});
export type UpdateBudget = z.infer<typeof updateBudgetSchema>;

/** What is used of the current period, what executors have set aside for calls of the next seconds included. */
const budgetUseSchema = z.object({
  startsAt: z.iso.datetime(),
  resetsAt: z.iso.datetime(),
  /** Null where the budget does not limit it. */
  calls: z.int().nullable(),
  cost: amountSchema.nullable(),
  /** Of either limit, whether it was told in this period. */
  warned: z.boolean(),
  exceeded: z.boolean(),
});

export const budgetSchema = z.object({
  id: idSchema('bgt'),
  organization: idSchema('org'),
  name: slugSchema,
  agent: idSchema('agt').nullable(),
  user: userIdSchema.nullable(),
  tool: z.string().nullable(),
  connector: z.string().nullable(),
  period: z.enum(budgetPeriods),
  maxCalls: z.int().nullable(),
  maxCost: amountSchema.nullable(),
  currency: currencySchema,
  warnAt: z.array(z.number()),
  onExceeded: z.enum(budgetActions),
  use: budgetUseSchema,
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Budget = z.infer<typeof budgetSchema>;

/** Core broadcast on `control.budgets_changed`: what is cached of this organization's budgets is out of date. */
export const controlBudgetsChangedSchema = z.object({ org: idSchema('org') });
export type ControlBudgetsChanged = z.infer<typeof controlBudgetsChangedSchema>;

export const budgetEventNames = ['warned', 'exceeded'] as const;
export type BudgetEventName = (typeof budgetEventNames)[number];

/** What an event of a budget says of it. Counts are calls, or millionths of the currency. */
const budgetFactsSchema = z.object({
  id: idSchema('bgt'),
  name: z.string(),
  period: z.enum(budgetPeriods),
  measure: z.enum(budgetMeasures),
  limit: z.int(),
  used: z.int(),
  /** Of `warned`: the share that was reached. */
  ratio: z.number().nullable(),
  onExceeded: z.enum(budgetActions),
  resetsAt: z.iso.datetime(),
});

/** Stream CONNECTIONS, subject `budget.<event>.<org>`. Once per limit and period. */
export const budgetEventSchema = z.object({
  id: idSchema('msg'),
  event: z.enum(budgetEventNames),
  at: z.iso.datetime(),
  org: idSchema('org'),
  budget: budgetFactsSchema,
});
export type BudgetEvent = z.infer<typeof budgetEventSchema>;
