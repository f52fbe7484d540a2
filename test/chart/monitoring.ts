import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import yaml from 'yaml';
import { withoutVariables } from './promql.js';

const ALERTS = 'helm/keyward/alerts';
const DASHBOARDS = 'helm/keyward/dashboards';

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  readonly links?: readonly { readonly url: string }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly id?: unknown;
  readonly schemaVersion: number;
  readonly panels: readonly PanelJson[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly VariableJson[] };
}

export const rules: readonly Rule[] = readdirSync(ALERTS)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => {
    const { groups } = yaml.parse(readFileSync(path.join(ALERTS, name), 'utf8')) as { groups: { rules: Rule[] }[] };
    return groups.flatMap((group) => group.rules);
  });

export const dashboardFiles: ReadonlyMap<string, DashboardJson> = new Map(
  readdirSync(DASHBOARDS).map((name) => [name, JSON.parse(readFileSync(path.join(DASHBOARDS, name), 'utf8')) as DashboardJson]),
);

/** Every expression of rules and dashboards, by where it stands, as Prometheus gets it. */
export function expressions(): [where: string, expression: string][] {
  const ofRules = rules.map((rule): [string, string] => [`rule ${rule.alert ?? rule.record ?? ''}`, rule.expr]);
  const ofPanels = [...dashboardFiles].flatMap(([file, { panels, annotations, templating }]) => [
    ...panels.flatMap(({ title, targets }) => (targets ?? []).map(({ expr }): [string, string] => [`${file}: ${title}`, expr])),
    ...annotations.list.map(({ expr }): [string, string] => [`${file}: annotations`, expr]),
    ...templating.list.flatMap(({ name, definition }): [string, string][] => {
      const series = /^label_values\((.+), \w+\)$/.exec(definition ?? '')?.[1];
      return series === undefined ? [] : [[`${file}: choice ${name}`, series]];
    }),
  ]);
  return [...ofRules, ...ofPanels].map(([where, expression]) => [where, withoutVariables(expression)]);
}

export interface Documented {
  readonly labels: ReadonlySet<string>;
  /** Only a deployment that sets something has it, as its text says. */
  readonly conditional: boolean;
  readonly histogram: boolean;
}

/** The table of docs/telemetry.md. */
export function documentedMetrics(): Map<string, Documented> {
  const rows = readFileSync('docs/telemetry.md', 'utf8').split('### Scraping')[0]?.matchAll(/^\| `(\w+)` .*$/gm) ?? [];
  return new Map(
    [...rows].map(([row, name = '']) => {
      const [, , type = '', labels = '', , says = ''] = row.split('|');
      return [
        name,
        {
          labels: new Set([...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)),
          conditional: says.includes('Only where'),
          histogram: type.includes('histogram'),
        },
      ];
    }),
  );
}

/** Made by Prometheus itself of the rules. */
export const OF_PROMETHEUS: ReadonlySet<string> = new Set(['ALERTS']);

/** The name in the table of a series: that of its histogram for `_bucket`, `_sum` and `_count`. */
export function familyOf(series: string, documented: ReadonlyMap<string, Documented>): string {
  const family = series.replace(/_(?:bucket|sum|count)$/, '');
  return documented.get(family)?.histogram === true ? family : series;
}
