/** Words of an identifier in any of the usual spellings: `listForRepo`, `issues/list-for-repo`, `chat.postMessage`, `HTTPServer`. */
export function wordsOf(text: string): string[] {
  return text
    .slice(0, 300)
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

/** Verbs that are hardly ever anything else. */
const PLAIN_VERBS: ReadonlySet<string> = new Set(
  'get list search find query create add insert update set put edit replace upsert delete remove send upload download'.split(' '),
);
/** Verbs that are also what things are called, so that they count where none of the others is there. */
const OTHER_VERBS: ReadonlySet<string> = new Set(
  (
    'count read fetch lookup check export validate new post patch modify save change rename move copy merge destroy purge clear ' +
    'revoke cancel close archive unarchive restore reset import start stop run enable disable open lock unlock pin unpin star unstar ' +
    'follow unfollow block unblock subscribe unsubscribe invite join leave accept decline approve reject dismiss request review ' +
    'submit publish unpublish assign unassign watch unwatch mark transfer convert generate render redeliver test ping trigger ' +
    'dispatch apply complete'
  ).split(' '),
);

export const READING: ReadonlySet<string> = new Set([
  'get',
  'list',
  'search',
  'find',
  'query',
  'count',
  'read',
  'fetch',
  'lookup',
]);
export const ENDING: ReadonlySet<string> = new Set(['delete', 'remove', 'destroy', 'purge', 'revoke', 'clear']);

/**
 * Words of a name, a verb first: the identifier's own where it has one near an end, else the given one.
 * Neighbours that say the same twice become one: `issues/get-issue` is get issue.
 */
export function nameWords(identifier: string, verb: string): string[] {
  const words = wordsOf(identifier);
  const plain = words.findIndex((word) => PLAIN_VERBS.has(word));
  const at = plain < 0 ? words.findIndex((word) => OTHER_VERBS.has(word)) : plain;
  const first = at < 0 ? verb : (words[at] as string);
  const rest = words.filter((_word, index) => index !== at);
  return [first, ...rest].filter(
    (word, index, all) => index === 0 || stem(word) !== stem(all[index - 1] as string) || index === 1,
  );
}

/** Of a path: its fixed segments, the version and the like apart. */
export function pathWords(path: string, method: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  const fixed = segments.filter((segment) => !segment.includes('{') && !/^(?:v?\d+(?:\.\d+)*|api|rest|latest)$/i.test(segment));
  const isOfOne = segments.at(-1)?.includes('{') === true;
  const last = fixed.slice(-3).flatMap(wordsOf);
  const words = isOfOne && last.length > 0 ? [...last.slice(0, -1), stem(last.at(-1) as string)] : last;
  return nameWords(words.join(' '), verbOf(method, isOfOne));
}

export function verbOf(method: string, isOfOne: boolean): string {
  if (method === 'GET') return isOfOne ? 'get' : 'list';
  return { POST: 'create', PUT: 'set', PATCH: 'update', DELETE: 'delete' }[method] ?? method.toLowerCase();
}

/** Good enough to tell that two words are one. */
function stem(word: string): string {
  return word.replace(/ies$/, 'y').replace(/(?<=(?:ch|sh|ss|x))es$|(?<![su])s$/, '');
}
