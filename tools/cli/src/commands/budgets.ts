import { budgetActions, budgetPeriods, type Budget } from '@keyward/contracts';
import { Usage } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { group, under } from './command.js';
import { agentId, moment } from './names.js';

const ALL = '/v1/budgets';
const NAME = { type: 'string', demandOption: true, describe: 'Its name, or its id' } as const;
const WARN = { type: 'number', array: true, describe: 'Warn at these shares of each limit: 0.5 --warn-at 0.8' } as const;
const ACTION = { choices: budgetActions, describe: 'stop: refuse the call that would go over. warn: only tell' } as const;
const LIMIT = { calls: 'Calls in a period', cost: 'Cost in a period, such as 12.50' };

const one = (id: string): string => `${ALL}/${encodeURIComponent(id)}`;

async function budgetsOf(session: Session): Promise<Budget[]> {
  return (await session.admin.get<{ budgets: Budget[] }>(await session.path(ALL))).budgets;
}

/** @throws Usage where there is none of that name */
async function budgetOf(session: Session, name: string): Promise<Budget> {
  const found = (await budgetsOf(session)).find((budget) => budget.name === name || budget.id === name);
  if (found === undefined) throw new Usage(`There is no budget "${name}". Those there are: keyward budgets list`);
  return found;
}

function scopeOf({ agent, user, tool, connector }: Budget): string {
  const named = Object.entries({ agent, user, tool, connector }).filter(([, value]) => value !== null);
  return named.length === 0 ? 'everything' : named.map(([what, value]) => `${what} ${value}`).join(', ');
}

function limitOf({ maxCalls, maxCost, currency, period }: Budget): string {
  const limits = [...(maxCalls === null ? [] : [`${maxCalls} calls`]), ...(maxCost === null ? [] : [`${maxCost} ${currency}`])];
  return `${limits.join(', ')} per ${period}`;
}

function usedOf({ use, maxCalls, maxCost, currency }: Budget): string {
  const share = (used: number, limit: number) => (limit === 0 ? '' : ` (${Math.round((used / limit) * 100)} %)`);
  const calls = use.calls === null || maxCalls === null ? [] : [`${use.calls} calls${share(use.calls, maxCalls)}`];
  const cost =
    use.cost === null || maxCost === null ? [] : [`${use.cost} ${currency}${share(Number(use.cost), Number(maxCost))}`];
  return [...calls, ...cost].join(', ');
}

function stateOf({ use, onExceeded }: Budget): string {
  if (use.exceeded) return onExceeded === 'stop' ? 'used up' : 'passed';
  return use.warned ? 'warned' : 'within';
}

function show({ out }: Session, budget: Budget): void {
  out.details({
    id: budget.id,
    name: budget.name,
    counts: scopeOf(budget),
    limit: limitOf(budget),
    'warns at': budget.warnAt.map((ratio) => `${Math.round(ratio * 100)} %`).join(', '),
    'over it': budget.onExceeded === 'stop' ? 'calls are refused' : 'is only told',
    used: usedOf(budget),
    state: stateOf(budget),
    'begins anew': moment(budget.use.resetsAt),
  });
}

const listing = under({
  command: 'list',
  describe: 'What is allowed, and what of it is used',
  builder: (args) => args,
  handler: async (session) => {
    const budgets = await budgetsOf(session);
    session.out.answer(budgets, () =>
      session.out.table(
        budgets,
        { NAME: ({ name }) => name, COUNTS: scopeOf, LIMIT: limitOf, USED: usedOf, STATE: stateOf },
        'Nothing is limited. Make a budget: keyward budgets add <name> --per day --calls 1000',
      ),
    );
  },
});

const add = under({
  command: 'add <name>',
  describe: 'Limit calls or cost; of everything, or of an agent, a user, a tool, a connector',
  builder: (args) =>
    args
      .positional('name', { type: 'string', demandOption: true, describe: 'a-z 0-9 _ -' })
      .option('per', { choices: budgetPeriods, demandOption: true, describe: 'Calendar period, in UTC' })
      .option('calls', { type: 'number', describe: LIMIT.calls })
      .option('cost', { type: 'string', describe: LIMIT.cost })
      .option('agent', { type: 'string', describe: 'Only calls of this agent: its name or id' })
      .option('user', { type: 'string', describe: 'Only calls for this user' })
      .option('tool', { type: 'string', describe: 'Only calls of this tool' })
      .option('connector', { type: 'string', describe: 'Only calls of tools of this connector' })
      .option('warn-at', WARN)
      .option('on-exceeded', ACTION),
  handler: async (session, args) => {
    const { name, per, calls, cost, agent, user, tool, connector, warnAt, onExceeded } = args;
    if (calls === undefined && cost === undefined) throw new Usage('Say how much: --calls, --cost, or both.');
    const made = await session.admin.post<Budget>(ALL, {
      ...{ organization: await session.org(), name, period: per, maxCalls: calls, maxCost: cost, user, tool, connector },
      ...{ agent: agent === undefined ? undefined : await agentId(session, agent), warnAt, onExceeded },
    });
    session.out.answer(made, () => show(session, made));
  },
});

const set = under({
  command: 'set <budget>',
  describe: 'Change its limits; what is used of the period stays used',
  builder: (args) =>
    args
      .positional('budget', NAME)
      .option('calls', { type: 'string', describe: `${LIMIT.calls}; none: not limited any more` })
      .option('cost', { type: 'string', describe: `${LIMIT.cost}; none: not limited any more` })
      .option('rename', { type: 'string', describe: 'Another name' })
      .option('warn-at', WARN)
      .option('on-exceeded', ACTION),
  handler: async (session, { budget, calls, cost, rename, warnAt, onExceeded }) => {
    const change = { name: rename, maxCalls: callsOf(calls), maxCost: cost === 'none' ? null : cost, warnAt, onExceeded };
    if (Object.values(change).every((value) => value === undefined))
      throw new Usage('Name what to change: --calls, --cost, --warn-at, --on-exceeded or --rename.');
    const { id } = await budgetOf(session, budget);
    const changed = await session.admin.patch<Budget>(await session.path(one(id)), change);
    session.out.answer(changed, () => show(session, changed));
  },
});

function callsOf(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  if (!/^\d{1,12}$/.test(text)) throw new Usage('--calls is a whole number, or none.');
  return Number(text);
}

const remove = under({
  command: 'remove <budget>',
  describe: 'Limit nothing by it any more, and forget what was used',
  builder: (args) => args.positional('budget', NAME),
  handler: async (session, { budget }) => {
    const { id, name } = await budgetOf(session, budget);
    await session.admin.delete(await session.path(one(id)));
    session.out.say(`${name} is removed.`);
  },
});

const status = under({
  command: 'status [budget]',
  describe: 'What is used of the current period; exit code 1 where a budget that stops is used up',
  builder: (args) => args.positional('budget', { ...NAME, demandOption: false }),
  handler: async (session, { budget }) => {
    const budgets = budget === undefined ? await budgetsOf(session) : [await budgetOf(session, budget)];
    session.out.answer(budgets, () =>
      session.out.table(
        budgets,
        { NAME: ({ name }) => name, STATE: stateOf, USED: usedOf, LIMIT: limitOf, ANEW: ({ use }) => moment(use.resetsAt) },
        'Nothing is limited.',
      ),
    );
    if (budgets.some(({ use, onExceeded }) => use.exceeded && onExceeded === 'stop')) process.exitCode = 1;
  },
});

export const budgets = group('budgets', 'How much agents may call and cost', listing, add, set, remove, status);
