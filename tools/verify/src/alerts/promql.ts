/** From `start` up to but without `end`, counted in characters of the expression. */
export interface Span {
  start: number;
  end: number;
}

export interface SetOperation {
  /** Where the operation is the first in its parentheses; otherwise what stands left is an operation itself. */
  left: Span | undefined;
  /** With the labels that it matches on. */
  operator: Span;
  right: Span;
}

/** The expression with label matchers blanked out; every other character stays in its place. */
export function withoutLabels(expr: string): string {
  return expr.replaceAll(/\{[^}]*\}/g, (labels) => ' '.repeat(labels.length));
}

/** Every `and`, `or` and `unless`, in parentheses too, with what stands on its sides. */
export function setOperations(expr: string): SetOperation[] {
  const text = withoutLabels(expr);
  return [...text.matchAll(/\b(?:and|or|unless)\b(?:\s+(?:on|ignoring)\s*\([^)]*\))?/g)].map((found) => {
    const operator = { start: found.index, end: found.index + found[0].length };
    const before = reach(text, operator.start - 1, -1);
    const after = reach(text, operator.end, 1);
    return {
      operator,
      left: before.first ? { start: before.at + 1, end: operator.start } : undefined,
      right: { start: operator.end, end: after.at },
    };
  });
}

/** To the parenthesis around, the next operator of the same depth, or the end. */
function reach(text: string, from: number, step: 1 | -1): { at: number; first: boolean } {
  const [deeper, out] = step === 1 ? ['(', ')'] : [')', '('];
  let depth = 0;
  for (let at = from; at >= 0 && at < text.length; at += step) {
    if (text[at] === deeper) depth += 1;
    else if (text[at] === out && depth-- === 0) return { at, first: true };
    else if (depth === 0 && isOperator(text, at)) return { at, first: false };
  }
  return { at: step === 1 ? text.length : -1, first: true };
}

function isOperator(text: string, at: number): boolean {
  const operator = /\b(?:and|or|unless)\b/y;
  operator.lastIndex = at;
  return operator.test(text);
}
