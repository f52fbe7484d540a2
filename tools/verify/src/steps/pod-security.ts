import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import { lastWords, run } from '../toolbox/run.js';
import type { Step } from './step.js';

/** By the code of Kubernetes' own admission plugin. A pod that it would refuse is one line of its output, and its last line counts them. */
export const podSecurity: Step = {
  name: 'pod-security',
  shows: 'every pod is admitted by a namespace that enforces the Pod Security Standard `restricted`',
  async run({ rendered, tools }) {
    const files = rendered.filter(({ kubernetes }) => kubernetes === KUBERNETES_VERSIONS[0]).map(({ file }) => file);
    const versions = KUBERNETES_VERSIONS.map((version) => `v${version}`).join(',');
    const result = await run(tools['pod-security'], ['-level', 'restricted', '-versions', versions, ...files]);
    if (result.code > 1) return { summary: 'not looked at', problems: [lastWords(result)] };
    const lines = result.stdout.trimEnd().split('\n');
    const seen = lines.pop() ?? '0 pods';
    const none = seen.startsWith('0 ') ? ['There is no pod in what was rendered.'] : [];
    return { summary: `${seen}, as ${KUBERNETES_VERSIONS.length} versions judge them`, problems: [...none, ...lines] };
  },
};
