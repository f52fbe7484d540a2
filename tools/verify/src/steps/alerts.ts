import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastWords, run } from '../toolbox/run.js';
import type { Step } from './step.js';

function yamlIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(directory, name));
}

/** promtool on the chart's plain rule files and on the tests beside them. */
export const alerts: Step = {
  name: 'alerts',
  shows: 'promtool: alerting and recording rules are valid, and their tests hold',
  async run({ chart, promtool }) {
    const rules = yamlIn(join(chart, 'alerts'));
    const tests = yamlIn(join(chart, 'alerts', 'tests'));
    if (rules.length === 0) return { summary: 'no rules', problems: [`${chart}/alerts has no rules.`] };
    const found = await promtool();
    if ('missing' in found) return { summary: 'no promtool', problems: [], skipped: found.missing };
    const checked = await run(found.program, ['check', 'rules', '--lint-fatal', ...rules]);
    const tested = tests.length === 0 ? undefined : await run(found.program, ['test', 'rules', ...tests]);
    return {
      summary: `${rules.length} rule files, ${tests.length} test files`,
      problems: [checked, tested]
        .filter((result) => result !== undefined && result.code !== 0)
        .map((result) => lastWords(result ?? checked, 40)),
    };
  },
};
