import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const CONNECTORS = ['sandbox', 'sandbox_device', 'sandbox_key', 'sandbox_mcp', 'sandbox_service'];

/** KEYWARD_CONNECTOR_VARIABLES for our own `connectors/` folder: every connector of the sandbox provider finds it at `url`. */
export function sandboxVariables(url: string): string {
  return JSON.stringify(Object.fromEntries(CONNECTORS.map((name) => [name, { url }])));
}

/**
 * KEYWARD_CONNECTORS_DIR with the connectors of the sandbox provider, and others of our own `connectors/` folder that are named: a
 * service takes a second to read all of it, and most tests have to do with the sandbox alone. Made once per machine and user; what is
 * in it are links, so that it is never stale.
 * @param connectors the folder that holds all of them
 */
export function sandboxConnectors(connectors: string, ...others: string[]): string {
  const names = [...CONNECTORS, ...others];
  const home = join(tmpdir(), `keyward-test-${userInfo().uid}`);
  const what = createHash('sha256')
    .update(JSON.stringify([connectors, names]))
    .digest('hex');
  const finished = join(home, `connectors-${what.slice(0, 16)}`);
  if (existsSync(finished)) return finished;
  mkdirSync(home, { recursive: true });
  const building = mkdtempSync(join(home, 'building-'));
  for (const name of names) symlinkSync(join(connectors, name), join(building, name));
  try {
    renameSync(building, finished);
  } catch {
    // Another test process was first.
    rmSync(building, { recursive: true, force: true });
  }
  return finished;
}
