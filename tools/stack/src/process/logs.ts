import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** A log of this run alone; that of the run before is kept beside it. */
export function newLog(directory: string, name: string): string {
  const file = join(directory, `${name}.log`);
  if (existsSync(file)) renameSync(file, join(directory, `${name}.previous.log`));
  return file;
}

/** The last lines, for messages. */
export function logTail(file: string, lines = 30): string {
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
