import type { Reading } from './reading.js';
import { medianOf, trendOf } from './trend.js';

/** One thing that must stay as it is, over the whole soak. */
export interface Verdict {
  name: string;
  median: number;
  unit: string;
  /** What it would be more after half an hour at the same pace. */
  growth: number;
  most: number;
  flat: boolean;
}

const HALF_AN_HOUR = 30;
/** In half an hour: of memory a share, since V8 collects late; of open files a few, since pools breathe. */
const MEMORY_SHARE = 0.05;
const FILES = 5;
/** The later half's 99th percentile against the earlier half's. */
const SLOWER = 1.5;

export function verdictsOf(readings: readonly Reading[]): Verdict[] {
  const services = Object.keys(readings[0]?.residentMb ?? {});
  const grown = (name: string, unit: string, value: (reading: Reading) => number, most: (median: number) => number): Verdict => {
    const { median, slope } = trendOf(readings.map((reading) => [reading.minute, value(reading)] as const));
    const growth = slope * HALF_AN_HOUR;
    return { name, median, unit, growth, most: most(median), flat: growth <= most(median) };
  };
  return [
    ...services.map((service) =>
      grown(
        `resident memory, ${service}`,
        'MB',
        (reading) => reading.residentMb[service] ?? Number.NaN,
        (median) => median * MEMORY_SHARE,
      ),
    ),
    ...services.map((service) =>
      grown(
        `open files, ${service}`,
        '',
        (reading) => reading.openFiles[service] ?? Number.NaN,
        () => FILES,
      ),
    ),
    slower(readings),
  ];
}

function slower(readings: readonly Reading[]): Verdict {
  const half = readings.length >> 1;
  const p99 = (part: readonly Reading[]) => medianOf(part.map(({ p99Ms }) => p99Ms));
  const [earlier, later] = [p99(readings.slice(0, half)), p99(readings.slice(half))];
  const most = earlier * (SLOWER - 1);
  return {
    name: 'p99 of a call',
    median: p99(readings),
    unit: 'ms',
    growth: later - earlier,
    most,
    flat: later - earlier <= most,
  };
}

export function report(readings: readonly Reading[], verdicts: readonly Verdict[]): string {
  const errors = readings.reduce((sum, each) => sum + each.errors, 0);
  const number = (value: number) => value.toFixed(1).padStart(9);
  const lines = verdicts.map(({ name, median, unit, growth, most, flat }) =>
    [name.padEnd(34), number(median), unit.padEnd(3), number(growth), number(most), flat ? 'flat' : 'GROWS'].join('  '),
  );
  const head = ['over the soak'.padEnd(34), '   median', '   ', '   growth', '  at most', ''].join('  ');
  const calls = `${readings.length} readings, ${medianOf(readings.map(({ rate }) => rate)).toFixed(1)} executions/s, ${errors} failed`;
  return `${[head, ...lines].map((line) => line.trimEnd()).join('\n')}\n\n${calls}`;
}
