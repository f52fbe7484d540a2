import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { lastWords, run } from '../toolbox/run.js';
import type { Toolbox } from '../toolbox/toolbox.js';
import type { Outcome, Rendered } from './step.js';

export const NAMESPACE = 'keyward';

export interface ValueSet {
  name: string;
  files: string[];
}

export interface ChartPlaces {
  chart: string;
  /** Value sets beside the chart's examples. */
  edges: string;
  /** k8s/ */
  manifests: string;
}

/** The chart's own examples, the one that goes with an overlay of k8s/, and the sets here that turn on what no example does. */
export function valueSets({ chart, edges, manifests }: ChartPlaces): ValueSet[] {
  const yaml = (directory: string): string[] =>
    readdirSync(directory)
      .filter((name) => name.endsWith('.yaml'))
      .sort()
      .map((name) => join(directory, name));
  const alone = [...yaml(join(chart, 'examples')), ...yaml(edges)].map((file) => ({
    name: basename(file, '.yaml'),
    files: [file],
  }));
  const files = [join(chart, 'examples/quickstart.yaml'), join(manifests, 'overlays/evaluation/values.yaml')];
  return [...alone, { name: 'quickstart-evaluation', files }];
}

/** Namespace in all overlays; each directory under `k8s/overlays`. */
export function overlays(manifests: string): string[] {
  return readdirSync(join(manifests, 'overlays')).sort();
}

interface Rendering {
  rendered: Rendered[];
  outcome: Outcome;
}

/**
 * Renders every value set as every supported Kubernetes would have it, with all custom resources there, and every overlay of k8s/ once.
 * What does not render is a problem; the rest goes on to the other steps.
 */
export async function render(
  where: ChartPlaces & { directory: string },
  tools: Toolbox,
  apiVersions: readonly string[],
): Promise<Rendering> {
  const rendered: Rendered[] = [];
  const problems: string[] = [];
  const keep = (name: string, kubernetes: string, text: string): void => {
    const file = join(where.directory, kubernetes, `${name.replaceAll('/', '-')}.yaml`);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    rendered.push({ name, kubernetes, file });
  };
  for (const set of valueSets(where)) {
    for (const kubernetes of KUBERNETES_VERSIONS) {
      const result = await run(tools.helm, templateArguments(where.chart, set, kubernetes, apiVersions));
      if (result.code === 0) keep(`chart/${set.name}`, kubernetes, result.stdout);
      else problems.push(`${set.name} for Kubernetes ${kubernetes}: ${lastWords(result, 6)}`);
    }
  }
  for (const overlay of overlays(where.manifests)) {
    const result = await run(tools.kustomize, ['build', join(where.manifests, 'overlays', overlay)]);
    if (result.code === 0) KUBERNETES_VERSIONS.forEach((kubernetes) => keep(`k8s/${overlay}`, kubernetes, result.stdout));
    else problems.push(`k8s/overlays/${overlay}: ${lastWords(result, 6)}`);
  }
  const names = new Set(rendered.map(({ name }) => name));
  return {
    rendered,
    outcome: { summary: `${names.size} sets for ${KUBERNETES_VERSIONS.length} versions of Kubernetes`, problems },
  };
}

/** For `helm template`, of either version. */
export function templateArguments(chart: string, set: ValueSet, kubernetes: string, apiVersions: readonly string[]): string[] {
  return [
    'template',
    NAMESPACE,
    chart,
    '--namespace',
    NAMESPACE,
    '--kube-version',
    kubernetes,
    '--api-versions',
    apiVersions.join(','),
    ...set.files.flatMap((file) => ['--values', file]),
  ];
}
