import { readFileSync } from 'node:fs';
import ts from 'typescript';

const STARTERS = new Set(['it', 'test', 'describe']);
const NOT_RUN = new Set(['skip', 'todo', 'failing']);

/** The tests of a file that are run, as `suite › test`, each name as it is written: with its placeholders. */
export function namedTests(file: string): Set<string> {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = new Set<string>();
  const visit = (node: ts.Node, suites: readonly string[]): void => {
    const started = ts.isCallExpression(node) ? startedBy(node) : undefined;
    if (started === undefined) return ts.forEachChild(node, (child) => visit(child, suites));
    if (!started.isRun) return;
    const path = [...suites, started.name];
    if (!started.isSuite) found.add(path.join(' › '));
    else ts.forEachChild(node, (child) => visit(child, path));
  };
  visit(source, []);
  return found;
}

interface Started {
  name: string;
  isSuite: boolean;
  isRun: boolean;
}

/** Of `it('…')`, `it.each(…)('…')`, `test.prop(…)('…')`: what is named; undefined for any other call. */
function startedBy(call: ts.CallExpression): Started | undefined {
  const [title] = call.arguments;
  if (title === undefined || !ts.isStringLiteralLike(title)) return undefined;
  const words: string[] = [];
  let callee: ts.Expression = call.expression;
  for (;;) {
    if (ts.isCallExpression(callee) || ts.isTaggedTemplateExpression(callee)) {
      callee = ts.isCallExpression(callee) ? callee.expression : callee.tag;
    } else if (ts.isPropertyAccessExpression(callee)) {
      words.push(callee.name.text);
      callee = callee.expression;
    } else break;
  }
  if (!ts.isIdentifier(callee) || !STARTERS.has(callee.text)) return undefined;
  return { name: title.text, isSuite: callee.text === 'describe', isRun: !words.some((word) => NOT_RUN.has(word)) };
}
