import { budgetSchema, createBudgetSchema, idSchema, updateBudgetSchema } from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { gone, inOrganization, made, ok } from './answers.js';

const params = { id: idSchema('bgt') };
const query = inOrganization;
const all = '/v1/budgets';
const one = `${all}/{id}`;

export const budgetsApi: ApiPart = {
  requests: { CreateBudget: createBudgetSchema, UpdateBudget: updateBudgetSchema },
  responses: { Budget: budgetSchema, BudgetList: z.object({ budgets: z.array(budgetSchema) }) },
  operations: [
    {
      method: 'post',
      path: all,
      id: 'createBudget',
      summary: 'Limits calls or cost per hour, day, week or month',
      body: 'CreateBudget',
      answers: made('Budget'),
    },
    {
      method: 'get',
      path: all,
      id: 'listBudgets',
      summary: 'What is allowed, and what of it is used in the current period',
      query,
      answers: ok('BudgetList'),
    },
    { method: 'get', path: one, id: 'getBudget', summary: 'One budget', params, query, answers: ok('Budget') },
    {
      method: 'patch',
      path: one,
      id: 'updateBudget',
      summary: 'Changes what is named; what is used stays used',
      params,
      query: { organization: inOrganization.organization.optional() },
      body: 'UpdateBudget',
      answers: ok('Budget'),
    },
    { method: 'delete', path: one, id: 'removeBudget', summary: 'Limits nothing any more', params, query, answers: gone },
  ],
};
