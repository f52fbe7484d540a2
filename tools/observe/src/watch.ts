import { setTimeout as delay } from 'node:timers/promises';
import { freePort, portIsFree } from '@keyward/embedded';
import type { StackInfo } from '@keyward/stack';
import { startPrometheus } from './prometheus/server.js';
import { AlertChanges, describeChange } from './rules/alert-changes.js';
import { chartRules } from './rules/chart-rules.js';

const USUAL_PORT = 9090;
const INTERVAL = '5s';
const LOOK_EVERY_MS = 1000;

export interface WatchOptions {
  root: string;
  info: StackInfo;
  consoles: string;
  prometheus: string;
  /** undefined: the usual one where it is free, else any. */
  port: number | undefined;
  signal: AbortSignal;
  write: (line: string) => void;
}

/**
 * Prometheus on a running stack, until it is told to stop; each change of an alert is a line.
 * @throws Error where Prometheus does not start, or ends by itself
 */
export async function watch({ root, info, consoles, prometheus, port, signal, write }: WatchOptions): Promise<void> {
  const rules = chartRules(root);
  const server = await startPrometheus({
    ...{ prometheus, rules, consoles, port: await portFor(port) },
    ...{ scrapeInterval: INTERVAL, evaluationInterval: INTERVAL, metrics: info.metrics },
  });
  try {
    write(welcome(server.api.url, await server.api.hasPages(), rules.length));
    const changes = new AlertChanges();
    const ended = server.whenExited().then((how) => `Prometheus ended (${how}).`);
    while (!signal.aborted) {
      for (const change of changes.since(await server.api.rules())) {
        write(`${new Date().toLocaleTimeString('en-GB')}  ${describeChange(change)}`);
        if (change.to === 'firing')
          write(`          ${change.annotations['summary'] ?? ''}\n          ${change.annotations['runbook_url'] ?? ''}`);
      }
      const pause = delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      const why = await Promise.race([pause, ended]);
      if (why !== undefined) throw new Error(why);
    }
  } finally {
    await server.stop();
  }
}

async function portFor(chosen: number | undefined): Promise<number> {
  if (chosen === undefined) return (await portIsFree(USUAL_PORT)) ? USUAL_PORT : freePort();
  if (await portIsFree(chosen)) return chosen;
  throw new Error(`Port ${chosen} is taken. Choose another one, or leave --port out.`);
}

function welcome(url: string, hasPages: boolean, ruleFiles: number): string {
  const pages = hasPages
    ? `  ${url}/alerts   the alerts\n  ${url}/graph    ask for anything, such as  provider:tool_call_401:ratio_rate5m`
    : `  (This Prometheus came without its own pages. "sudo apt-get install prometheus" has them; the API and Grafana work without.)`;
  return `
Prometheus scrapes the five services every ${INTERVAL.replace('s', ' s')}, and has the ${ruleFiles} rule files of helm/keyward/alerts.

  ${url}/consoles/keyward.html   alerts, providers and services at a glance
${pages}
  Grafana: add ${url} as a Prometheus data source, then import helm/keyward/dashboards/*.json (docs/observe.md)

Alerts that change are told here. Ctrl-C stops Prometheus; its data goes with it.
`;
}
