interface AdfNode {
  type: string;
  version?: number;
  text?: string;
  content?: AdfNode[];
}

/** A document of the Atlassian Document Format: paragraphs stand apart by an empty line, and a line break within one stays one. */
export function adfOf(text: string): AdfNode {
  const paragraphs = text
    .split(/\r?\n[ \t]*\r?\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '');
  return {
    type: 'doc',
    version: 1,
    content: paragraphs.map((paragraph) => ({ type: 'paragraph', content: linesOf(paragraph) })),
  };
}

function linesOf(paragraph: string): AdfNode[] {
  return paragraph
    .split(/\r?\n/)
    .flatMap((line, index) => [
      ...(index === 0 ? [] : [{ type: 'hardBreak' }]),
      ...(line === '' ? [] : [{ type: 'text', text: line }]),
    ]);
}
