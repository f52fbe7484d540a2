import { own, ownNode, type Node } from '../node.js';

/** The schema of a good answer, and how it is read; undefined where nothing is said. */
export function answerOf(
  responses: Node,
  node: (value: unknown) => Node | undefined,
): { schema: unknown; readAs: 'json' | 'text' | 'bytes'; hasLink: boolean } {
  const statuses = Object.keys(responses)
    .filter((status) => /^2(?:\d\d|XX)$/i.test(status))
    .sort();
  const good = statuses.map((status) => node(responses[status]) ?? {});
  const response = good.find((each) => Object.keys(ownNode(each, 'content')).length > 0) ?? good[0] ?? {};
  const content = ownNode(response, 'content');
  const types = Object.keys(content);
  const json =
    types.find((type) => /^application\/json/i.test(type)) ??
    types.find((type) => /[/+]json/i.test(type)) ??
    types.find((type) => type === '*/*');
  const hasLink = Object.keys(ownNode(response, 'headers')).some((name) => name.toLowerCase() === 'link');
  if (json !== undefined) return { schema: own(content[json], 'schema'), readAs: 'json', hasLink };
  if (types.length === 0) return { schema: undefined, readAs: 'json', hasLink };
  return { schema: undefined, readAs: types.some((type) => /^text\/|xml/i.test(type)) ? 'text' : 'bytes', hasLink };
}

/** Schema of the JSON body; undefined where there is none. */
export function jsonBodyOf(body: Node | undefined): unknown {
  const content = ownNode(body, 'content');
  const type = Object.keys(content).find((each) => /[/+]json/i.test(each));
  return type === undefined ? undefined : own(content[type], 'schema');
}
