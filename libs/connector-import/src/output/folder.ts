import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConnectorError, loadCatalog } from '@keyward/connectors';
import { parse } from 'yaml';
import { ImportError } from '../import-error.js';
import { ownNode } from '../node.js';
import { readRecord, type ImportRecord } from './record.js';
import { splitFile, type ToolFile } from './split-file.js';

export const RECORD = '.import.json';

/** A connector's folder as it is. */
export interface Folder {
  /** Path below the folder → text. */
  readonly files: ReadonlyMap<string, string>;
  /** Files of tools, taken apart. */
  readonly toolFiles: ReadonlyMap<string, ToolFile>;
  readonly record: ImportRecord | undefined;
}

/** @throws ImportError where it holds something that no import made */
export function readFolder(dir: string): Folder {
  const names = ['connector.yaml', 'tools.yaml', 'review.yaml', RECORD, ...toolFilesIn(dir)];
  const files = new Map(
    names.filter((name) => isFile(join(dir, name))).map((name) => [name, readFileSync(join(dir, name), 'utf8')]),
  );
  const record = readRecord(files.get(RECORD) ?? '');
  if (record === undefined && files.size > 0)
    throw new ImportError(
      `${dir} holds a connector that was not imported.`,
      'Choose another name (--name), or another folder (--out).',
    );
  const toolFiles = new Map(
    [...files].filter(([name]) => isToolFile(name)).map(([name, text]) => [name, splitFile(text, join(dir, name))]),
  );
  return { files, toolFiles, record };
}

export function isToolFile(name: string): boolean {
  return name === 'tools.yaml' || name.startsWith('tools/');
}

function toolFilesIn(dir: string): string[] {
  const folder = join(dir, 'tools');
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    .sort()
    .map((name) => `tools/${name}`);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Loads the files as a service would, beside everything else.
 * @throws ImportError with what is wrong in them
 */
export function verify(name: string, files: ReadonlyMap<string, string>): void {
  const stage = mkdtempSync(join(tmpdir(), 'keyward-import-'));
  try {
    writeFiles(join(stage, name), files);
    loadCatalog(stage, { [name]: sampleVariables(files.get('connector.yaml') ?? '') });
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const problems = error.message.replaceAll(`${stage}/`, '');
    throw new ImportError(
      `The connector would not load:\n${problems}`,
      'Where it was edited by hand, mend that; else leave these operations out with --exclude.',
      { cause: error },
    );
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Variables that somebody has declared since: a deployment sets them. */
function sampleVariables(manifest: string): Record<string, string> {
  const names = Object.keys(ownNode(parse(manifest), 'variables'));
  return Object.fromEntries(
    names.map((each) => [each, manifest.includes(`\${${each}}/`) ? 'https://variable.example' : 'sample']),
  );
}

/** Writes what differs, each file at once, and removes what is no longer one of them. @returns paths of what was written or removed */
export function replaceFolder(dir: string, before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  writeFiles(dir, new Map([...after].filter(([name, text]) => before.get(name) !== text)));
  for (const name of before.keys()) if (!after.has(name)) rmSync(join(dir, name), { force: true });
}

function writeFiles(dir: string, files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
}
