import { lastWords, run } from '../toolbox/run.js';
import { valueSets } from './render.js';
import type { Step } from './step.js';

/** `helm lint --strict`: the chart's structure, values.schema.json, and templates that render with the values of each example. */
export const lint: Step = {
  name: 'lint',
  shows: "helm lint --strict with every example's values; a misspelt value is refused by values.schema.json",
  async run({ tools, ...places }) {
    const sets = valueSets(places);
    const problems: string[] = [];
    for (const set of sets) {
      const result = await run(tools.helm, [
        'lint',
        places.chart,
        '--strict',
        ...set.files.flatMap((file) => ['--values', file]),
      ]);
      if (result.code !== 0) problems.push(`${set.name}: ${lastWords(result)}`);
    }
    const first = sets[0];
    if (first !== undefined) {
      const misspelt = await run(tools.helm, [
        'lint',
        places.chart,
        '--values',
        first.files[0] ?? '',
        '--set',
        'gatway.replicas=3',
      ]);
      if (misspelt.code === 0) problems.push('values.schema.json lets `gatway.replicas` pass');
    }
    return { summary: `${sets.length} value sets`, problems };
  },
};
