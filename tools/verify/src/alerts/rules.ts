import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** One rule of a Prometheus rule file: `record` or `alert` says which kind. */
export interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** An alert with the recording rules that it stands on, in the order in which they must be evaluated, and itself last. */
export interface Alert {
  /** `KeywardKmsErrors`, or with the label that tells rules of one name apart `KeywardRefreshErrorBudgetBurn{burn="6"}`. */
  name: string;
  rule: Rule & { alert: string };
  recordings: readonly Rule[];
}

interface RuleFile {
  groups: { rules: Rule[] }[];
}

export function yamlFilesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(directory, name));
}

/** @param directory of the rule files */
export function readAlerts(directory: string): Alert[] {
  const rules = yamlFilesIn(directory).flatMap((file) =>
    (parse(readFileSync(file, 'utf8')) as RuleFile).groups.flatMap((group) => group.rules),
  );
  const alerts = rules.filter((rule): rule is Alert['rule'] => rule.alert !== undefined);
  return alerts.map((rule) => ({ name: nameOf(rule, alerts), rule, recordings: recordingsOf(rule, rules) }));
}

function nameOf(rule: Alert['rule'], alerts: readonly Alert['rule'][]): string {
  const others = alerts.filter((other) => other !== rule && other.alert === rule.alert);
  const telling = Object.entries(rule.labels ?? {}).filter(([label, value]) =>
    others.every((other) => other.labels?.[label] !== value),
  );
  return others.length === 0 ? rule.alert : `${rule.alert}{${telling.map(([label, value]) => `${label}="${value}"`).join(',')}}`;
}

function recordingsOf(rule: Rule, rules: readonly Rule[]): Rule[] {
  const needed = new Set<Rule>();
  const visit = ({ expr }: Rule): void => {
    for (const other of rules) {
      if (other.record === undefined || needed.has(other) || !expr.split(/[^\w:]+/).includes(other.record)) continue;
      needed.add(other);
      visit(other);
    }
  };
  visit(rule);
  return rules.filter((other) => needed.has(other));
}
