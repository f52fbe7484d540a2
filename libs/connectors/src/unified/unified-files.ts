import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Of a folder of connectors: where the families of unified tools stand. No connector has this name. */
export const FAMILIES = 'unified';

/** Files of the families, `<dir>/unified/<family>.yaml`; none where there is no such folder. */
export function listFamilies(dir: string): string[] {
  const folder = join(dir, FAMILIES);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(folder)
    .filter((name) => /^[a-z][a-z0-9_]*\.yaml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
