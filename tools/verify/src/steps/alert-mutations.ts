import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readSuites, suitesAbout, type Suite } from '../alerts/cases.js';
import { loosen } from '../alerts/loosen.js';
import { readAlerts, yamlFilesIn, type Rule } from '../alerts/rules.js';
import { lastWords, run, type RunResult } from '../toolbox/run.js';
import type { Step } from './step.js';

/** An alert as it is (`what` is its name), or loosened, with the tests about it. */
interface Trial {
  what: string;
  rules: readonly Rule[];
  suites: readonly Suite[];
  loosened: boolean;
}

/** What promtool prints where it expected something else, not where an evaluation failed. */
const COMPARED = /^\s*got:/m;
/** A core each; and they end before much of their memory would have to be collected. */
const FRUGAL = { GOMAXPROCS: '1', GOGC: '400' };
const AT_ONCE = Math.min(2, availableParallelism());

/** A test that holds for any rule shows nothing: each alert is loosened in known ways, and one of its tests must fail. */
export const alertMutations: Step = {
  name: 'alert-mutations',
  shows: 'the tests of the alerts do fail: each alert that is loosened in threshold, time or condition is noticed',
  async run({ chart, promtool, directory }) {
    const found = await promtool();
    if ('missing' in found) return { summary: 'no promtool', problems: [], skipped: 'there is no promtool, as above' };
    const trials = trialsOf(join(chart, 'alerts'));
    const workplaces = trials.map((_, index) => join(directory, 'alert-mutations', String(index)));
    const invalid = await check(found.program, trials, workplaces);
    const problems = invalid.code === 0 ? [] : [lastWords(invalid, 40)];
    const waiting = [...trials.entries()];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const problem = await problemWith(found.program, next[1], workplaces[next[0]] ?? '');
        if (problem !== undefined) problems.push(problem);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const tried = trials.filter(({ loosened }) => loosened).length;
    return { summary: `${trials.length - tried} alerts loosened in ${tried} ways`, problems };
  },
};

function trialsOf(directory: string): Trial[] {
  const alerts = readAlerts(directory);
  const tests = readSuites(yamlFilesIn(join(directory, 'tests')));
  return alerts.flatMap((alert) => {
    const { name, rule, recordings } = alert;
    const suites = suitesAbout(alert, tests, name !== rule.alert);
    return [
      { what: name, rules: [...recordings, rule], suites, loosened: false },
      ...loosen(alert).map(({ what, rules }) => ({ what, rules, suites, loosened: true })),
    ];
  });
}

/** What does not parse would fail every test, and be taken for noticed. */
async function check(promtool: string, trials: readonly Trial[], workplaces: readonly string[]): Promise<RunResult> {
  const files = trials.map(({ rules }, index) => {
    const workplace = workplaces[index] ?? '';
    mkdirSync(workplace, { recursive: true });
    const file = join(workplace, 'rules.yaml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'loosened', rules }] }));
    return file;
  });
  return run(promtool, ['check', 'rules', '--lint', 'none', ...files]);
}

async function problemWith(promtool: string, trial: Trial, workplace: string): Promise<string | undefined> {
  const { what, loosened } = trial;
  const failed = await firstFailure(promtool, trial, workplace);
  if (!loosened && trial.suites.length === 0) return `${what} has no test.`;
  if (!loosened) return failed === undefined ? undefined : `${what} alone fails its tests:\n${lastWords(failed, 20)}`;
  if (failed === undefined) return `No test notices ${what}.`;
  return COMPARED.test(failed.stdout + failed.stderr) ? undefined : `${what} can not be evaluated:\n${lastWords(failed, 20)}`;
}

async function firstFailure(promtool: string, { suites }: Trial, workplace: string): Promise<RunResult | undefined> {
  for (const [index, suite] of suites.entries()) {
    const file = join(workplace, `test-${index}.yaml`);
    writeFileSync(file, JSON.stringify({ ...suite, rule_files: ['rules.yaml'] }));
    const result = await run(promtool, ['test', 'rules', file], { env: FRUGAL });
    if (result.code !== 0) return result;
  }
  return undefined;
}
