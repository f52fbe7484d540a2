const MAX_DEPTH = 300;
const MAX_VALUES = 5_000_000;

/** What is wrong with a document before anything is made of it; keys that would reach a prototype are a problem too. */
export function shapeProblem(document: unknown): string | undefined {
  // Without recursion: what is too deep must not end the stack. Aliases count as often as they stand there.
  const open: { node: object; depth: number }[] = [];
  let values = 0;
  const add = (node: unknown, depth: number) => {
    values++;
    if (typeof node === 'object' && node !== null) open.push({ node, depth });
  };
  add(document, 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`;
    if (values > MAX_VALUES) return `it holds more than ${MAX_VALUES} values`;
    if (Array.isArray(node)) for (const item of node) add(item, depth + 1);
    else {
      for (const key of Object.keys(node)) {
        if (key === '__proto__') return 'it has a member "__proto__"';
        add((node as Readonly<Record<string, unknown>>)[key], depth + 1);
      }
    }
  }
  return undefined;
}
