import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '@keyward/embedded';
import { connectUser, startStack, type Stack } from '@keyward/stack';
import { startPrometheus, type Prometheus } from '../prometheus/server.js';
import { AlertChanges, describeChange, type AlertChange, type AlertState } from '../rules/alert-changes.js';
import { chartRules } from '../rules/chart-rules.js';
import { compressRules } from '../rules/compress.js';
import { Timeline } from './timeline.js';
import { Traffic } from './traffic.js';

/** A minute of the rules is a second here: their 5 minutes hold five scrapes, and an hour of history is there after a minute. */
export const TIME_FACTOR = 60;
const INTERVAL = '1s';
const LOOK_EVERY_MS = 200;
const ALERT = 'KeywardProvider401Spike';
const PROVIDER = 'sandbox';
const PEOPLE = ['observed-1', 'observed-2', 'observed-3', 'observed-4'];
/** What the alert compares with: the ratio an hour ago. */
const BASELINE = 'provider:tool_call_401:ratio_rate1h{provider="sandbox"} offset 1m';
const FLOOR = 'provider:tool_call_requests:rate5m{provider="sandbox"} > 0.1';
const WARM_WITHIN_MS = 120_000;
const CHANGES_WITHIN_MS = 45_000;

export interface CheckOptions {
  root: string;
  /** Empty; the stack's. */
  dir: string;
  consoles: string;
  prometheus: string;
  signal: AbortSignal;
  write: (line: string) => void;
}

/**
 * A stack of its own, traffic, a storm of 401, and its end, seen through Prometheus with the chart's rules.
 * @throws Error unless the alert fires for it and resolves after it
 */
export async function check(options: CheckOptions): Promise<void> {
  const { root, dir, consoles, prometheus, signal, write } = options;
  const timeline = new Timeline(write);
  write(
    `Time runs ${TIME_FACTOR} times as fast in these rules: a range, an offset or a "for" of 1m is 1s. Thresholds are as they are.`,
  );
  timeline.say('starting a stack');
  const stack = await startStack({ dir, quiet: true, signal });
  try {
    for (const user of PEOPLE) await connectUser(stack, { user });
    timeline.say(`the stack is ready; ${PEOPLE.length} people have connected the sandbox`);
    const rules = chartRules(root).map(({ name, text }) => ({ name, text: compressRules(text, TIME_FACTOR) }));
    const server = await startPrometheus({
      ...{ prometheus, rules, consoles, port: await freePort() },
      ...{ scrapeInterval: INTERVAL, evaluationInterval: INTERVAL, metrics: stack.info.metrics },
    });
    try {
      await new StormCheck(stack, server, timeline, signal).run(rules.length);
    } finally {
      await server.stop();
    }
  } finally {
    await stack.stop();
    timeline.say('Prometheus and the stack are stopped');
  }
}

class StormCheck {
  readonly #changes = new AlertChanges();
  readonly #seen: AlertChange[] = [];
  readonly #traffic: Traffic;
  #hasBaseline = false;

  constructor(
    stack: Stack,
    private readonly server: Prometheus,
    private readonly timeline: Timeline,
    private readonly signal: AbortSignal,
  ) {
    this.#traffic = new Traffic(stack.info, stack.sandboxManagementToken, PEOPLE);
  }

  async run(ruleFiles: number): Promise<void> {
    const { api } = this.server;
    this.#traffic.start();
    try {
      await Promise.race([this.#storm(ruleFiles), this.#traffic.broken]);
    } finally {
      await this.#traffic.stop().catch(() => undefined);
    }
    const { calls, succeeded, expired } = this.#traffic.counts;
    const failures = [...this.#traffic.failures].map(([code, count]) => `${count} ${code}`).join(', ');
    this.timeline.say(
      `${calls} calls, ${succeeded} succeeded${failures === '' ? '' : ` (${failures})`}, while the provider forgot ${expired} access tokens`,
    );
    const memory = residentMiB(this.server.pid);
    const [series] = await api.query('prometheus_tsdb_head_series or count({__name__!=""})');
    this.timeline.say(`Prometheus held ${series?.value ?? 0} series${memory === undefined ? '' : ` in ${memory} MiB of memory`}`);
  }

  async #storm(ruleFiles: number): Promise<void> {
    const { api } = this.server;
    await this.#until('all targets are up and all rules evaluated', WARM_WITHIN_MS, () => this.#healthy());
    const rules = await api.rules();
    const alerts = new Set(rules.filter(({ type }) => type === 'alerting').map(({ name }) => name)).size;
    this.timeline.say(`${ruleFiles} rule files loaded: ${rules.length} rules, ${alerts} alerts; every service is scraped`);
    await this.#until('there is traffic, and a baseline', WARM_WITHIN_MS, async () => {
      return (await api.query(FLOOR)).length > 0 && (await api.query(BASELINE)).length > 0;
    });
    this.#hasBaseline = true;
    if (this.#stateNow() !== 'inactive') throw new Error(`${ALERT} is ${this.#stateNow()} before anything went wrong.`);
    this.timeline.say(`traffic and an hour of baseline (compressed) are there; ${await this.#ratio()}; ${ALERT} is inactive`);
    this.#traffic.isStormy = true;
    this.timeline.say('the storm begins: the provider refuses the tokens that it gave out, again and again');
    await this.#until(`${ALERT} is pending`, CHANGES_WITHIN_MS, () => this.#went('inactive', 'pending'));
    await this.#until(`${ALERT} fires`, CHANGES_WITHIN_MS, () => this.#went('pending', 'firing'));
    this.#tellAlert();
    this.#traffic.isStormy = false;
    this.timeline.say(`the storm ends; ${await this.#ratio()}`);
    await this.#until(`${ALERT} resolves`, CHANGES_WITHIN_MS, () => this.#went('firing', 'inactive'));
    this.timeline.say(`resolved; ${await this.#ratio()}`);
  }

  async #healthy(): Promise<boolean> {
    const targets = await this.server.api.targets();
    const rules = await this.server.api.rules();
    const broken = rules.find(({ health }) => health === 'err');
    if (broken !== undefined) throw new Error(`The rule ${broken.name} fails: ${broken.lastError ?? 'no reason given'}`);
    return targets.length > 0 && targets.every(({ health }) => health === 'up') && rules.every(({ health }) => health === 'ok');
  }

  #went(from: AlertState, to: AlertState): Promise<boolean> {
    const mine = this.#seen.filter(({ alert, labels }) => alert === ALERT && labels['provider'] === PROVIDER);
    return Promise.resolve(mine.some((change) => change.from === from && change.to === to));
  }

  #stateNow(): AlertState {
    return this.#seen.findLast(({ alert }) => alert === ALERT)?.to ?? 'inactive';
  }

  #tellAlert(): void {
    const change = this.#seen.findLast(({ alert, to }) => alert === ALERT && to === 'firing');
    for (const [name, text] of Object.entries(change?.annotations ?? {})) this.timeline.say(`    ${name}: ${text}`);
  }

  async #ratio(): Promise<string> {
    const [sample] = await this.server.api.query(`provider:tool_call_401:ratio_rate5m{provider="${PROVIDER}"}`);
    return `${((sample?.value ?? 0) * 100).toFixed(1)} % of the requests to ${PROVIDER} are answered 401`;
  }

  /** Looks at the alerts, telling what changes, until the condition holds. */
  async #until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      this.signal.throwIfAborted();
      for (const change of this.#changes.since(await this.server.api.rules())) {
        // Before the first scrape, and for compressed minutes after it, whatever must not be missing is: that is our haste alone.
        if (change.alert !== ALERT && !this.#hasBaseline) continue;
        this.#seen.push(change);
        this.timeline.say(describeChange(change));
      }
      if (await holds()) return;
      if (performance.now() > deadline) throw new Error(`Within ${withinMs / 1000} s it did not come to this: ${what}.`);
      await delay(LOOK_EVERY_MS, undefined, { signal: this.signal });
    }
  }
}

/** Of a process, where the system tells it that way. */
function residentMiB(pid: number): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
  } catch {
    return undefined;
  }
}
