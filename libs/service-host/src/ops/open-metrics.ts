import type { Registry } from 'prom-client';

export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

interface Exemplar {
  labelSet: Record<string, string | number>;
  value: number;
  /** Seconds since 1970. */
  timestamp?: number;
}

/** As prom-client has it; its types leave the exemplar out. */
interface Sample {
  value: number;
  labels: Partial<Record<string, string | number>>;
  metricName?: string;
  exemplar?: Exemplar | null;
}

/** Whether a scraper would rather have OpenMetrics, which has exemplars (RFC 9110 section 12.5.1). */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  const wanted = (accept ?? '').split(',').map(mediaRange);
  const quality = (type: string, version?: string) =>
    Math.max(0, ...wanted.filter((range) => range.type === type && (range.version ?? version) === version).map(({ q }) => q));
  const open = quality('application/openmetrics-text', '1.0.0');
  return open > 0 && open >= quality('text/plain', '0.0.4');
}

function mediaRange(text: string): { type: string; q: number; version?: string } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const value = (name: string) => parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
  const [q, version] = [Number(value('q') ?? 1), value('version')];
  return { type, q: Number.isFinite(q) ? q : 0, ...(version === undefined ? {} : { version }) };
}

/**
 * The registry as OpenMetrics 1.0. prom-client writes this format only for a registry that has no other, and renames its counters in doing
 * so; ours is asked for both.
 */
export async function openMetrics(registry: Registry): Promise<string> {
  const families = await registry.getMetricsAsJSON();
  const lines = families.flatMap(({ name, help, type, values }) => {
    const kind = String(type);
    // "The MetricFamily name of a counter has no _total, its samples do."
    const family = kind === 'counter' ? name.replace(/_total$/, '') : name;
    const samples = (values as Sample[]).map((sample) => {
      const sampleName = kind === 'counter' ? `${family}_total` : (sample.metricName ?? name);
      return `${sampleName}${labelsOf(sample.labels)} ${numberOf(sample.value)}${exemplarOf(sample.exemplar)}`;
    });
    return [`# TYPE ${family} ${kind}`, `# HELP ${family} ${escaped(help)}`, ...samples];
  });
  return `${lines.join('\n')}\n# EOF\n`;
}

function labelsOf(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    // Bounds of buckets are floats, and so that they match they are written in one way: 1.0, not 1.
    const text = name === 'le' && Number.isInteger(value) ? `${value}.0` : String(value);
    return `${name}="${escaped(text).replaceAll('"', '\\"')}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function exemplarOf(exemplar: Exemplar | null | undefined): string {
  if (exemplar === null || exemplar === undefined) return '';
  const at = exemplar.timestamp === undefined ? '' : ` ${exemplar.timestamp}`;
  return ` # ${labelsOf(exemplar.labelSet)} ${numberOf(exemplar.value)}${at}`;
}

function numberOf(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
