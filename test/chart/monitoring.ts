import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import yaml from 'yaml';
import { documentedMetrics, type DocumentedMetric } from '../e2e/support/scrape.js';
import { selected, withoutVariables } from './promql.js';

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

/** Made by Prometheus itself, of the rules and of scraping. */
const OF_PROMETHEUS: ReadonlySet<string> = new Set(['ALERTS', 'up']);

const recorded: ReadonlyMap<string | undefined, string> = new Map(rules.map(({ record, expr }) => [record, expr]));
const documented = new Map(documentedMetrics().map((metric) => [metric.name, metric]));

/** The metrics of docs/telemetry.md that an expression comes from, through recording rules, and names that are nowhere. */
export function origins(expression: string): { metrics: DocumentedMetric[]; unknown: string[] } {
  const metrics: DocumentedMetric[] = [];
  const unknown: string[] = [];
  for (const name of selected(expression).metrics) {
    const rule = recorded.get(name);
    const family = documented.get(name) ?? documented.get(name.replace(/_(?:bucket|sum|count)$/, ''));
    if (rule !== undefined) {
      const of = origins(rule);
      metrics.push(...of.metrics);
      unknown.push(...of.unknown);
    } else if (family !== undefined) metrics.push(family);
    else if (!OF_PROMETHEUS.has(name)) unknown.push(name);
  }
  return { metrics, unknown };
}
