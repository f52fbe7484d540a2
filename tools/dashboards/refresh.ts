import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, NONE_IS_GOOD, ranking, stat, type Query } from './panels.js';
import { inAll, perSecond, quantile, same } from './queries.js';

const PROVIDER = 'provider=~"$provider"';
const REFRESHES = `credential_refresh_total{${PROVIDER}`;
const TROUBLE = 'outcome=~"transient|circuit_open|answer_lost|malformed|rejected|internal"';

const late = (q: number): Query => [quantile(q, 'credential_refresh_late_seconds', `{${PROVIDER}}`), `p${q * 100}`];

const promises = [
  stat({
    ...{ title: 'Success, 30 days', unit: 'percentunit', thresholds: ['red', [0.999, 'green']] },
    description: 'Refreshes that succeeded, of those that could have. The objective is 99.9 % (docs/refresh-slo.md).',
    queries: [
      [
        'sum(rate(credential_refresh_total{outcome=~"refreshed|superseded"}[30d])) / sum(rate(credential_refresh_total{outcome=~"refreshed|superseded|answer_lost|malformed|rejected|internal"}[30d]))',
        'success',
      ],
    ],
    runbooks: ['refresh-error-budget-burn'],
  }),
  stat({
    ...{ title: 'Expired tokens used, 30 days', unit: 'short', thresholds: NONE_IS_GOOD },
    description: 'Requests that left with a token past its end. The objective is 0.',
    queries: [['round(sum(increase(credential_expired_in_use_total[30d]))) or vector(0)', 'requests']],
    runbooks: ['expired-token-used'],
  }),
  stat({
    ...{ title: 'Tokens about to end', unit: 'short', thresholds: NONE_IS_GOOD },
    description: 'Access tokens that end within 15 s, or have, although they could have been refreshed.',
    queries: [[same('credential_expiring_soon'), 'tokens']],
    runbooks: ['refresh-stalled'],
  }),
  stat({
    ...{ title: 'Registrations rejected', unit: 'short', thresholds: NONE_IS_GOOD },
    description:
      'Client ids and secrets that their provider rejects: nothing of them can be refreshed until an admin renews the secret.',
    queries: [[`sum(${same('provider_apps_rejected', 'provider')}) or vector(0)`, 'rejected']],
    runbooks: ['registration-rejected'],
  }),
  stat({
    ...{ title: 'Answers lost, 24 h', unit: 'short', thresholds: NONE_IS_GOOD },
    description: 'A refresh token was sent and its answer never came; each may be a person who has to authorize again.',
    queries: [['round(sum(increase(credential_refresh_total{outcome="answer_lost"}[24h]))) or vector(0)', 'lost']],
    runbooks: ['refresh-answer-lost'],
  }),
  stat({
    ...{ title: 'Asked longest to authorize again', unit: 's', thresholds: GOOD_UNTIL(86_400, 604_800) },
    description: 'For how long the person who was asked first has been asked.',
    queries: [[same('connections_awaiting_reauthorization_oldest_seconds'), 'asked']],
  }),
];

const attempts = [
  lines({
    ...{ title: 'Attempts by outcome', unit: 'ops', stacked: true },
    description:
      'refreshed and superseded are good; invalid_grant is a person’s or provider’s decision; transient, circuit_open and paused wait; answer_lost, malformed, rejected and internal count against us.',
    queries: [[perSecond(`${REFRESHES}}`, 'outcome'), '{{outcome}}']],
  }),
  lines({
    ...{ title: 'Attempts that failed, by provider', unit: 'percentunit', most: 1, thresholds: GOOD_UNTIL(0.1, 0.5) },
    description: 'Of attempts that a person did not decide about. Above 10 % for five minutes is a ticket.',
    queries: [
      [
        `${perSecond(`${REFRESHES}, ${TROUBLE}}`, 'provider')} / ${perSecond(`${REFRESHES}, outcome!~"invalid_grant|disconnected|paused|postponed"}`, 'provider')}`,
        '{{provider}}',
      ],
    ],
    runbooks: ['refresh-failing'],
  }),
  lines({
    ...{ title: 'How late refreshes start', unit: 's', thresholds: GOOD_UNTIL(30, 60) },
    description: 'From when a credential was due to when it was taken up.',
    queries: [late(0.5), late(0.95), late(0.99)],
    runbooks: ['refresh-late'],
  }),
  lines({
    ...{ title: 'Duration of a refresh, p99', unit: 's' },
    description: 'From taking up a due credential to its outcome: mostly the provider’s token endpoint.',
    queries: [[quantile(0.99, 'credential_refresh_duration_seconds', `{${PROVIDER}}`, 'provider'), '{{provider}}']],
  }),
  lines({
    ...{ title: 'Share of its life that a token had behind it', unit: 'percentunit', thresholds: GOOD_UNTIL(0.9, 1) },
    description: 'When the next one was stored; 1: it had ended.',
    queries: [
      [quantile(0.5, 'credential_age_at_refresh_ratio', `{${PROVIDER}}`), 'p50'],
      [quantile(0.99, 'credential_age_at_refresh_ratio', `{${PROVIDER}}`), 'p99'],
    ],
    runbooks: ['refresh-late'],
  }),
  lines({
    ...{ title: 'Refreshes that wait for their turn', unit: 'short', stacked: true },
    description: 'They hold a lease and wait for the pace that their provider bears.',
    queries: [[`sum by (provider) (credential_refresh_waiting{${PROVIDER}})`, '{{provider}}']],
  }),
  lines({
    ...{ title: 'Refreshes asked for by a call that found its token ended', unit: 'ops' },
    description: 'Connections that are woken from sleep are in it; more than that means that refreshing ahead is late.',
    queries: [[perSecond(`credential_found_expired_total{${PROVIDER}}`, 'provider'), '{{provider}}']],
    runbooks: ['refresh-late', 'refresh-stalled'],
  }),
  lines({
    ...{ title: 'Tokens about to end', unit: 'short', thresholds: NONE_IS_GOOD },
    description: 'All providers. Above 0 for two minutes wakes somebody.',
    queries: [[same('credential_expiring_soon'), 'tokens']],
    runbooks: ['refresh-stalled'],
  }),
];

const people = [
  lines({
    ...{ title: 'Connections by state', unit: 'short', stacked: true },
    description: 'Of the chosen providers.',
    queries: [[`sum by (state) (${same(`connections{${PROVIDER}}`, 'provider', 'state')})`, '{{state}}']],
  }),
  ranking({
    ...{ title: 'Grants that people or providers withdrew', unit: 'short' },
    description:
      'invalid_grant over the time shown. Many at one provider at once are seldom people: look at its status page and rules.',
    queries: [[`topk(10, ${inAll(`${REFRESHES}, outcome="invalid_grant"}`, 'provider')} > 0)`, '{{provider}}']],
    runbooks: ['refresh-failing'],
  }),
  lines({
    ...{ title: 'Authorizing again: how long people take, p50', unit: 's' },
    description: 'From when a connection needed to be authorized again until it was.',
    queries: [
      [
        `histogram_quantile(0.5, sum by (le, provider) (rate(connection_reauthorization_seconds_bucket{${PROVIDER}}[1d])))`,
        '{{provider}}',
      ],
    ],
  }),
  lines({
    ...{ title: 'Browsers that came back from a provider', unit: 'ops', stacked: true },
    description: 'By how it ended: anything but connected is a person who saw an error.',
    queries: [[perSecond(`oauth_callback_total{${PROVIDER}}`, 'provider', 'outcome'), '{{provider}} {{outcome}}']],
  }),
];

export const refresh = dashboard({
  uid: 'keyward-refresh',
  title: 'Refresh life cycle',
  description: 'Tokens from authorization to refresh to the end; the promises of docs/refresh-slo.md.',
  choices: [{ name: 'provider', label: 'Provider', values: 'label_values(connections, provider)' }],
  sections: [
    { title: 'Promises (all providers)', panels: promises },
    { title: 'Refreshing', panels: attempts },
    { title: 'People', panels: people },
  ],
});
