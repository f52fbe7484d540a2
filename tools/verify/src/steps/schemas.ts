import { join } from 'node:path';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { assembleRelease, readCrds, readReleases, SCHEMA_LOCATION, writeSchemas } from '../schemas/stored.js';
import { lastWords, run } from '../toolbox/run.js';
import type { Step } from './step.js';

interface Report {
  resources: { filename: string; kind: string; name: string; version: string; status: string; msg: string }[];
  summary: { valid: number };
}

/** Every object against the schemas of every supported Kubernetes, and of the operators that it is written for. */
export const schemas: Step = {
  name: 'schemas',
  shows: `kubeconform against Kubernetes ${KUBERNETES_VERSIONS[0]}–${KUBERNETES_VERSIONS.at(-1)} and custom resource definitions, unknown fields refused`,
  async run({ schemas: stored, directory, rendered, tools }) {
    const releases = readReleases(stored);
    const crds = readCrds(stored);
    const problems: string[] = [];
    let valid = 0;
    for (const kubernetes of KUBERNETES_VERSIONS) {
      const files = rendered.filter((one) => one.kubernetes === kubernetes).map(({ file }) => file);
      if (files.length === 0) continue;
      const home = join(directory, 'schemas', kubernetes);
      writeSchemas(home, assembleRelease(releases, kubernetes), crds);
      const result = await run(tools.kubeconform, [
        '-strict',
        '-output',
        'json',
        '-summary',
        '-schema-location',
        `${home}/${SCHEMA_LOCATION}`,
        ...files,
      ]);
      if (!result.stdout.startsWith('{')) {
        problems.push(`Kubernetes ${kubernetes}: ${lastWords(result)}`);
        continue;
      }
      const report = JSON.parse(result.stdout) as Report;
      valid += report.summary.valid;
      for (const { filename, kind, name, msg } of report.resources)
        problems.push(`Kubernetes ${kubernetes}, ${filename.slice(directory.length + 1)}: ${kind}/${name}: ${msg}`);
    }
    return { summary: `${valid} objects valid`, problems };
  },
};
