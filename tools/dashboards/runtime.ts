import { dashboard } from './dashboard.js';
import { GOOD_UNTIL, lines, stat } from './panels.js';
import { perSecond, quantile, same } from './queries.js';

const SERVICE = 'service=~"$service"';
const worst = (metric: string): string => `max by (service) (${metric}{${SERVICE}})`;
const BUSY = `max by (service) (postgres_pool_connections{${SERVICE}, state="busy"} / ignoring (state) postgres_pool_max_connections)`;

const postgres = [
  lines({
    ...{ title: 'How busy pools are', unit: 'percentunit', most: 1, thresholds: GOOD_UNTIL(0.8, 1) },
    description: 'The fullest replica of each service: busy connections of those that its pool may have.',
    queries: [[BUSY, '{{service}}']],
    runbooks: ['postgres-pool-exhausted'],
  }),
  lines({
    ...{ title: 'Queries that wait for a connection', unit: 'short', thresholds: GOOD_UNTIL(1, 10) },
    description: 'The worst replica of each service. Above 0 with a full pool for two minutes wakes somebody.',
    queries: [[worst('postgres_pool_waiting'), '{{service}}']],
    runbooks: ['postgres-pool-exhausted'],
  }),
  lines({
    ...{ title: 'Connections', unit: 'short', stacked: true },
    description: 'Of all replicas, busy and idle: what PostgreSQL’s max_connections has to hold.',
    queries: [[`sum by (service, state) (postgres_pool_connections{${SERVICE}})`, '{{service}} {{state}}']],
  }),
  lines({
    ...{ title: 'Connections that there may be', unit: 'short', stacked: true },
    description:
      'The pools of all replicas together, before a replica is added or a pool enlarged: less than PostgreSQL’s max_connections.',
    queries: [[`sum by (service) (postgres_pool_max_connections{${SERVICE}})`, '{{service}}']],
    runbooks: ['postgres-pool-exhausted'],
  }),
];

const loop = [
  lines({
    ...{ title: 'Event loop is late by, p99', unit: 's', thresholds: GOOD_UNTIL(0.1, 0.25) },
    description: 'The worst replica of each service. Above 250 ms for five minutes is a ticket.',
    queries: [[worst('nodejs_eventloop_lag_p99_seconds'), '{{service}}']],
    runbooks: ['event-loop-lag'],
  }),
  lines({
    ...{ title: 'CPU', unit: 'short' },
    description: 'Cores that the busiest replica of each service uses. One is all that an event loop can use.',
    queries: [[`max by (service) (rate(process_cpu_seconds_total{${SERVICE}}[$__rate_interval]))`, '{{service}}']],
    runbooks: ['event-loop-lag'],
  }),
  lines({
    ...{ title: 'Pauses for garbage collection', unit: 'percentunit', thresholds: GOOD_UNTIL(0.05, 0.2) },
    description: 'Share of the time, in all replicas of a service. High with a full heap: give it more memory.',
    queries: [
      [
        `sum by (service) (rate(nodejs_gc_duration_seconds_sum{${SERVICE}}[$__rate_interval])) / count by (service) (build_info{${SERVICE}})`,
        '{{service}}',
      ],
    ],
    runbooks: ['event-loop-lag'],
  }),
  lines({
    ...{ title: 'Heap', unit: 'bytes' },
    description: 'Used by the fullest replica of each service.',
    queries: [[worst('nodejs_heap_size_used_bytes'), '{{service}}']],
  }),
  lines({
    ...{ title: 'Memory', unit: 'bytes' },
    description: 'Resident, of the largest replica of each service: what a memory limit is compared with.',
    queries: [[worst('process_resident_memory_bytes'), '{{service}}']],
  }),
  lines({
    ...{ title: 'File descriptors', unit: 'percentunit', most: 1, thresholds: GOOD_UNTIL(0.7, 0.9) },
    description: 'Open, of those that the process may have; sockets are among them.',
    queries: [[`max by (service) (process_open_fds{${SERVICE}} / process_max_fds)`, '{{service}}']],
  }),
];

const doors = [
  lines({
    ...{ title: 'Requests by status', unit: 'reqps', stacked: true },
    description: 'At the HTTP doors of gateway, auth-service and audit-service.',
    queries: [
      [perSecond(`http_request_duration_seconds_count{${SERVICE}}`, 'service', 'status_code'), '{{service}} {{status_code}}'],
    ],
    runbooks: ['execution-error-budget-burn'],
  }),
  lines({
    ...{ title: 'Answers of 500 and above, by route', unit: 'reqps', stacked: true },
    description: 'The pattern of the route, never the path.',
    queries: [
      [
        perSecond(`http_request_duration_seconds_count{${SERVICE}, status_code=~"5.."}`, 'service', 'route'),
        '{{service}} {{route}}',
      ],
    ],
    runbooks: ['execution-error-budget-burn'],
  }),
  lines({
    ...{ title: 'Duration, p99', unit: 's' },
    description: 'From the request line to the last byte of the answer. Calls that are waited for are in the gateway’s.',
    queries: [[quantile(0.99, 'http_request_duration_seconds', `{${SERVICE}}`, 'service'), '{{service}}']],
  }),
  lines({
    ...{ title: 'Connectors loaded anew', unit: 'ops', stacked: true },
    description: 'refused: what is mounted is wrong, and the connectors from before are kept; the log says what is wrong.',
    queries: [[perSecond('catalog_reloads_total', 'service', 'result'), '{{service}} {{result}}']],
  }),
];

export const runtime = dashboard({
  uid: 'keyward-runtime',
  title: 'PostgreSQL pool and event loop',
  description: 'What a process needs to answer in time.',
  choices: [{ name: 'service', label: 'Service', values: 'label_values(build_info, service)' }],
  sections: [
    {
      title: 'Replicas',
      panels: [
        stat({
          ...{ title: 'Replicas', unit: 'short', thresholds: ['red', [1, 'green']], width: 12 },
          description: 'That Prometheus sees.',
          queries: [[`count by (service) (build_info{${SERVICE}})`, '{{service}}']],
          runbooks: ['service-missing'],
        }),
        stat({
          ...{ title: 'Youngest replica started', unit: 'dateTimeFromNow', width: 12 },
          description: 'By service. Again and again a short while ago: it ends and is started anew.',
          queries: [[`1000 * ${same(`process_start_time_seconds{${SERVICE}}`, 'service')}`, '{{service}}']],
          runbooks: ['service-missing'],
        }),
      ],
    },
    { title: 'PostgreSQL', panels: postgres },
    { title: 'Event loop, memory', panels: loop },
    { title: 'HTTP doors', panels: doors },
  ],
});
