import { readFileSync } from 'node:fs';
import yaml from 'yaml';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { lastWords, run } from '../toolbox/run.js';
import type { Step } from './step.js';

/** What of kube-score's checks does not hold here, and why. */
const NOT_ASKED: Record<string, string> = {
  'container-image-pull-policy':
    'Images are pinned by a version or a digest; pulling them anew at each start makes every restart depend on the registry.',
  'deployment-has-host-podantiaffinity':
    'Pods are spread by topologySpreadConstraints, which take several replicas to a node where there are few nodes.',
  'container-ephemeral-storage-request-and-limit':
    'The root file system is read-only and the one emptyDir has its own size limit.',
};
/** Beyond the checks that are on by default. */
const ALSO_ASKED = ['container-seccomp-profile'];
/** A limit on CPU throttles a service that has CPU to spare; requests share it fairly. */
const FLAGS = ['--ignore-container-cpu-limit'];
/** To try things on, or with everything off that can be: what is said of those does not apply. */
const FOR_TRYING = /(quickstart|minimal|bare|evaluation)$/;
/** kube-score's grades: 1 critical, 5 a warning, 10 all well. */
const WARNING = 5;

export interface Scored {
  object_name: string;
  checks: {
    check: { id: string; name: string };
    grade: number;
    skipped: boolean;
    comments: { path: string; summary: string }[] | null;
  }[];
}

export const score: Step = {
  name: 'score',
  shows:
    'kube-score: resources, probes, security contexts, disruption budgets, spreading, network policies that match (production sets)',
  async run({ rendered, tools }) {
    const newest = KUBERNETES_VERSIONS.at(-1) ?? '';
    const sets = rendered.filter(
      ({ kubernetes, name }) => kubernetes === newest && name.startsWith('chart/') && !FOR_TRYING.test(name),
    );
    const problems: string[] = [];
    let objects = 0;
    for (const { name, file } of sets) {
      const result = await run(tools['kube-score'], [
        'score',
        '--output-format',
        'json',
        '--kubernetes-version',
        `v${newest}`,
        ...FLAGS,
        ...Object.keys(NOT_ASKED).flatMap((id) => ['--ignore-test', id]),
        ...ALSO_ASKED.flatMap((id) => ['--enable-optional-test', id]),
        file,
      ]);
      if (!result.stdout.startsWith('[')) {
        problems.push(`${name}: ${lastWords(result)}`);
        continue;
      }
      const scored = JSON.parse(result.stdout) as Scored[];
      objects += scored.length;
      const scaled = scaledDeployments(readFileSync(file, 'utf8'));
      problems.push(...scored.flatMap((object) => complaints(object, scaled).map((complaint) => `${name}: ${complaint}`)));
    }
    return { summary: `${sets.length} sets, ${objects} objects`, problems: [...new Set(problems)] };
  },
};

interface ScaledObject {
  kind?: string;
  spec?: { scaleTargetRef?: { name: string } };
}

/** Names of Deployments whose replicas KEDA sets: kube-score knows HorizontalPodAutoscalers only, and misses a number in these. */
export function scaledDeployments(manifests: string): string[] {
  return yaml
    .parseAllDocuments(manifests)
    .map((document) => (document.toJSON() ?? {}) as ScaledObject)
    .filter(({ kind }) => kind === 'ScaledObject')
    .map(({ spec }) => spec?.scaleTargetRef?.name ?? '');
}

/** @returns what kube-score holds against an object, a line for each */
export function complaints({ object_name, checks }: Scored, scaled: readonly string[]): string[] {
  return checks
    .filter(({ skipped, grade }) => !skipped && grade <= WARNING)
    .filter(({ check }) => check.id !== 'deployment-replicas' || !scaled.some((name) => object_name.endsWith(`/${name}`)))
    .flatMap(({ check, comments }) =>
      (comments ?? []).map(({ path, summary }) => `${object_name}: ${check.id}: ${path} ${summary}`.trim()),
    );
}
