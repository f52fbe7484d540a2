import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, NONE_IS_GOOD, ranking, stat, type Query } from './panels.js';
import { perSecond, percentiles, quantile, same } from './queries.js';

const WINDOWS = ['5m', '30m', '1h', '6h', '3d'] as const;

/** What is left of 30 days in which 99.9 % have to go well. */
const left = (failed: string, all: string): string => `1 - ((${failed}) / (${all} > 0)) / 0.001`;

const burn = (of: string): Query[] => WINDOWS.map((window) => [`${of}:error_ratio:rate${window} / 0.001`, window]);

const BURN_LIMITS = ['green', [1, 'yellow'], [6, 'orange'], [14.4, 'red']] as const;

const OUR_ERRORS = 'code=~"internal|dependency_unavailable"';
const DECIDED = 'outcome=~"refreshed|superseded|answer_lost|malformed|rejected|internal"';
const LOST = 'outcome=~"answer_lost|malformed|rejected|internal"';

export const overview = dashboard({
  uid: 'keyward-overview',
  title: 'Overview and error budget',
  description: 'Whether Keyward keeps its promises, and where to look first.',
  sections: [
    {
      title: 'Now',
      panels: [
        stat({
          ...{ title: 'Alerts firing', unit: 'short', thresholds: NONE_IS_GOOD },
          description: 'Alerts of Keyward that fire now; each links to its runbook in Alertmanager.',
          queries: [['count(ALERTS{alertname=~"Keyward.*", alertstate="firing"}) or vector(0)', 'firing']],
        }),
        stat({
          ...{ title: 'Tool calls', unit: 'ops' },
          description: 'Tool calls per second that ended, those that the gateway refused included.',
          queries: [[perSecond('tool_executions_total'), 'calls']],
        }),
        stat({
          ...{ title: 'Error budget left: calls', unit: 'percentunit', thresholds: ['red', [0, 'orange'], [0.25, 'green']] },
          description:
            'Of the tool calls of 30 days, one in a thousand may fail for a reason of Keyward’s own (internal, dependency_unavailable, expired). This is what is left of that; below 0 the objective is missed.',
          queries: [
            [
              left(
                `sum(increase(tool_execution_errors_total{${OUR_ERRORS}}[30d])) + (sum(increase(tool_executions_total{state="expired"}[30d])) or vector(0))`,
                'sum(increase(tool_executions_total[30d]))',
              ),
              'left',
            ],
          ],
          runbooks: ['execution-error-budget-burn'],
        }),
        stat({
          ...{ title: 'Error budget left: refreshes', unit: 'percentunit', thresholds: ['red', [0, 'orange'], [0.25, 'green']] },
          description: 'The same for refreshes that could have succeeded (docs/refresh-slo.md).',
          queries: [
            [
              left(
                `sum(increase(credential_refresh_total{${LOST}}[30d]))`,
                `sum(increase(credential_refresh_total{${DECIDED}}[30d]))`,
              ),
              'left',
            ],
          ],
          runbooks: ['refresh-error-budget-burn'],
        }),
        stat({
          ...{ title: 'Added by Keyward, p99', unit: 's', thresholds: GOOD_UNTIL(0.1, 0.5) },
          description: 'Of the duration of a call, what was not spent waiting for the provider.',
          queries: [[quantile(0.99, 'tool_broker_overhead_seconds'), 'p99']],
          runbooks: ['event-loop-lag', 'postgres-pool-exhausted', 'kms-errors'],
        }),
        stat({
          ...{ title: 'Expired tokens used', unit: 'short', thresholds: NONE_IS_GOOD },
          description: 'Requests in 24 h that left with a token past its end. Must be 0.',
          queries: [['round(sum(increase(credential_expired_in_use_total[24h]))) or vector(0)', 'requests']],
          runbooks: ['expired-token-used'],
        }),
      ],
    },
    {
      title: 'Error budget',
      panels: [
        lines({
          ...{ title: 'Burn rate: tool calls', unit: 'short', thresholds: BURN_LIMITS },
          description:
            'How many times faster than it would last 30 days the error budget is used, by window. Above 14.4 over 1 h and 5 m, or 6 over 6 h and 30 m, somebody is woken; above 1 over 3 d and 6 h there is a ticket.',
          queries: burn('keyward_executions'),
          runbooks: ['execution-error-budget-burn'],
        }),
        lines({
          ...{ title: 'Burn rate: refreshes', unit: 'short', thresholds: BURN_LIMITS },
          description: 'The same for refreshes. What people withdrew and what providers could not do is not in it.',
          queries: burn('keyward_refresh'),
          runbooks: ['refresh-error-budget-burn'],
        }),
      ],
    },
    {
      title: 'Traffic',
      panels: [
        lines({
          ...{ title: 'Tool calls by how they ended', unit: 'ops', stacked: true },
          description: 'denied is what policy, budgets or missing connections stopped; expired and unknown should be rare.',
          queries: [[perSecond('tool_executions_total', 'state'), '{{state}}']],
        }),
        lines({
          ...{ title: 'Calls that did not succeed, by error code', unit: 'ops', stacked: true },
          description:
            'docs/errors says what each code means. internal and dependency_unavailable are ours, provider_* the provider’s, the rest mostly the caller’s.',
          queries: [[`${perSecond('tool_execution_errors_total', 'code')} > 0`, '{{code}}']],
          runbooks: ['execution-error-budget-burn'],
        }),
        lines({
          ...{ title: 'Duration of calls', unit: 's', exemplars: true },
          description: 'From taking a call off the bus to its recorded result, the provider included. A dot leads to a trace.',
          queries: percentiles('tool_execution_duration_seconds'),
        }),
        lines({
          ...{ title: 'Added by Keyward', unit: 's', thresholds: GOOD_UNTIL(0.1, 0.5) },
          description: 'Of that, what was not spent waiting for the provider.',
          queries: percentiles('tool_broker_overhead_seconds'),
          runbooks: ['event-loop-lag', 'postgres-pool-exhausted'],
        }),
      ],
    },
    {
      title: 'What a promise hangs on',
      panels: [
        stat({
          ...{ title: 'Replicas', unit: 'short', thresholds: ['red', [1, 'green']], width: 8 },
          description: 'Replicas of each service that Prometheus sees.',
          queries: [['count by (service) (build_info)', '{{service}}']],
          runbooks: ['service-missing'],
        }),
        stat({
          ...{ title: 'Tokens about to end', unit: 'short', thresholds: NONE_IS_GOOD },
          description: 'Access tokens that end within 15 s, or have, although they could have been refreshed.',
          queries: [[same('credential_expiring_soon'), 'tokens']],
          runbooks: ['refresh-stalled'],
        }),
        stat({
          ...{ title: 'Audit lag', unit: 's', thresholds: GOOD_UNTIL(10, 60) },
          description: 'Age of the oldest event that is not in the trail yet.',
          queries: [['max(max(audit_ingest_lag_seconds) or max(audit_outbox_oldest_seconds))', 'oldest']],
          runbooks: ['audit-lag'],
        }),
        stat({
          ...{ title: 'Dead letters', unit: 'short', thresholds: NONE_IS_GOOD },
          description: 'Messages that no retry helped and that wait for a decision.',
          queries: [[`sum(${same('dlq_messages', 'stream')})`, 'messages']],
          runbooks: ['dead-letters'],
        }),
        stat({
          ...{ title: 'Breakers open', unit: 'short', thresholds: GOOD_UNTIL(1, 3) },
          description: 'Providers to which nothing is let out at the moment.',
          queries: [['count(max by (provider) (circuit_breaker_state) == 2) or vector(0)', 'open']],
          runbooks: ['breaker-open'],
        }),
        ranking({
          ...{ title: 'People who have to authorize again', unit: 'short', width: 12 },
          description:
            'Connections that only a person can bring back, by provider; keyward connections list --status needs_reauthorization.',
          queries: [[`topk(10, ${same('connections{state="needs_reauthorization"}', 'provider')})`, '{{provider}}']],
        }),
        ranking({
          ...{ title: 'Versions', unit: 'short', width: 12 },
          description: 'Replicas by version: two versions for longer than a roll takes means that it is stuck.',
          queries: [['count by (service, version) (build_info)', '{{service}} {{version}}']],
        }),
      ],
    },
  ],
});
