import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, NONE_IS_GOOD, ranking } from './panels.js';
import { perSecond, same } from './queries.js';

const STREAM = 'stream=~"$stream"';
const ofConsumers = (metric: string): string => same(`${metric}{${STREAM}}`, 'stream', 'consumer');

const consumers = [
  lines({
    ...{ title: 'Lag: messages not given yet', unit: 'short', thresholds: GOOD_UNTIL(100, 1_000) },
    description: 'Above 100 and growing for five minutes wakes somebody. token-refresher and tool-executor scale on this.',
    queries: [[ofConsumers('jetstream_consumer_pending'), '{{stream}} / {{consumer}}']],
    runbooks: ['consumer-lag-growing'],
  }),
  lines({
    ...{ title: 'Age of the oldest message', unit: 's', thresholds: GOOD_UNTIL(10, 60) },
    description: 'Of work queues: the oldest that is not done; 0 where there is none.',
    queries: [[ofConsumers('jetstream_consumer_oldest_seconds'), '{{stream}} / {{consumer}}']],
    runbooks: ['consumer-lag-growing'],
  }),
  lines({
    ...{ title: 'Given and not acknowledged', unit: 'short' },
    description: 'Work under way. Flat at a consumer’s limit with lag growing: the workers are the bottleneck.',
    queries: [[ofConsumers('jetstream_consumer_ack_pending'), '{{stream}} / {{consumer}}']],
    runbooks: ['consumer-lag-growing'],
  }),
  lines({
    ...{ title: 'Of those, given more than once', unit: 'short', thresholds: GOOD_UNTIL(1, 10) },
    description: 'Messages that failed and are tried again; what no retry helps becomes a dead letter.',
    queries: [[ofConsumers('jetstream_consumer_redelivered'), '{{stream}} / {{consumer}}']],
    runbooks: ['dead-letters', 'consumer-lag-growing'],
  }),
];

const streams = [
  lines({
    ...{ title: 'How full streams are', unit: 'percentunit', most: 1, thresholds: GOOD_UNTIL(0.6, 0.8) },
    description:
      'A full work queue (EXECUTIONS, REFRESH, AUDIT) refuses messages, and with them calls; the others drop their oldest.',
    queries: [
      [
        `${same(`jetstream_stream_bytes{${STREAM}}`, 'stream')} / (${same(`jetstream_stream_limit_bytes{${STREAM}}`, 'stream')} > 0)`,
        '{{stream}}',
      ],
    ],
    runbooks: ['jet-stream-storage'],
  }),
  lines({
    ...{ title: 'Size on disk', unit: 'bytes', stacked: true },
    description: 'Of one replica of each stream.',
    queries: [[same(`jetstream_stream_bytes{${STREAM}}`, 'stream'), '{{stream}}']],
    runbooks: ['jet-stream-storage'],
  }),
  lines({
    ...{ title: 'Messages', unit: 'short' },
    description: 'In each stream. Work queues are empty but for what is under way.',
    queries: [[same(`jetstream_stream_messages{${STREAM}}`, 'stream'), '{{stream}}']],
  }),
  ranking({
    ...{ title: 'Dead letters', unit: 'short', thresholds: NONE_IS_GOOD },
    description: 'Messages that were given up, by the stream they came from: keyward dead-letters list.',
    queries: [[same('dlq_messages', 'stream'), '{{stream}}']],
    runbooks: ['dead-letters'],
  }),
];

const connection = [
  lines({
    ...{ title: 'Connections to NATS lost and had again', unit: 'ops' },
    description: 'By service. All at once: a NATS server rolled or failed. One alone: that replica or its network.',
    queries: [[perSecond('nats_reconnects_total', 'service'), '{{service}}']],
  }),
  lines({
    ...{ title: 'Executions handed over', unit: 'ops', stacked: true },
    description: 'What the gateway puts on the bus, by the door that it came through.',
    queries: [[perSecond('gateway_executions_handed_over_total', 'door'), '{{door}}']],
  }),
  lines({
    ...{ title: 'Executions that are waited for', unit: 'short', stacked: true },
    description: 'Callers who wait for an outcome, in all gateways. Growing while lag grows: the executors are behind.',
    queries: [['sum(gateway_waits_in_flight)', 'waiting']],
    runbooks: ['consumer-lag-growing'],
  }),
  lines({
    ...{ title: 'Messages of agents that were ignored', unit: 'ops', stacked: true },
    description: 'Not well-formed, or with nowhere to answer to.',
    queries: [[perSecond('gateway_ignored_messages_total', 'reason'), '{{reason}}']],
  }),
];

export const jetstream = dashboard({
  uid: 'keyward-jetstream',
  title: 'JetStream',
  description: 'The bus between the services: lag, redelivery, dead letters, room.',
  choices: [{ name: 'stream', label: 'Stream', values: 'label_values(jetstream_stream_messages, stream)' }],
  sections: [
    { title: 'Consumers', panels: consumers },
    { title: 'Streams', panels: streams },
    { title: 'Services on the bus', panels: connection },
  ],
});
