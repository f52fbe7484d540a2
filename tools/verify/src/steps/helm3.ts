import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import yaml from 'yaml';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { apiVersionsOf, readCrds } from '../schemas/stored.js';
import { lastWords, run } from '../toolbox/run.js';
import { templateArguments, valueSets } from './render.js';
import type { Step } from './step.js';

interface Manifest {
  kind?: string;
  metadata?: { name?: string; namespace?: string };
}

/** Both render the same templates with engines that differ: what one of them makes of the chart must be what the other makes. */
export const helm3: Step = {
  name: 'helm3',
  shows: 'Helm 3 makes the same objects of the chart as Helm 4',
  async run({ schemas, rendered, tools, ...places }) {
    const newest = KUBERNETES_VERSIONS.at(-1) ?? '';
    const apiVersions = apiVersionsOf(readCrds(schemas));
    const problems: string[] = [];
    let objects = 0;
    for (const set of valueSets(places)) {
      const byHelm4 = rendered.find(({ name, kubernetes }) => kubernetes === newest && name === `chart/${set.name}`);
      if (byHelm4 === undefined) continue;
      const result = await run(tools.helm3, templateArguments(places.chart, set, newest, apiVersions));
      if (result.code !== 0) {
        problems.push(`${set.name}: ${lastWords(result)}`);
        continue;
      }
      const wanted = objectsIn(readFileSync(byHelm4.file, 'utf8'));
      objects += wanted.size;
      problems.push(...differences(wanted, objectsIn(result.stdout)).map((name) => `${set.name}: ${name} differs`));
    }
    return { summary: `${objects} objects are the same`, problems };
  },
};

/** By kind and name. Secrets that the chart makes are random, so only that they are there is compared. */
export function objectsIn(manifests: string): Map<string, Manifest> {
  const documents = yaml.parseAllDocuments(manifests).map((document) => (document.toJSON() ?? {}) as Manifest);
  const objects = documents.filter(({ kind }) => kind !== undefined);
  return new Map(
    objects.map((object) => {
      const { kind, metadata } = object;
      return [`${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`, kind === 'Secret' ? { kind } : object];
    }),
  );
}

/** @returns names of what only one of them has, or has otherwise */
export function differences(left: ReadonlyMap<string, Manifest>, right: ReadonlyMap<string, Manifest>): string[] {
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => !isDeepStrictEqual(left.get(name), right.get(name)));
}
