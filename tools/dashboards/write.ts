/** `node --import ./test/support/source-loader.mjs tools/dashboards/write.ts`, in the root of the repository. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { dashboards } from './dashboards.js';

const FOLDER = 'helm/keyward/dashboards';

for (const [name, dashboard] of Object.entries(dashboards)) {
  const file = path.join(FOLDER, name);
  writeFileSync(file, await format(JSON.stringify(dashboard), { ...(await resolveConfig(file)), filepath: file }));
}
console.log(`${Object.keys(dashboards).length} dashboards in ${FOLDER}`);
