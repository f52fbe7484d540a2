import { ENDING, READING, wordsOf } from '../names/words.js';
import type { Operation } from './operations.js';

export type Effect = 'read' | 'write' | 'destructive';

const WRITING: ReadonlySet<string> = new Set(
  'create add update upsert set put edit insert save send upload import start run move copy merge cancel close reset mark'.split(
    ' ',
  ),
);

/** What an operation does, and why that is thought where its method does not say it. */
export function effectOf({ method, path, id }: Operation): { effect: Effect; guess?: string } {
  if (method === 'GET') return { effect: 'read' };
  if (method === 'DELETE') return { effect: 'destructive' };
  const words = wordsOf(id ?? '');
  if (method === 'POST') {
    if (/[/:](?:search|query|_search|lookup)$/i.test(path))
      return { effect: 'read', guess: `a POST whose path ends in ${path.split(/[/:]/).at(-1)}: it seems to read` };
    const verb = words.find((word) => READING.has(word));
    // Such as getOrCreate.
    if (verb !== undefined && !words.some((word) => WRITING.has(word) || ENDING.has(word)))
      return { effect: 'read', guess: `a POST that is called "${verb}": it seems to read` };
  }
  const ending = words.find((word) => ENDING.has(word));
  if (ending !== undefined) return { effect: 'destructive', guess: `a ${method} that is called "${ending}"` };
  return { effect: 'write', guess: `a ${method}: it may also end something, or only read` };
}
