import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, heat, lines, ranking, states, type Query } from './panels.js';
import { perSecond, quantile } from './queries.js';

const PROVIDER = 'provider=~"$provider"';
const TOOL = 'connector=~"$connector", tool=~"$tool"';
const REQUESTS = `tool_provider_requests_total{${PROVIDER}`;
const CALLS = `tool_executions_total{${TOOL}`;

const byProvider = (q: number): Query => [
  quantile(q, 'tool_provider_request_duration_seconds', `{${PROVIDER}}`, 'provider'),
  `{{provider}} p${q * 100}`,
];

const requests = [
  lines({
    ...{ title: 'Rate: requests to providers', unit: 'reqps', stacked: true },
    description: 'Requests that left, retries included.',
    queries: [[perSecond(`${REQUESTS}}`, 'provider'), '{{provider}}']],
  }),
  lines({
    ...{
      title: 'Errors: share of requests without a usable answer',
      unit: 'percentunit',
      most: 1,
      thresholds: GOOD_UNTIL(0.05, 0.25),
    },
    description: 'Answers of 500 and above, and requests without an answer, of all requests.',
    queries: [
      [
        `${perSecond(`${REQUESTS}, status_code=~"5..|error"}`, 'provider')} / ${perSecond(`${REQUESTS}}`, 'provider')}`,
        '{{provider}}',
      ],
    ],
    runbooks: ['breaker-open'],
  }),
  lines({
    ...{ title: 'Duration: answers of providers, p50 and p99', unit: 's', exemplars: true },
    description: 'How long providers take to answer one request. A dot leads to a trace.',
    queries: [byProvider(0.5), byProvider(0.99)],
  }),
  heat({
    ...{ title: 'Duration of requests', unit: 's' },
    description: 'All requests of the chosen providers: a second band is a second way that they behave.',
    queries: [[`sum by (le) (increase(tool_provider_request_duration_seconds_bucket{${PROVIDER}}[$__rate_interval]))`, '{{le}}']],
  }),
  lines({
    ...{ title: '401: tokens that providers refuse', unit: 'percentunit', thresholds: GOOD_UNTIL(0.05, 0.25) },
    description:
      'Share of requests answered 401 over five minutes, and over the hour before as the alert compares it (three times that).',
    queries: [
      [`provider:tool_call_401:ratio_rate5m{${PROVIDER}}`, '{{provider}}'],
      [`3 * (provider:tool_call_401:ratio_rate1h{${PROVIDER}} offset 1h)`, '{{provider}}: 3 × baseline'],
    ],
    runbooks: ['provider-401-spike'],
  }),
  lines({
    ...{ title: 'Answers by status', unit: 'reqps', stacked: true },
    description: 'Of the chosen providers together; error: no answer.',
    queries: [[perSecond(`${REQUESTS}}`, 'status_code'), '{{status_code}}']],
  }),
];

const calls = [
  lines({
    ...{ title: 'Rate: calls by connector', unit: 'ops', stacked: true },
    description: 'Calls of the chosen tools that ended.',
    queries: [[perSecond(`${CALLS}}`, 'connector'), '{{connector}}']],
  }),
  lines({
    ...{ title: 'Errors: share of calls that failed', unit: 'percentunit', most: 1, thresholds: GOOD_UNTIL(0.05, 0.25) },
    description: 'failed, expired and unknown of all calls. denied and cancelled are somebody’s decision and not in it.',
    queries: [
      [
        `${perSecond(`${CALLS}, state=~"failed|expired|unknown"}`, 'connector')} / ${perSecond(`${CALLS}}`, 'connector')}`,
        '{{connector}}',
      ],
    ],
    runbooks: ['execution-error-budget-burn'],
  }),
  lines({
    ...{ title: 'Duration: calls, p50 and p99', unit: 's', exemplars: true },
    description:
      'From taking a call off the bus to its recorded result: waiting for limits, retries and Keyward’s own work included.',
    queries: ([0.5, 0.99] as const).map((q) => [
      quantile(q, 'tool_execution_duration_seconds', `{${TOOL}}`, 'connector'),
      `{{connector}} p${q * 100}`,
    ]),
  }),
  ranking({
    ...{ title: 'Tools that fail most', unit: 'ops' },
    description: 'Calls per second that failed, expired or ended unknown, over the time shown.',
    queries: [[`topk(10, sum by (tool) (rate(${CALLS}, state=~"failed|expired|unknown"}[$__range])) > 0)`, '{{tool}}']],
  }),
];

const limits = [
  lines({
    ...{ title: 'Requests sent again', unit: 'reqps', stacked: true },
    description: 'By why: rate_limited, server_error, network, unauthorized (a token was refreshed and the request repeated).',
    queries: [[perSecond(`tool_retries_total{${PROVIDER}}`, 'provider', 'reason'), '{{provider}} {{reason}}']],
  }),
  lines({
    ...{ title: 'Waiting for limits, p99', unit: 's' },
    description:
      'How long requests waited for a quota, the end of a pause that a provider asked for, or a place among those under way.',
    queries: [[quantile(0.99, 'rate_limit_wait_seconds', `{${PROVIDER}}`, 'provider', 'reason'), '{{provider}} {{reason}}']],
  }),
  lines({
    ...{ title: 'Requests not sent for a limit', unit: 'reqps', stacked: true },
    description: 'A limit could not be kept before the caller’s deadline, a breaker was open, or the retry budget was used up.',
    queries: [[perSecond(`tool_limit_refusals_total{${PROVIDER}}`, 'provider', 'reason'), '{{provider}} {{reason}}']],
    runbooks: ['breaker-open'],
  }),
  lines({
    ...{ title: 'Calls that wait for a limit', unit: 'short', stacked: true },
    description: 'In all replicas of tool-executor.',
    queries: [['sum(tool_calls_waiting)', 'waiting']],
  }),
  states({
    ...{ title: 'Circuit breakers', unit: 'short', width: 24, runbooks: ['breaker-open'] },
    description: 'The worst of all replicas: open lets nothing out, half open tries with one request.',
    queries: [[`max by (provider) (circuit_breaker_state{${PROVIDER}})`, '{{provider}}']],
    thresholds: GOOD_UNTIL(1, 2),
    states: { 0: ['closed', 'green'], 1: ['half open', 'orange'], 2: ['open', 'red'] },
  }),
];

export const toolCalls = dashboard({
  uid: 'keyward-tool-calls',
  title: 'Tool calls per provider',
  description: 'Rate, errors and duration of requests to providers and of calls of tools.',
  choices: [
    { name: 'provider', label: 'Provider', values: 'label_values(tool_provider_requests_total, provider)' },
    { name: 'connector', label: 'Connector', values: 'label_values(tool_executions_total, connector)' },
    { name: 'tool', label: 'Tool', values: 'label_values(tool_executions_total{connector=~"$connector"}, tool)' },
  ],
  sections: [
    { title: 'Requests to providers', panels: requests },
    { title: 'Calls', panels: calls },
    { title: 'Limits', panels: limits },
  ],
});
