import { isMap, isSeq, parseDocument, visit } from 'yaml';
import { ImportError } from '../import-error.js';
import { isNode, ownText, type Node } from '../node.js';

export interface FoundTool {
  readonly name: string;
  /** As it stands in the file, with comments before it. */
  readonly text: string;
  readonly definition: Node;
  /** What the importer writes has none. */
  readonly hasComment: boolean;
}

export interface ToolFile {
  /** What stands before the first tool. */
  readonly head: string;
  readonly tools: readonly FoundTool[];
}

/** Takes a file of tools apart without changing a character of it. @throws ImportError where it is no list of tools */
export function splitFile(text: string, path: string): ToolFile {
  const document = parseDocument(text, { version: '1.2', schema: 'core', stringKeys: true, uniqueKeys: false });
  const list = document.contents;
  if (document.errors.length > 0 || !isSeq(list) || !list.items.every(isMap))
    throw new ImportError(
      `${path} is no list of tools: ${document.errors[0]?.message.split('\n', 1)[0] ?? 'it is something else'}.`,
      'Mend it, or move it away, and import again.',
    );
  if (list.flow === true)
    throw new ImportError(
      `${path} is a list in one line.`,
      'Write one tool after the other, each after a dash, and import again.',
    );
  const starts = list.items.map((item) => startOf(text, item.range?.[0] ?? 0));
  const tools = list.items.map((item, index): FoundTool => {
    const definition: unknown = item.toJS(document, { maxAliasCount: 100 });
    const name = ownText(definition, 'name');
    if (name === undefined || !isNode(definition))
      throw new ImportError(`Tool ${index + 1} of ${path} has no name.`, 'Give it one, or remove it, and import again.');
    const own = text.slice(starts[index], starts[index + 1] ?? text.length);
    let hasComment = /^\s*#/.test(own);
    visit(item, { Node: (_key, node) => void (hasComment ||= Boolean(node.comment) || Boolean(node.commentBefore)) });
    return { name, text: own.endsWith('\n') ? own : `${own}\n`, definition, hasComment };
  });
  return { head: text.slice(0, starts[0] ?? text.length), tools };
}

/** Of the line with the dash; comments right before it belong to it, those at the very top to the file. */
function startOf(text: string, at: number): number {
  let start = lineStart(text, at);
  while (!/^\s*-/.test(text.slice(start, text.indexOf('\n', start) + 1 || undefined)) && start > 0)
    start = lineStart(text, start - 1);
  for (let before = start; before > 0;) {
    before = lineStart(text, before - 1);
    if (!text.startsWith('#', before)) break;
    if (before === 0) return start;
    start = before;
  }
  return start;
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}
