import { createHash } from 'node:crypto';
import type { Note, ToolDraft } from '../draft.js';

/** What every model API accepts. */
const MAX_NAME = 64;

export interface NamedTool extends ToolDraft {
  readonly name: string;
}

/**
 * `<connector>_<verb>_<object>`, each once. An operation keeps the name that it had at an earlier import, so that a new one can't take
 * it away.
 *
 * @param before operation → name
 */
export function assignNames(connector: string, drafts: readonly ToolDraft[], before: ReadonlyMap<string, string>): NamedTool[] {
  const prefix = connector.replaceAll(/[^a-z0-9]+/g, '_').slice(0, 32);
  const taken = new Set(drafts.map(({ operation }) => before.get(operation)).filter((name) => name !== undefined));
  return drafts.map((draft) => {
    const kept = before.get(draft.operation);
    const plain = nameOf(prefix, draft.words);
    const name = kept ?? (plain.length > MAX_NAME || taken.has(plain) ? marked(plain, draft.operation, taken) : plain);
    taken.add(name);
    return { ...draft, name, notes: [...draft.notes, ...notesOf(name, plain)] };
  });
}

/** The connector's own name is not said twice: `chat_post_message` of slack, `github_get_repo` of github. */
function nameOf(prefix: string, words: readonly string[]): string {
  const rest = words.filter((word, index) => index === 0 || word !== prefix);
  return [prefix, ...rest].join('_');
}

/** The same operation gets the same mark wherever it stands. */
function marked(plain: string, operation: string, taken: ReadonlySet<string>): string {
  for (let round = 0; ; round++) {
    const mark = createHash('sha256').update(`${operation}\0${round}`).digest('hex').slice(0, 6);
    const name = `${plain.slice(0, MAX_NAME - 7).replace(/_+$/, '')}_${mark}`;
    if (!taken.has(name)) return name;
  }
}

function notesOf(name: string, plain: string): Note[] {
  if (name === plain) return [];
  const why =
    plain.length > MAX_NAME ? `${plain} is longer than ${MAX_NAME} characters` : `another operation has the name ${plain}`;
  return [{ kind: 'name', at: '/name', detail: why }];
}
