import { join } from 'node:path';
import { ensurePromtool } from '@keyward/observe';
import { apiVersionsOf, readCrds } from './schemas/stored.js';
import { alertMutations } from './steps/alert-mutations.js';
import { alerts } from './steps/alerts.js';
import { environment } from './steps/environment.js';
import { helm3 } from './steps/helm3.js';
import { lint } from './steps/lint.js';
import { mutations } from './steps/mutations.js';
import { podSecurity } from './steps/pod-security.js';
import { render } from './steps/render.js';
import { schemas } from './steps/schemas.js';
import { score } from './steps/score.js';
import type { Outcome, Promtool, Step, Workplace } from './steps/step.js';
import { unit } from './steps/unit.js';
import type { Toolbox } from './toolbox/toolbox.js';

/** In the order in which they run. Rendering is always done, as the others look at what comes of it. */
export const STEPS: readonly Step[] = [
  lint,
  helm3,
  schemas,
  podSecurity,
  score,
  environment,
  mutations,
  unit,
  alerts,
  alertMutations,
];

export interface VerifyOptions {
  root: string;
  schemas: string;
  directory: string;
  tools: Toolbox;
  /** Names of steps; none is all of them. */
  only: readonly string[];
  /** Steps besides, which are done whatever is named. */
  more: readonly Step[];
  say: (line: string) => void;
}

/** @returns whether everything holds */
export async function verify({ root, schemas: stored, directory, tools, only, more, say }: VerifyOptions): Promise<boolean> {
  const places = {
    chart: join(root, 'helm/keyward'),
    edges: join(root, 'tools/verify/values'),
    manifests: join(root, 'k8s'),
    directory,
  };
  const started = Date.now();
  const { rendered, outcome } = await render(places, tools, apiVersionsOf(readCrds(stored)));
  const workplace: Workplace = { ...places, root, schemas: stored, tools, rendered, promtool: promtoolOnce(say) };
  let good = tell('render', outcome, started, say);
  const wanted = STEPS.filter(({ name }) => only.length === 0 || only.includes(name));
  for (const step of [...wanted, ...more]) {
    const begun = Date.now();
    good = tell(step.name, await step.run(workplace), begun, say) && good;
  }
  return good;
}

function tell(name: string, { summary, problems, skipped }: Outcome, started: number, say: (line: string) => void): boolean {
  const verdict = problems.length > 0 ? 'FAILED' : skipped === undefined ? 'ok' : 'not done';
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(
    `${name.padEnd(15)} ${verdict.padEnd(8)} ${(skipped ?? summary).replaceAll('\n', '\n  ')}${problems.length > 0 ? `: ${problems.length} problems` : ''} (${seconds} s)`,
  );
  for (const problem of problems) say(`  ${problem.replaceAll('\n', '\n  ')}`);
  return problems.length === 0;
}

/** Looked for when the first step asks for it, as it may have to be fetched. */
function promtoolOnce(say: (line: string) => void): Workplace['promtool'] {
  let found: Promise<Promtool> | undefined;
  return () =>
    (found ??= ensurePromtool({ onProgress: say }).then(
      (program) => ({ program }),
      (error: unknown) => ({ missing: error instanceof Error ? error.message : String(error) }),
    ));
}
