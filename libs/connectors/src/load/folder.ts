import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectorError } from './connector-error.js';

export interface ConnectorFolder {
  name: string;
  manifest: string;
  /** Undefined where there is no tools.yaml: a provider to connect to, whose tools come from elsewhere. */
  tools: string | undefined;
  /** Undefined where none of its tools is behind a unified one. */
  unified: string | undefined;
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

function fileAt(...path: string[]): string | undefined {
  const file = join(...path);
  return isFile(file) ? file : undefined;
}

/**
 * Every `<dir>/<connector>/connector.yaml`, with `tools.yaml` where there is one. Other folders, and hidden ones, are passed over.
 * @throws ConnectorError where there is none, or tools without the provider that they are for
 */
export function listConnectors(dir: string): ConnectorFolder[] {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw problem(dir, 'there is no such folder of connectors');
  const folders = readdirSync(dir)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => ({
      ...{ name, manifest: join(dir, name, 'connector.yaml') },
      ...{ tools: fileAt(dir, name, 'tools.yaml'), unified: fileAt(dir, name, 'unified.yaml') },
    }))
    .filter(({ manifest, tools }) => tools !== undefined || isFile(manifest));
  for (const { manifest } of folders) {
    if (!isFile(manifest)) throw problem(manifest, 'the file is missing: tools need the provider that they are for');
  }
  if (folders.length === 0) throw problem(dir, 'there is no connector in this folder');
  return folders;
}

export function problem(file: string, detail: string): ConnectorError {
  return new ConnectorError([{ file, line: 1, pointer: '', detail }]);
}
