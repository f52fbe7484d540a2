import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, NONE_IS_GOOD, ranking, stat } from './panels.js';
import { inAll, perSecond, same } from './queries.js';

const now = [
  stat({
    ...{ title: 'Not in the trail for', unit: 's', thresholds: GOOD_UNTIL(10, 60), width: 6 },
    description: 'Age of the oldest event in the stream that is not in the trail.',
    queries: [[same('audit_ingest_lag_seconds'), 'stream']],
    runbooks: ['audit-lag'],
  }),
  stat({
    ...{ title: 'In the outbox for', unit: 's', thresholds: GOOD_UNTIL(10, 60), width: 6 },
    description: 'Age of the oldest event that auth-service and token-refresher have not published.',
    queries: [[same('audit_outbox_oldest_seconds'), 'outbox']],
    runbooks: ['audit-lag'],
  }),
  stat({
    ...{ title: 'Not signed for', unit: 's', thresholds: GOOD_UNTIL(180, 600), width: 6 },
    description:
      'For how long the event that has waited longest is without a signed checkpoint. Nothing where KEYWARD_AUDIT_SIGNING is not set.',
    queries: [[same('audit_checkpoint_age_seconds'), 'checkpoint']],
    runbooks: ['audit-checkpoint-stale'],
  }),
  stat({
    ...{ title: 'Not forwarded for', unit: 's', thresholds: GOOD_UNTIL(60, 600), width: 6 },
    description: 'Age of the oldest event that a destination has not taken. Nothing where there is no destination.',
    queries: [[same('audit_forward_lag_seconds'), 'destination']],
    runbooks: ['audit-forwarding-stalled'],
  }),
];

const trail = [
  lines({
    ...{ title: 'Events stored', unit: 'ops', stacked: true },
    description: 'By kind. A sudden end of all of them while calls go on is what the lag beside shows.',
    queries: [[`topk(12, ${perSecond('audit_events_total', 'type')} > 0)`, '{{type}}']],
  }),
  lines({
    ...{ title: 'Lag', unit: 's', thresholds: GOOD_UNTIL(10, 60) },
    description:
      'Until an event is in the trail: waiting in the outbox, then in the stream. Above 60 s for two minutes wakes somebody.',
    queries: [
      [same('audit_ingest_lag_seconds'), 'stream'],
      [same('audit_outbox_oldest_seconds'), 'outbox'],
    ],
    runbooks: ['audit-lag'],
  }),
  lines({
    ...{ title: 'Waiting in stream AUDIT', unit: 'short' },
    description: 'Messages that audit-service has not been given, and those that it works on.',
    queries: [
      [same('jetstream_consumer_pending{stream="AUDIT"}', 'consumer'), '{{consumer}}: not given'],
      [same('jetstream_consumer_ack_pending{stream="AUDIT"}', 'consumer'), '{{consumer}}: at work'],
    ],
    runbooks: ['audit-lag', 'consumer-lag-growing'],
  }),
  lines({
    ...{ title: 'Dead letters of AUDIT', unit: 'short', thresholds: NONE_IS_GOOD },
    description: 'Events that could not be stored. Each is a gap in what the trail tells until it is replayed.',
    queries: [[same('dlq_messages{stream="AUDIT"}', 'stream'), '{{stream}}']],
    runbooks: ['dead-letters'],
  }),
];

const proof = [
  lines({
    ...{ title: 'Age of what is not signed', unit: 's', thresholds: GOOD_UNTIL(180, 600) },
    description: 'A checkpoint is due every minute.',
    queries: [[same('audit_checkpoint_age_seconds'), 'oldest']],
    runbooks: ['audit-checkpoint-stale'],
  }),
  lines({
    ...{ title: 'Failures of checkpoints', unit: 'ops', stacked: true },
    description: 'By step: the chain could not be signed, or the checkpoint not be anchored.',
    queries: [[perSecond('audit_checkpoint_failures_total', 'step'), '{{step}}']],
    runbooks: ['audit-checkpoint-stale'],
  }),
];

const forwarding = [
  lines({
    ...{ title: 'Lag of destinations', unit: 's', thresholds: GOOD_UNTIL(60, 600) },
    description: 'Nothing is lost while it grows: events wait in the trail.',
    queries: [[same('audit_forward_lag_seconds{destination=~"$destination"}', 'destination'), '{{destination}}']],
    runbooks: ['audit-forwarding-stalled'],
  }),
  lines({
    ...{ title: 'Events handed over', unit: 'ops', stacked: true },
    description:
      'failed is tried again; refused holds its organization back; rejected was taken by the destination and not kept, and is not sent again; missing had been dropped by retention.',
    queries: [
      [perSecond('audit_forwarded_total{destination=~"$destination"}', 'destination', 'outcome'), '{{destination}} {{outcome}}'],
    ],
    runbooks: ['audit-forwarding-stalled'],
  }),
];

const retention = [
  stat({
    ...{ title: 'Days dropped', unit: 'short', width: 6 },
    description: 'Over the time shown: their retention had ended.',
    queries: [[`round(${inAll('audit_retention_dropped_total')})`, 'days']],
  }),
  stat({
    ...{ title: 'Rounds that failed', unit: 'short', thresholds: NONE_IS_GOOD, width: 6 },
    description: 'Rounds of retention that could not be ended, over the time shown.',
    queries: [[`round(${inAll('audit_retention_failures_total')}) or vector(0)`, 'rounds']],
  }),
  ranking({
    ...{ title: 'Days kept beyond their retention', unit: 'short' },
    description: 'By what keeps them, such as a legal hold: keyward audit holds list.',
    queries: [[same('audit_retention_kept_days', 'reason'), '{{reason}}']],
  }),
];

export const audit = dashboard({
  uid: 'keyward-audit',
  title: 'Audit',
  description: 'The trail: how soon events are in it, signed, forwarded, and dropped.',
  choices: [{ name: 'destination', label: 'Destination', values: 'label_values(audit_forward_lag_seconds, destination)' }],
  sections: [
    { title: 'Now', panels: now },
    { title: 'Trail', panels: trail },
    { title: 'Proof', panels: proof },
    { title: 'Forwarding', panels: forwarding },
    { title: 'Retention', panels: retention },
  ],
});
