import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, ranking, stat } from './panels.js';
import { inAll, perSecond } from './queries.js';

const TOOL = 'connector=~"$connector", tool=~"$tool"';
const CALLS = `tool_executions_total{${TOOL}`;

const totals = [
  stat({
    ...{ title: 'Calls', unit: 'short', width: 6 },
    description: 'Over the time shown. By agent, user and organization, and what they cost: keyward usage --group-by agent,day.',
    queries: [[`round(${inAll(`${CALLS}}`)})`, 'calls']],
  }),
  stat({
    ...{ title: 'Succeeded', unit: 'percentunit', width: 6, thresholds: ['red', [0.8, 'orange'], [0.95, 'green']] },
    description: 'Of the calls over the time shown.',
    queries: [[`${inAll(`${CALLS}, state="succeeded"}`)} / (${inAll(`${CALLS}}`)} > 0)`, 'succeeded']],
  }),
  stat({
    ...{ title: 'Calls stopped by budgets', unit: 'short', width: 6, thresholds: GOOD_UNTIL(1, 1_000) },
    description: 'Over the time shown. Whose budget it is: keyward budgets status.',
    queries: [[`round(${inAll('budget_exceeded_total')}) or vector(0)`, 'stopped']],
    runbooks: ['budget-stopping'],
  }),
  stat({
    ...{ title: 'Marks of budgets reached', unit: 'short', width: 6 },
    description: 'Times that a budget reached a mark that it warns at, over the time shown.',
    queries: [[`round(${inAll('budget_warned_total')}) or vector(0)`, 'warned']],
    runbooks: ['budget-stopping'],
  }),
];

const calls = [
  ranking({
    ...{ title: 'Tools called most', unit: 'short' },
    description: 'Over the time shown; a tool’s price is in its connector (cost), so this times that is what it costs.',
    queries: [[`topk(15, round(${inAll(`${CALLS}}`, 'tool')}) > 0)`, '{{tool}}']],
  }),
  ranking({
    ...{ title: 'Connectors called most', unit: 'short' },
    description: 'Over the time shown. posted: what organizations brought themselves.',
    queries: [[`topk(15, round(${inAll(`${CALLS}}`, 'connector')}) > 0)`, '{{connector}}']],
  }),
  lines({
    ...{ title: 'Calls by connector', unit: 'ops', stacked: true },
    description: 'Of the chosen connectors and tools.',
    queries: [[perSecond(`${CALLS}}`, 'connector'), '{{connector}}']],
  }),
  lines({
    ...{ title: 'Calls by how they ended', unit: 'ops', stacked: true },
    description: 'Only calls of which at least one request was sent are charged.',
    queries: [[perSecond(`${CALLS}}`, 'state'), '{{state}}']],
  }),
  lines({
    ...{ title: 'Requests to providers per call', unit: 'short', thresholds: GOOD_UNTIL(2, 5) },
    description: 'Pages and retries make it more than one; providers bill requests, not calls.',
    queries: [
      [`${perSecond('tool_provider_requests_total')} / (${perSecond('tool_executions_total{state!="denied"}')} > 0)`, 'requests'],
    ],
  }),
  lines({
    ...{ title: 'Time spent in calls', unit: 'short' },
    description: 'Seconds of calls per second, by connector: how many are under way on average, which sizes tool-executor.',
    queries: [[perSecond(`tool_execution_duration_seconds_sum{${TOOL}}`, 'connector'), '{{connector}}']],
  }),
];

const budgets = [
  lines({
    ...{ title: 'Budgets', unit: 'ops', stacked: true },
    description: 'Calls that a budget stopped, and marks that were reached.',
    queries: [
      [perSecond('budget_exceeded_total'), 'stopped'],
      [perSecond('budget_warned_total'), 'warned'],
    ],
    runbooks: ['budget-stopping'],
  }),
  lines({
    ...{ title: 'Cost of running: requests to the key management service', unit: 'reqps', stacked: true },
    description: 'They are billed by the provider of keys.',
    queries: [[perSecond('kms_requests_total', 'service'), '{{service}}']],
    runbooks: ['data-key-cache-miss-storm'],
  }),
  lines({
    ...{ title: 'Connections', unit: 'short', stacked: true },
    description: 'Active connections by provider: what is kept fresh whether it is called or not.',
    queries: [['max by (provider) (connections{state="active"})', '{{provider}}']],
  }),
  lines({
    ...{ title: 'Webhook messages', unit: 'ops', stacked: true },
    description: 'Attempts to deliver them, by outcome.',
    queries: [[perSecond('webhook_deliveries_total', 'outcome'), '{{outcome}}']],
  }),
];

export const usage = dashboard({
  uid: 'keyward-usage',
  title: 'Usage and cost',
  description:
    'What is used of what. No organization, agent or user is a label of a metric: keyward usage tells those, and cost to the micro-unit.',
  from: 'now-7d',
  choices: [
    { name: 'connector', label: 'Connector', values: 'label_values(tool_executions_total, connector)' },
    { name: 'tool', label: 'Tool', values: 'label_values(tool_executions_total{connector=~"$connector"}, tool)' },
  ],
  sections: [
    { title: 'In the time shown', panels: totals },
    { title: 'Calls', panels: calls },
    { title: 'Budgets and cost of running', panels: budgets },
  ],
});
