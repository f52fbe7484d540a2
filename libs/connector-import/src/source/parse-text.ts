import { parseDocument } from 'yaml';
import { ImportError } from '../import-error.js';
import { shapeProblem } from './shape.js';

/** How often an anchor may be used: more often than any description does, less than a bomb needs. */
const MAX_ALIASES = 10_000;

/**
 * A JSON or YAML text as a value, without anything that is no data: no tags, no key that would reach a prototype, bounded in depth and
 * size.
 * @throws ImportError
 */
export function parseText(text: string, name: string): unknown {
  const value = /^\s*[[{]/.test(text) ? parseJson(text, name) : parseYaml(text, name);
  const problem = shapeProblem(value);
  if (problem !== undefined)
    throw new ImportError(
      `${name} can not be taken: ${problem}.`,
      'No honest description is like that; look at where it comes from.',
    );
  return value;
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Flow style is YAML too, and hardly anything else is told apart so easily.
    if (!/^\s*\{\s*[A-Za-z]/.test(text)) throw unreadable(name, 'JSON', cause);
    return parseYaml(text, name);
  }
}

function parseYaml(text: string, name: string): unknown {
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: true,
      logLevel: 'silent',
    });
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw unreadable(name, 'YAML', cause);
  }
}

function unreadable(name: string, format: string, cause: unknown): ImportError {
  const why = cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '') : 'unknown';
  return new ImportError(
    `${name} is no ${format} that can be read: ${why.slice(0, 300)}`,
    'Mend it there, or import another file.',
    { cause },
  );
}
