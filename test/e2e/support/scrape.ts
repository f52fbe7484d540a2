import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Scrape {
  /** Name → type. */
  families: Map<string, string>;
  series: Series[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Prometheus' text format 0.0.4, as a service gives it. */
export async function scrape(url: string): Promise<Scrape> {
  const lines = (await (await fetch(url)).text()).split('\n');
  const families = new Map<string, string>();
  const series: Series[] = [];
  for (const line of lines) {
    const [, , family, type] = line.startsWith('# TYPE ') ? line.split(' ') : [];
    if (family !== undefined && type !== undefined) families.set(family, type);
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    series.push({
      ...{ name, value: Number(value) },
      labels: Object.fromEntries(Array.from(labels.matchAll(LABEL), ([, key, text]) => [key, text])),
    });
  }
  return { families, series };
}

/** The metric that a series belongs to: a histogram has several names. */
export function familyOf(name: string, families: ReadonlyMap<string, string>): string {
  return families.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
}

export interface DocumentedMetric {
  name: string;
  type: string;
  labels: string[];
  services: string[];
  /** Only with a setting that not every deployment has. */
  optional: boolean;
}

const DOCUMENT = fileURLToPath(new URL('../../../docs/telemetry.md', import.meta.url));
const SERVICES = ['gateway', 'auth-service', 'token-refresher', 'tool-executor', 'audit-service'];

/** The rows of docs/telemetry.md, section "Metrics"; a row may name several that differ in nothing else. */
export function documentedMetrics(): DocumentedMetric[] {
  const codes = (cell: string) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, text]) => text ?? '');
  const [, section = ''] = readFileSync(DOCUMENT, 'utf8').split(/^## Metrics$/m);
  const [metrics = ''] = section.split(/^## /m);
  return metrics
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [names = '', type = '', labels = '', service = '', says = ''] = line.split('|').slice(1);
      const services = service.trim() === 'each' ? SERVICES : service.split(',').map((one) => one.trim());
      const [kind = ''] = type.trim().split(',');
      return codes(names).map((name) => ({
        name,
        type: kind,
        labels: codes(labels),
        services,
        optional: says.includes('Only where '),
      }));
    });
}
