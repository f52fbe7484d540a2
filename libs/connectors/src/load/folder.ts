import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectorError } from './connector-error.js';

export interface ConnectorFolder {
  name: string;
  manifest: string;
  /** `tools.yaml`, and `tools/*.yaml` of what has too many for one; none of a provider to connect to, whose tools come from elsewhere. */
  tools: readonly string[];
  /** Undefined where none of its tools is behind a unified one. */
  unified: string | undefined;
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

function fileAt(...path: string[]): string | undefined {
  const file = join(...path);
  return isFile(file) ? file : undefined;
}

/** Names of a connector's files of tools below its folder, in the order in which they are read. */
export function toolFileNames(folder: string): string[] {
  const several = join(folder, 'tools');
  const names = statSync(several, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(several) : [];
  const files = names.filter((name) => name.endsWith('.yaml') && !name.startsWith('.')).sort();
  return ['tools.yaml', ...files.map((name) => join('tools', name))].filter((name) => isFile(join(folder, name)));
}

/**
 * Every `<dir>/<connector>/connector.yaml`, with `tools.yaml` and `tools/*.yaml` where there are any. Other folders, and hidden ones, are passed over.
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
      tools: toolFileNames(join(dir, name)).map((file) => join(dir, name, file)),
      unified: fileAt(dir, name, 'unified.yaml'),
    }))
    .filter(({ manifest, tools }) => tools.length > 0 || isFile(manifest));
  for (const { manifest } of folders) {
    if (!isFile(manifest)) throw problem(manifest, 'the file is missing: tools need the provider that they are for');
  }
  if (folders.length === 0) throw problem(dir, 'there is no connector in this folder');
  return folders;
}

export function problem(file: string, detail: string): ConnectorError {
  return new ConnectorError([{ file, line: 1, pointer: '', detail }]);
}
