import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastWords, run } from '../toolbox/run.js';
import type { Step } from './step.js';

/** helm-unittest on the chart's own suites. */
export const unit: Step = {
  name: 'unit',
  shows: 'helm-unittest: what the chart promises of its defaults, refusals and toggles (helm/keyward/tests)',
  async run({ chart, tools }) {
    const suites = existsSync(join(chart, 'tests'))
      ? readdirSync(join(chart, 'tests')).filter((name) => name.endsWith('_test.yaml'))
      : [];
    if (suites.length === 0) return { summary: 'no suites', problems: [`${chart}/tests has no *_test.yaml.`] };
    const result = await run(tools['helm-unittest'], [chart, '--color=false', '--file', 'tests/*_test.yaml']);
    const tests = /^Tests:\s+(.*)$/m.exec(result.stdout)?.[1] ?? 'no count';
    return {
      summary: `${suites.length} suites, ${tests}`,
      problems: result.code === 0 ? [] : [lastWords({ ...result, stderr: '' }, 80)],
    };
  },
};
