import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { environment } from './environment.js';
import { podSecurity } from './pod-security.js';
import { schemas } from './schemas.js';
import { score } from './score.js';
import type { Rendered, Step } from './step.js';

interface Mutation {
  step: Step;
  from: string;
  to: string;
}

/** What a step must notice. Each changes every place of a rendering that has the text. */
const MUTATIONS: readonly Mutation[] = [
  { step: schemas, from: 'readinessProbe:', to: 'readynessProbe:' },
  { step: schemas, from: 'containerPort: 9100', to: "containerPort: '9100'" },
  { step: schemas, from: 'podMetricsEndpoints:', to: 'endpoints:' },
  { step: schemas, from: 'policyTypes:', to: 'policies:' },
  { step: podSecurity, from: 'runAsNonRoot: true', to: 'runAsNonRoot: false' },
  { step: podSecurity, from: 'allowPrivilegeEscalation: false', to: 'allowPrivilegeEscalation: true' },
  { step: podSecurity, from: 'RuntimeDefault', to: 'Unconfined' },
  { step: score, from: 'readOnlyRootFilesystem: true', to: 'readOnlyRootFilesystem: false' },
  { step: score, from: 'readinessProbe:', to: 'startupProbeOld:' },
  { step: score, from: 'kind: PodDisruptionBudget', to: 'kind: Disruptions' },
  { step: environment, from: 'KEYWARD_NATS_URL', to: 'KEYWARD_NAT_URL' },
  { step: environment, from: 'KEYWARD_KMS_KEY_ID', to: 'KEYWARD_KMS_KEY_FILE_ID' },
];

/** A check that never fails shows nothing: breaks one rendering in known ways, and asks the steps that should notice. */
export const mutations: Step = {
  name: 'mutations',
  shows: 'the steps above do fail: each notices the mistakes that are put into a rendering for it',
  async run(workplace) {
    const kubernetes = KUBERNETES_VERSIONS.at(-1) ?? '';
    const name = 'chart/production-cnpg';
    const original = workplace.rendered.find((one) => one.kubernetes === kubernetes && one.name === name);
    if (original === undefined) return { summary: 'nothing to break', problems: [`${name} is not rendered.`] };
    const text = readFileSync(original.file, 'utf8');
    const problems: string[] = [];
    for (const [index, { step, from, to }] of MUTATIONS.entries()) {
      if (!text.includes(from)) {
        problems.push(`${name} has no \`${from}\` to break for ${step.name}.`);
        continue;
      }
      const file = join(workplace.directory, `mutation-${index}.yaml`);
      writeFileSync(file, text.replaceAll(from, to));
      // As every version would have it: some steps look at the oldest, some at the newest.
      const rendered: Rendered[] = [KUBERNETES_VERSIONS[0] ?? '', kubernetes].map((version) => ({
        name,
        kubernetes: version,
        file,
      }));
      const { problems: noticed } = await step.run({ ...workplace, rendered });
      if (noticed.length === 0) problems.push(`${step.name} does not notice \`${to}\` instead of \`${from}\`.`);
    }
    return { summary: `${MUTATIONS.length} mistakes noticed`, problems };
  },
};
