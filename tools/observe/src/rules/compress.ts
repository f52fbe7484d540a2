import { parse, stringify } from 'yaml';
import { z } from 'zod';

const UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};
const DURATION = /^(?:\d+(?:ms|[smhdwy]))+$/;
const DURATION_IN_PROMQL = String.raw`(?:\d+(?:ms|[smhdwy]))+`;
/** Strings come first, so that nothing in them is taken for a range. */
const TIMES = new RegExp(
  String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\x60[^\x60]*\x60|\[\s*(${DURATION_IN_PROMQL})\s*(?::\s*(${DURATION_IN_PROMQL})?\s*)?\]|(\boffset\s+-?)(${DURATION_IN_PROMQL})`,
  'g',
);

const ruleFile = z.looseObject({
  groups: z.array(
    z.looseObject({
      interval: z.string().optional(),
      rules: z.array(z.looseObject({ expr: z.string(), for: z.string().optional(), keep_firing_for: z.string().optional() })),
    }),
  ),
});

/**
 * @param duration as Prometheus writes it: `1h30m`
 * @returns the same divided by `factor`, in whole ms, never 0
 * @throws Error where it is none
 */
export function compressDuration(duration: string, factor: number): string {
  if (!DURATION.test(duration)) throw new Error(`${duration} is not a duration`);
  let ms = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+)(ms|[smhdwy])/g)) ms += Number(amount) * (UNITS_MS[unit ?? ''] ?? NaN);
  const divided = Math.max(1, Math.round(ms / factor));
  return divided % 1000 === 0 ? `${divided / 1000}s` : `${divided}ms`;
}

/** Ranges, subqueries and offsets; thresholds, rates per second and names stay as they are. */
export function compressExpression(expression: string, factor: number): string {
  return expression.replace(TIMES, (whole: string, range?: string, step?: string, offset?: string, by?: string) => {
    if (range !== undefined) {
      const colon = whole.includes(':') ? `:${step === undefined ? '' : compressDuration(step, factor)}` : '';
      return `[${compressDuration(range, factor)}${colon}]`;
    }
    return offset !== undefined && by !== undefined ? `${offset}${compressDuration(by, factor)}` : whole;
  });
}

/**
 * A rule file in which time runs `factor` times as fast: all that Prometheus waits for or looks back over is divided by it.
 * @param text a Prometheus rule file
 */
export function compressRules(text: string, factor: number): string {
  const file = ruleFile.parse(parse(text));
  const shorter = <K extends string>(holder: Partial<Record<K, string | undefined>>, key: K): void => {
    const duration = holder[key];
    if (duration !== undefined) holder[key] = compressDuration(duration, factor);
  };
  for (const group of file.groups) {
    shorter(group, 'interval');
    for (const rule of group.rules) {
      rule.expr = compressExpression(rule.expr, factor);
      shorter(rule, 'for');
      shorter(rule, 'keep_firing_for');
    }
  }
  return stringify(file);
}
