import { parseSpec, readSpecFile } from '../sources/spec-file.js';
import type { SourceFile } from '../sources/vendor-source.js';
import type { SourceFacts } from '@keyward/vendor-emulation';
import { corrected } from './corrected.js';
import type { Description } from './description.js';
import { readEndpoints, readMethods } from './readers/arguments.js';
import { readDiscovery } from './readers/discovery.js';
import { readGraphNodes } from './readers/graph-nodes.js';
import { readOpenApi } from './readers/openapi.js';
import { readFacts, readPostman } from './readers/paths-alone.js';

const READERS = {
  openapi: readOpenApi,
  discovery: readDiscovery,
  methods: readMethods,
  endpoints: readEndpoints,
  'graph-nodes': readGraphNodes,
  postman: readPostman,
  facts: readFacts,
} as const;

/** One file of the descriptions, and what the contract says of its origin. */
export function readDescription(dir: string, source: SourceFile): { description: Description; facts: SourceFacts } {
  const { text, sha256 } = readSpecFile(dir, source.file);
  if (source.format === 'graphql') throw new Error(`${source.file} is no description of paths`);
  const { file, date, licence } = source;
  return {
    description: corrected(READERS[source.format](parseSpec(file, text), source), source),
    facts: { file, sha256, date, licence },
  };
}
