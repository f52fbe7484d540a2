import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConnectorError, loadCatalog, type Catalog } from '@keyward/connectors';
import { readVariables } from '../vendor/connector-facts.js';

/** A provider that the deployment names is not asked anything here. */
const NOWHERE = 'http://127.0.0.1:9';

/** These connectors alone, so that one that somebody is writing does not hold up the others. */
export function loadConnectors(dir: string, connectors: readonly string[]): Catalog {
  const staged = mkdtempSync(join(tmpdir(), 'keyward-contracts-'));
  try {
    for (const connector of connectors) symlinkSync(resolve(dir, connector), join(staged, connector));
    return loadCatalog(staged, variablesOf(dir, connectors));
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    throw new ConnectorError(error.problems.map((problem) => ({ ...problem, file: problem.file.replace(staged, 'connectors') })));
  } finally {
    rmSync(staged, { recursive: true });
  }
}

function variablesOf(dir: string, connectors: readonly string[]): Record<string, Record<string, string>> {
  const declared = connectors.map((name) => [name, readVariables(join(dir, name))] as const);
  return Object.fromEntries(
    declared
      .filter(([, names]) => names.length > 0)
      .map(([connector, names]) => [connector, Object.fromEntries(names.map((name) => [name, NOWHERE]))]),
  );
}
