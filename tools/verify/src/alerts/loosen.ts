import { setOperations, withoutLabels } from './promql.js';
import type { Alert, Rule } from './rules.js';

/** An alert that was made to tell too early, too late, of too much, or of too little. */
export interface Loosened {
  /** For people: the alert and what was changed in it. */
  what: string;
  rules: Rule[];
}

interface Edit {
  from: string;
  to: string;
  expr: string;
}

const OPPOSITE: Readonly<Record<string, string>> = { '>': '<', '>=': '<', '<': '>', '<=': '>', '==': '!=', '!=': '==' };
const WINDOW = /(?<=\[|offset )(\d+)([mhd])\b/g;

/** Every way in which an alert is loosened. What it stands on is changed in its windows only, all of one length at once. */
export function loosen({ name, rule, recordings }: Alert): Loosened[] {
  const edits = [...thresholds(rule.expr), ...conditions(rule.expr)].map(({ from, to, expr }) => ({
    what: `${name}: \`${from}\` → \`${to}\` in \`${oneLine(expr)}\``,
    rules: [...recordings, { ...rule, expr }],
  }));
  return [...edits, ...waits({ name, rule, recordings }), ...windows({ name, rule, recordings })];
}

function replaced(text: string, index: number, from: string, to: string): Edit {
  return { from: oneLine(from), to: oneLine(to), expr: text.slice(0, index) + to + text.slice(index + from.length) };
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** Twice and half of each number that something is compared with (above and below of 0), and the opposite comparison. */
function thresholds(expr: string): Edit[] {
  return [...withoutLabels(expr).matchAll(/(>=|<=|==|!=|>|<)(\s*)(\d+(?:\.\d+)?)?/g)].flatMap((found) => {
    const [text, operator = '', space = '', number] = found;
    const flipped = `${OPPOSITE[operator] ?? ''}${space}${number ?? ''}`;
    const limits = number === undefined ? [] : Number(number) === 0 ? [1, -1] : [Number(number) * 2, Number(number) / 2];
    return [flipped, ...limits.map((limit) => `${operator}${space}${limit}`)].map((to) => replaced(expr, found.index, text, to));
  });
}

/** Each side of `and`, `or` and `unless` left out. */
function conditions(expr: string): Edit[] {
  return setOperations(expr).flatMap(({ left, operator, right }) => {
    const without = [replaced(expr, operator.start, expr.slice(operator.start, right.end), ' ')];
    if (left !== undefined) without.push(replaced(expr, left.start, expr.slice(left.start, operator.end), ' '));
    return without.map((edit) => ({ ...edit, to: '' }));
  });
}

function waits({ name, rule, recordings }: Alert): Loosened[] {
  const { for: wait, ...immediate } = rule;
  const [, amount, unit] = /^(\d+)(\w+)$/.exec(wait ?? '') ?? [];
  if (amount === undefined || unit === undefined) return [];
  const longer = `${Number(amount) * 3}${unit}`;
  return [
    { what: `${name}: \`for: ${wait}\` → \`for: ${longer}\``, rules: [...recordings, { ...rule, for: longer }] },
    { what: `${name}: \`for: ${wait}\` → \`\``, rules: [...recordings, immediate] },
  ];
}

function windows({ name, rule, recordings }: Alert): Loosened[] {
  const rules = [...recordings, rule];
  const lengths = new Set(rules.flatMap(({ expr }) => [...expr.matchAll(WINDOW)].map(([length]) => length)));
  return [...lengths].map((length) => {
    const longer = length.replace(/^\d+/, (amount) => String(Number(amount) * 3));
    const stretch = (expr: string): string => expr.replaceAll(WINDOW, (found) => (found === length ? longer : found));
    return {
      what: `${name}: \`${length}\` → \`${longer}\``,
      rules: rules.map((one) => ({ ...one, expr: stretch(one.expr) })),
    };
  });
}
