import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { removeWhenGone } from '@keyward/embedded';
import { updateSchemas } from './schemas/update.js';
import { apiserver } from './steps/apiserver.js';
import { STEPS, verify } from './verify.js';
import { findGo } from './toolbox/go.js';
import { ensureControlPlane, ensureToolbox } from './toolbox/toolbox.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SCHEMAS = join(ROOT, 'tools/verify/schemas');
const NO_GO = 3;

const USAGE = `Usage: npm run verify:k8s [-- --only STEP]… [-- --if-possible] [-- --apiserver] [-- --keep]

Proves the Helm chart (helm/keyward) and k8s/ without a cluster. The programs it runs are built once with Go, at the versions
that tools/verify/go pins, and kept in the user's cache (KEYWARD_CACHE_DIR).

${STEPS.map(({ name, shows }) => `  ${name.padEnd(15)} ${shows}`).join('\n')}

  --only STEP       this step only; may be repeated, or be several with commas between them
  --if-possible     without Go: say so and exit with 0 (otherwise with 3)
  --apiserver       apply everything to a real kube-apiserver, too (dry run); building it takes five minutes once, and it 300 MB
  --keep            leave what was rendered where it is, and say where
  --update-schemas  take the schemas in tools/verify/schemas anew from the Go modules that src/schemas/catalog.ts names

Exits with 0 when everything holds, 1 when something does not, 2 when it was called wrongly, 3 when there is no Go.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      'if-possible': { type: 'boolean', default: false },
      'update-schemas': { type: 'boolean', default: false },
      apiserver: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const only = values.only.flatMap((names) => names.split(','));
  const unknown = only.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) throw new TypeError(`There is no step ${unknown.join(', ')}.`);
  const go = await findGo();
  if (go === undefined) {
    console.log('The chart is not verified: that needs Go (https://go.dev/dl), and there is none on this machine.');
    return values['if-possible'] ? 0 : NO_GO;
  }
  if (values['update-schemas']) {
    await updateSchemas(SCHEMAS, go, console.log);
    return 0;
  }
  const tools = await ensureToolbox(join(ROOT, 'tools/verify/go'), go, console.log);
  const more = values.apiserver
    ? [apiserver(await ensureControlPlane(join(ROOT, 'tools/verify/go-apiserver'), go, console.log))]
    : [];
  const directory = mkdtempSync(join(tmpdir(), 'keyward-verify-'));
  if (!values.keep) removeWhenGone(directory);
  try {
    return (await verify({ root: ROOT, schemas: SCHEMAS, directory, tools, only, more, say: console.log })) ? 0 : 1;
  } finally {
    if (values.keep) console.log(`Rendered: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const called = error instanceof TypeError;
  console.error(called ? `${error.message}\n\n${USAGE}` : error instanceof Error ? error.message : String(error));
  process.exitCode = called ? 2 : 1;
}
