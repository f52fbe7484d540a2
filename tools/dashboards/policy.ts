import { dashboard } from './dashboard.js';
import { lines, ranking, stat, GOOD_UNTIL, NONE_IS_GOOD } from './panels.js';
import { inAll, percentiles, perSecond } from './queries.js';

const counted = (selector: string): string => `round(${inAll(selector)}) or vector(0)`;

const now = [
  stat({
    ...{ title: 'Calls denied', unit: 'short', width: 6 },
    description: 'Over the time shown: an agent may not call that tool.',
    queries: [[counted('policy_decisions_total{decision="deny"}'), 'denied']],
  }),
  stat({
    ...{ title: 'Requests not let out', unit: 'short', thresholds: NONE_IS_GOOD, width: 6 },
    description: 'Over the time shown: to an address that no request may go to.',
    queries: [[counted('egress_denied_total'), 'stopped']],
    runbooks: ['egress-denied'],
  }),
  stat({
    ...{ title: 'Agent keys refused', unit: 'short', thresholds: GOOD_UNTIL(10, 1_000), width: 6 },
    description: 'Over the time shown: requests with a key that is not valid. Many: an old key in use, or somebody who guesses.',
    queries: [[counted('gateway_authentication_failures_total{reason="refused"}'), 'refused']],
  }),
  stat({
    ...{ title: 'Calls stopped by budgets', unit: 'short', thresholds: GOOD_UNTIL(1, 1_000), width: 6 },
    description: 'Over the time shown.',
    queries: [[counted('budget_exceeded_total'), 'stopped']],
    runbooks: ['budget-stopping'],
  }),
];

const decisions = [
  lines({
    ...{ title: 'Decisions', unit: 'ops', stacked: true },
    description: 'Whether an agent may call a tool.',
    queries: [[perSecond('policy_decisions_total', 'decision'), '{{decision}}']],
  }),
  lines({
    ...{ title: 'Duration of decisions', unit: 's', thresholds: GOOD_UNTIL(0.05, 0.25) },
    description: 'From asking for the assignment and the connection to the decision.',
    queries: percentiles('policy_decision_duration_seconds'),
    runbooks: ['postgres-pool-exhausted', 'event-loop-lag'],
  }),
  lines({
    ...{ title: 'Calls denied, by connector', unit: 'ops', stacked: true },
    description: 'State denied: by policy, a budget, or for want of a connection or scopes.',
    queries: [
      [perSecond('tool_executions_total{state="denied", connector=~"$provider", tool=~"$tool"}', 'connector'), '{{connector}}'],
    ],
  }),
  ranking({
    ...{ title: 'Tools denied most', unit: 'short' },
    description: 'Over the time shown. Which agent it was is in the audit trail: keyward audit events --state denied.',
    queries: [
      [
        `topk(10, ${inAll('tool_executions_total{state="denied", connector=~"$provider", tool=~"$tool"}', 'tool')} > 0)`,
        '{{tool}}',
      ],
    ],
  }),
];

const CODES = 'policy_denied|tool_not_assigned|missing_scopes|connection_required|needs_reauthorization|revoked|forbidden';

const doors = [
  lines({
    ...{ title: 'Requests not let out', unit: 'ops', stacked: true, thresholds: ['green', [0.0001, 'red']] },
    description: 'By reason. private_address and forbidden_address are what an attempt to reach inside looks like.',
    queries: [[perSecond('egress_denied_total', 'reason'), '{{reason}}']],
    runbooks: ['egress-denied'],
  }),
  lines({
    ...{ title: 'Requests without a valid agent key', unit: 'ops', stacked: true },
    description: 'missing: none was sent; refused: it is not, or no longer, valid.',
    queries: [[perSecond('gateway_authentication_failures_total', 'reason'), '{{reason}}']],
  }),
  lines({
    ...{ title: 'Why calls were refused', unit: 'ops', stacked: true },
    description: 'By error code, of those that are about rights.',
    queries: [[`${perSecond(`tool_execution_errors_total{code=~"${CODES}"}`, 'code')} > 0`, '{{code}}']],
  }),
  lines({
    ...{ title: 'Tokens that providers refuse', unit: 'percentunit' },
    description: 'Share of requests answered 401: withdrawn in numbers, or a token that was rotated behind our back.',
    queries: [['provider:tool_call_401:ratio_rate5m{provider=~"$provider"}', '{{provider}}']],
    runbooks: ['provider-401-spike'],
  }),
  lines({
    ...{ title: 'Security events in the trail', unit: 'ops', stacked: true },
    description: 'Keys, members, trusted issuers, released tokens, policy: what an auditor asks about.',
    queries: [
      [
        `${perSecond('audit_events_total{type=~"agent_key.*|member.*|trusted_issuer.*|workload_binding.*|token_release.*|assignment.*|connection.token_.*|data_key.*|organization.*|audit.*"}', 'type')} > 0`,
        '{{type}}',
      ],
    ],
  }),
  lines({
    ...{ title: 'People back from providers with an error', unit: 'ops', stacked: true },
    description: 'Callbacks by how they ended. Many that were refused at once may be an attempt to use somebody else’s link.',
    queries: [[perSecond('oauth_callback_total{provider=~"$provider"}', 'provider', 'outcome'), '{{provider}} {{outcome}}']],
  }),
];

export const policy = dashboard({
  uid: 'keyward-policy',
  title: 'Policy and security',
  description: 'Who was stopped, where, and why.',
  from: 'now-24h',
  choices: [
    { name: 'provider', label: 'Provider', values: 'label_values(tool_executions_total, connector)' },
    { name: 'tool', label: 'Tool', values: 'label_values(tool_executions_total{connector=~"$provider"}, tool)' },
  ],
  sections: [
    { title: 'In the time shown', panels: now },
    { title: 'Decisions', panels: decisions },
    { title: 'Doors', panels: doors },
  ],
});
