import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSpecFile } from '../sources/spec-file.js';
import { readSources, type SourceFile } from '../sources/vendor-source.js';
import { connectorsWithTools, declaredRequests, type DeclaredRequest } from './declared-requests.js';
import { extractGraphql } from './extract-graphql.js';
import { extractRest } from './extract-rest.js';
import { writeContract } from './write-contract.js';

interface Extracted {
  readonly file: 'contract.json' | 'contract.graphql';
  readonly text: string;
  readonly holds: string;
  /** Requests that no description lists. */
  readonly missing: readonly DeclaredRequest[];
}

/** Writes the contract of each named connector that a description speaks of (none named: of all that have tools). */
export function extract(dir: string, specs: string, wanted: readonly string[]): void {
  const sources = readSources();
  for (const connector of wanted.length > 0 ? wanted : connectorsWithTools(dir)) {
    const source = sources[connector];
    if (source === undefined) {
      console.log(`${connector}: no description; its tools need \`documentation\` and \`checked\``);
      continue;
    }
    const { file, text, holds, missing } = extracted(connector, specs, source.files, declaredRequests(dir, connector));
    const before = read(join(dir, connector, file));
    if (text !== before) writeFileSync(join(dir, connector, file), text);
    console.log(`${connector}: ${holds}, ${(text.length / 1024).toFixed(0)} KiB${text === before ? ', as before' : ''}`);
    for (const { tool, id, method, address } of missing) {
      console.log(
        `  ${tool} (${id}): not described: ${method.toUpperCase()} ${address ?? '(an address that an earlier step tells)'}`,
      );
    }
  }
}

function extracted(
  connector: string,
  specs: string,
  files: readonly SourceFile[],
  requests: readonly DeclaredRequest[],
): Extracted {
  const sdl = files.find(({ format }) => format === 'graphql');
  if (sdl !== undefined) {
    const { text, sha256 } = readSpecFile(specs, sdl.file);
    const documents = requests.flatMap(({ document }) => (document === undefined ? [] : [document]));
    const { file, date, licence } = sdl;
    return {
      file: 'contract.graphql',
      text: extractGraphql(text, documents, { file, sha256, date, licence }),
      holds: `${documents.length} documents`,
      missing: requests.filter(({ document }) => document === undefined),
    };
  }
  const { contract, missing } = extractRest(connector, specs, files, requests);
  const operations = Object.values(contract.paths).reduce((sum, item) => sum + Object.keys(item).length - 1, 0);
  return { file: 'contract.json', text: writeContract(contract), holds: `${operations} operations`, missing };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
