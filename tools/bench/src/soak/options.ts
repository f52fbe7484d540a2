import { parseArgs } from 'node:util';

export interface SoakOptions {
  ratePerSecond: number;
  minutes: number;
  everySeconds: number;
  json: string | undefined;
}

export const USAGE = `npm run soak -- [options]

Keeps one rate of executions up for a long time and tells whether the platform stays as it is: memory and open files of every service,
and how long calls take. Four of five calls read, the fifth writes under an idempotency key. A stack of its own; a running one is left
alone.

  --rate N          executions per second (default 200)
  --minutes N       how long, after two minutes of warming up (default 30)
  --every N         seconds between two readings (default 15)
  --json FILE       write every reading as well
  --help            this text

Exits 0 when every call succeeded and nothing grows, 1 otherwise.`;

/** @throws Error with a sentence for people. @returns undefined where help was asked for. */
export function parseSoakOptions(argv: readonly string[]): SoakOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rate: { type: 'string', default: '200' },
      minutes: { type: 'string', default: '30' },
      every: { type: 'string', default: '15' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    ratePerSecond: within('rate', values.rate, 1, 10_000),
    minutes: within('minutes', values.minutes, 1, 1_440),
    everySeconds: within('every', values.every, 1, 600),
    json: values.json,
  };
}

function within(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!(value >= least && value <= most)) throw new Error(`--${name} takes a number from ${least} to ${most}.`);
  return value;
}
