import { readFileSync } from 'node:fs';
import { HEADER_VALUE } from './destination.js';

/** One line, as mounted secrets hold it; the end of the line is no part of it. @throws Error that says what is wrong and not what it read */
export function readSecretFile(file: string): string {
  const text = readFileSync(file, 'utf8').trim();
  if (!HEADER_VALUE.test(text)) throw new Error('must name a file that holds one line of printable text');
  return text;
}
