import { parseArgs } from 'node:util';

export interface Options {
  seeds: readonly number[];
  /** Of crash points only those that have this in their name; undefined: none. */
  point: string | undefined;
  table: string | undefined;
}

const SCHEDULES = 200;

export const USAGE = `npm run test:faults -- [options]

Proves what docs/refresh.md promises. Two or three refreshers, each a process of its own, over a real PostgreSQL, NATS, KMS and
authorization servers; and then everything goes wrong. First every point of a refresh at which a process may die, at four kinds of
providers; then schedules of faults that follow from seeds. Expect a quarter of an hour.

  --seeds N      this many schedules (default ${SCHEDULES}); 0: only the crash points
  --from X       the first seed (default 1)
  --seed X,Y     only these schedules
  --point TEXT   only crash points that have this in their name, and no schedules
  --no-points    without the crash points
  --table FILE   write what happened at each crash point as Markdown
  --help         this text

With KEYWARD_LOG_LEVEL=debug the refreshers tell what they do. Exits 0 when no promise was broken, 1 when one was, or something could not be tried.`;

/** @throws Error with a sentence for people. @returns undefined where help was asked for. */
export function parseOptions(argv: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      from: { type: 'string', default: '1' },
      point: { type: 'string' },
      'no-points': { type: 'boolean', default: false },
      table: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (values.seeds !== undefined && values.seed !== undefined) throw new Error('Either --seeds or --seed, not both.');
  const { table, point = values['no-points'] || values.seed !== undefined ? undefined : '' } = values;
  if (values.seed !== undefined)
    return { seeds: values.seed.split(',').map((one) => wholeNumber('--seed', one, 0)), point, table };
  const count = wholeNumber('--seeds', values.seeds ?? String(values.point === undefined ? SCHEDULES : 0), 0);
  const first = wholeNumber('--from', values.from, 0);
  return { seeds: Array.from({ length: count }, (_, at) => first + at), point, table };
}

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > 0xffff_ffff)
    throw new Error(`${option} takes a whole number from ${least} to ${0xffff_ffff}.`);
  return number;
}
