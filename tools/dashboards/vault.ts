import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, NONE_IS_GOOD, stat } from './panels.js';
import { inAll, perSecond } from './queries.js';

const FAILED = 'kms_requests_total{outcome!="ok"}';
const MISSES =
  'sum(rate(kms_requests_total[$__rate_interval])) / (sum(rate(kms_requests_total[$__rate_interval])) + sum(rate(dek_cache_hits_total[$__rate_interval])))';

const now = [
  stat({
    ...{ title: 'KMS requests that failed', unit: 'percentunit', thresholds: GOOD_UNTIL(0.001, 0.01), width: 6 },
    description: 'Over five minutes. Above 1 % for five minutes wakes somebody.',
    queries: [
      ['sum(rate(kms_requests_total{outcome!="ok"}[5m])) / (sum(rate(kms_requests_total[5m])) > 0) or vector(0)', 'failed'],
    ],
    runbooks: ['kms-errors'],
  }),
  stat({
    ...{ title: 'Vault operations that failed', unit: 'short', thresholds: NONE_IS_GOOD, width: 6 },
    description: 'Over the time shown: a secret that could not be sealed or opened.',
    queries: [[`round(${inAll('vault_operations_total{outcome="failed"}')}) or vector(0)`, 'failed']],
    runbooks: ['kms-errors'],
  }),
  stat({
    ...{
      title: 'Data keys found in memory',
      unit: 'percentunit',
      thresholds: ['red', [0.5, 'orange'], [0.9, 'green']],
      width: 6,
    },
    description: 'Of all uses of a data key; the others asked the key management service. Low right after a start is normal.',
    queries: [[`1 - (${MISSES})`, 'hits']],
    runbooks: ['data-key-cache-miss-storm'],
  }),
  stat({
    ...{ title: 'KMS requests', unit: 'short', width: 6 },
    description: 'Over the time shown: what the key management service bills.',
    queries: [[inAll('kms_requests_total'), 'requests']],
    runbooks: ['data-key-cache-miss-storm'],
  }),
];

const kms = [
  lines({
    ...{ title: 'Requests by outcome', unit: 'reqps', stacked: true },
    description:
      'unavailable: no answer in time, throttled or an error of theirs. refused: they say no, so look at rights and at the key’s state.',
    queries: [[perSecond('kms_requests_total', 'outcome'), '{{outcome}}']],
    runbooks: ['kms-errors'],
  }),
  lines({
    ...{ title: 'Requests by operation', unit: 'reqps', stacked: true },
    description: 'decrypt opens a data key, generate_data_key makes one, reencrypt is a rewrap.',
    queries: [[perSecond('kms_requests_total', 'op'), '{{op}}']],
  }),
  lines({
    ...{ title: 'Failures by service', unit: 'reqps', stacked: true },
    description:
      'One service alone: its account’s rights or its network policy. All of them: the key or the key management service.',
    queries: [[perSecond(FAILED, 'service', 'outcome'), '{{service}} {{outcome}}']],
    runbooks: ['kms-errors'],
  }),
  lines({
    ...{ title: 'Share of uses that asked for their data key', unit: 'percentunit', most: 1, thresholds: GOOD_UNTIL(0.2, 0.5) },
    description: 'Above one half and one request a second for ten minutes is a ticket.',
    queries: [[MISSES, 'asked']],
    runbooks: ['data-key-cache-miss-storm'],
  }),
];

const operations = [
  lines({
    ...{ title: 'Operations', unit: 'ops', stacked: true },
    description: 'Secrets sealed and opened, data keys rotated, rewrapped and shredded.',
    queries: [[perSecond('vault_operations_total', 'op'), '{{op}}']],
  }),
  lines({
    ...{ title: 'Operations that failed', unit: 'ops', stacked: true, thresholds: ['green', [0.001, 'red']] },
    description: 'By service and operation.',
    queries: [[perSecond('vault_operations_total{outcome="failed"}', 'service', 'op'), '{{service}} {{op}}']],
    runbooks: ['kms-errors'],
  }),
  lines({
    ...{ title: 'Operations by service', unit: 'ops', stacked: true },
    description: 'Only auth-service, token-refresher and tool-executor hold a vault.',
    queries: [[perSecond('vault_operations_total', 'service'), '{{service}}']],
  }),
  lines({
    ...{ title: 'Data keys found in memory', unit: 'ops', stacked: true },
    description: 'Uses that asked nobody, by service.',
    queries: [[perSecond('dek_cache_hits_total', 'service'), '{{service}}']],
  }),
];

export const vault = dashboard({
  uid: 'keyward-vault',
  title: 'Vault and KMS',
  description: 'Sealing and opening secrets, and the key management service behind it.',
  sections: [
    { title: 'Now', panels: now },
    { title: 'Key management service', panels: kms },
    { title: 'Vault', panels: operations },
  ],
});
