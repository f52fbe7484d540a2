import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { lastWords, run } from '../toolbox/run.js';
import type { Step } from './step.js';

/** The services' own schemas read the environments that the chart would give them, in a process of its own: they belong to the services. */
export const environment: Step = {
  name: 'environment',
  shows: 'every variable is one that its service reads, with a value that it takes, and no secret stands there in the clear',
  async run({ root, rendered }) {
    const sets = rendered.filter(
      ({ kubernetes, name }) => kubernetes === KUBERNETES_VERSIONS.at(-1) && name.startsWith('chart/'),
    );
    const problems: string[] = [];
    for (const { name, file } of sets) {
      const result = await run(
        process.execPath,
        [
          '--conditions=@keyward/source',
          '--no-warnings',
          '--import',
          './test/support/source-loader.mjs',
          join('test', 'chart', 'check-environment.ts'),
        ],
        { cwd: root, input: readFileSync(file, 'utf8') },
      );
      if (result.code !== 0) problems.push(`${name}: ${lastWords(result, 40)}`);
    }
    return { summary: `${sets.length} value sets`, problems };
  },
};
