import { join, resolve } from 'node:path';
import { root } from '../root.js';

/** KEYWARD_HOME, relative to where the command was called; else `.keyward` in the clone. */
export function defaultDir(): string {
  const chosen = process.env['KEYWARD_HOME'];
  if (chosen === undefined || chosen === '') return join(root, '.keyward');
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), chosen);
}
