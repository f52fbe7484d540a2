import type { Scenario } from './model.js';
import type { Result } from './result.js';
import type { Compared } from './validate.js';

/** Row changes of one refresh: lease, sending, new token; two messages written and removed. */
const ROWS_WRITTEN = 7;
/** Own transactions: beginning to send, storing. Claims and relays come in batches. */
const TRANSACTIONS = 2;

const seconds = (ms: number) => (Number.isFinite(ms) ? `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s` : '–');
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
const count = (value: number) => Math.round(value).toLocaleString('en-US');

export function report(asks: string, scenario: Omit<Scenario, 'tokens' | 'seed'>, result: Result): string {
  const { late, lateInTrouble } = result;
  const hasTrouble = scenario.outage !== undefined || scenario.limitPerSecond !== undefined;
  const lines = [
    [
      'refreshed',
      `${count(result.refreshed)} (${count(result.perSecond)} per second; ${count(result.peakPerSecond)} in the busiest minute)`,
    ],
    [
      'database writes',
      `${count(result.peakPerSecond * ROWS_WRITTEN)} rows and ${count(result.peakPerSecond * TRANSACTIONS)} transactions per second in that minute`,
    ],
    ['busy', `replica ${percent(result.replicaBusy)}, database ${percent(result.databaseBusy)} of its cores`],
    ['late', `p50 ${seconds(late.p50)}, p99 ${seconds(late.p99)}, most ${seconds(late.max)}`],
    ['least life left', seconds(result.leastLeft)],
    ['expired before refreshed', count(result.expired)],
    ...(scenario.downtime === undefined
      ? []
      : [
          ['expired in the next lives', count(result.expiredLater)],
          ['caught up after', caughtUp(result.backlogUntil, scenario.downtime.untilMs)],
        ]),
    ...(hasTrouble
      ? [
          [
            'that provider: late',
            `p50 ${seconds(lateInTrouble.p50)}, p99 ${seconds(lateInTrouble.p99)}, most ${seconds(lateInTrouble.max)}`,
          ],
          ['that provider: expired', count(result.expiredInTrouble)],
          ['that provider: failed', `${count(result.failed)} requests`],
          ['that provider: caught up after', caughtUp(result.backlogUntilInTrouble, troubleEnds(scenario))],
        ]
      : []),
  ];
  const width = Math.max(...lines.map(([name]) => name?.length ?? 0));
  return [`${scenario.name}: ${asks}`, ...lines.map(([name = '', text = '']) => `  ${name.padEnd(width)}  ${text}`), ''].join(
    '\n',
  );
}

export function comparison(rows: readonly Compared[]): string {
  const text = rows.map(({ what, simulated, measured }) => {
    const error = ((simulated - measured) / measured) * 100;
    return `  ${what.padEnd(20)} simulated ${simulated.toFixed(1)} s, measured ${measured.toFixed(1)} s (${error > 0 ? '+' : ''}${error.toFixed(0)} %)`;
  });
  return ['P5, from the first refresh of the storm until the new tokens were stored of', ...text].join('\n');
}

function troubleEnds({ outage, downtime }: Omit<Scenario, 'tokens' | 'seed'>): number {
  return outage?.untilMs ?? downtime?.untilMs ?? 0;
}

function caughtUp(backlogUntil: number, from: number): string {
  return backlogUntil > from ? seconds(backlogUntil - from) : 'at once';
}
