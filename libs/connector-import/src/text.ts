/** Control characters, and what shows text other than it is: a description is read by people and by models. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]+/gu;

/**
 * Prose of a description as plain text on one line: links and tags give way to their text.
 * @returns undefined where nothing is left
 */
export function plain(text: unknown, most: number): string | undefined {
  if (typeof text !== 'string') return undefined;
  const line = text
    .slice(0, 20_000)
    .toWellFormed()
    .replace(/^[ \t]*>(?:[ \t]*\[!\w+\])?/gm, '')
    .replace(/<[^<>]{1,200}>/g, ' ')
    .replace(/!?\[([^[\]]{1,200})\]\([^()\s]{1,500}\)/g, '$1')
    .replace(/[*_]{2}|`{3}/g, '')
    .replace(UNSEEN, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return line === '' ? undefined : shortened(line, most);
}

/** Ends with a sentence where one ends late enough, else with a word. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = text.slice(0, most - 1).toWellFormed();
  const sentence = /^.*[.!?](?=\s)/s.exec(head)?.[0];
  if (sentence !== undefined && sentence.length > most / 3) return sentence;
  const word = head.replace(/\s\S*$/, '');
  return `${word.replace(/[\s,;:.\ufffd]+$/, '')}…`;
}
