import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Alert } from './rules.js';

interface TestCase {
  name?: string;
  interval: string;
  input_series: unknown[];
  alert_rule_test?: { alertname: string; eval_time: string }[];
  promql_expr_test?: { expr: string; eval_time: string }[];
}

interface TestFile {
  evaluation_interval: string;
  tests: TestCase[];
}

/** A promtool test file without its rules. */
export interface Suite {
  evaluation_interval: string;
  tests: readonly TestCase[];
}

/** How many evaluations a case may take to be run along with others: whatever a short case notices needs none of the long ones. */
const SHORT = 300;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function readSuites(files: readonly string[]): Suite[] {
  return files.map((file) => parse(readFileSync(file, 'utf8')) as TestFile);
}

/** What the tests say about one alert alone: the short cases of each file together, then each long one by itself, shortest first. */
export function suitesAbout(alert: Alert, suites: readonly Suite[], shared: boolean): Suite[] {
  const about = suites.flatMap((suite) => {
    const tests = suite.tests.map((test) => narrowed(test, alert, shared)).filter((test) => evaluations(test, suite) > 0);
    const short = tests.filter((test) => evaluations(test, suite) <= SHORT);
    const long = tests.filter((test) => evaluations(test, suite) > SHORT);
    return [...(short.length > 0 ? [short] : []), ...long.map((test) => [test])].map((some) => ({ ...suite, tests: some }));
  });
  return about.sort((a, b) => longest(a) - longest(b));
}

function narrowed(test: TestCase, { rule }: Alert, shared: boolean): TestCase {
  const { alert_rule_test: alerts = [], promql_expr_test: expressions = [], ...rest } = test;
  return {
    ...rest,
    // Such a test lists every alert of the name, so those of one name can only be told apart by expressions.
    alert_rule_test: shared ? [] : alerts.filter(({ alertname }) => alertname === rule.alert),
    promql_expr_test: expressions.filter(({ expr }) => selects(expr, rule)),
  };
}

/** Whether an expression asks for this alert's series: `ALERTS{alertname="…",burn="6"}`. */
function selects(expr: string, { alert, labels = {} }: Alert['rule']): boolean {
  const asked = [...expr.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value]) => ({ label, value }));
  return (
    asked.some(({ label, value }) => label === 'alertname' && value === alert) &&
    asked.every(({ label, value }) => labels[label] === undefined || labels[label] === value)
  );
}

function evaluations(test: TestCase, suite: Suite): number {
  const moments = [...(test.alert_rule_test ?? []), ...(test.promql_expr_test ?? [])].map(({ eval_time: time }) => seconds(time));
  return moments.length === 0 ? 0 : Math.max(1, ...moments) / seconds(suite.evaluation_interval);
}

function longest(suite: Suite): number {
  return Math.max(...suite.tests.map((test) => evaluations(test, suite)));
}

/** @param duration as Prometheus writes it: `1h30m` */
function seconds(duration: string): number {
  return [...duration.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (SECONDS[unit] ?? 0),
    0,
  );
}
