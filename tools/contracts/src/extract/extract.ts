import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSources } from '../sources/vendor-source.js';
import { connectorsWithTools, declaredRequests } from './declared-requests.js';
import { extractRest } from './extract-rest.js';
import { writeContract } from './write-contract.js';

/** Writes the contract of each named connector that a description speaks of (none named: of all that have tools). */
export function extract(dir: string, specs: string, wanted: readonly string[]): void {
  const sources = readSources();
  for (const connector of wanted.length > 0 ? wanted : connectorsWithTools(dir)) {
    const source = sources[connector];
    if (source === undefined) {
      console.log(`${connector}: no description; its tools need \`documentation\` and \`checked\``);
      continue;
    }
    const requests = declaredRequests(dir, connector);
    const { contract, missing } = extractRest(connector, specs, source.files, requests);
    const file = join(dir, connector, 'contract.json');
    const before = read(file);
    const text = writeContract(contract);
    if (text !== before) writeFileSync(file, text);
    const operations = Object.values(contract.paths).reduce((sum, item) => sum + Object.keys(item).length - 1, 0);
    console.log(
      `${connector}: ${operations} operations, ${(text.length / 1024).toFixed(0)} KiB${text === before ? ', as before' : ''}`,
    );
    for (const { tool, id, method, address } of missing) {
      console.log(
        `  ${tool} (${id}): not described: ${method.toUpperCase()} ${address ?? '(an address that an earlier step tells)'}`,
      );
    }
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
