import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';

export interface SpecFile {
  readonly text: string;
  readonly sha256: string;
}

/** One gzipped description. The hash is of the bytes that were compressed. */
export function readSpecFile(dir: string, name: string): SpecFile {
  const bytes = gunzipSync(readFileSync(join(dir, name)));
  return { text: bytes.toString('utf8'), sha256: createHash('sha256').update(bytes).digest('hex') };
}

export function parseSpec(name: string, text: string): unknown {
  // Descriptions hold more aliases than a parser takes by default, and dates that must stay texts.
  return name.endsWith('.json.gz') ? JSON.parse(text) : parse(text, { maxAliasCount: -1, schema: 'core' });
}
