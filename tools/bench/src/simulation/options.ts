import { parseArgs } from 'node:util';
import { QUESTIONS } from './scenarios.js';

export interface SimulationOptions {
  tokens: number;
  replicas: number;
  slots: number;
  seed: number;
  only: string[];
  costs: string | undefined;
  validate: string | undefined;
  json: string | undefined;
}

const NAMES = QUESTIONS.map(({ scenario }) => scenario.name);

export const USAGE = `npm run simulate -- [options]

Simulates many replicas of token-refresher over one database, event by event, from what a refresh costs as measured by npm run bench.
The same seed gives the same result. All scenarios with ten million tokens take some minutes and about 1 GB of memory.

  --tokens N        how many tokens (default 10000000)
  --replicas N      how many refreshers (default 8)
  --slots N         refreshes in hand of one replica, KEYWARD_REFRESH_CONCURRENCY (default 64)
  --only A,B        just these of ${NAMES.join(', ')}
  --seed N          default 1
  --costs FILE      costs from npm run bench -- --only P4,P16 --json FILE, instead of those of docs/refresh-scale.md
  --validate FILE   instead: P5 from the costs in FILE (npm run bench -- --only P4,P5,P16 --json FILE), beside what was measured
  --json FILE       write the results as well
  --help            this text`;

/** @throws Error with a sentence for people. @returns undefined where help was asked for. */
export function parseSimulationOptions(argv: readonly string[]): SimulationOptions | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...{ tokens: text, replicas: text, slots: text, only: text, seed: text, costs: text, validate: text, json: text },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const only = values.only?.split(',').map((name) => name.trim()) ?? NAMES;
  const unknown = only.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(', ')}; there are ${NAMES.join(', ')}.`);
  return {
    tokens: whole('tokens', values.tokens, 10_000_000, 50_000_000),
    replicas: whole('replicas', values.replicas, 8, 1000),
    slots: whole('slots', values.slots, 64, 1024),
    seed: whole('seed', values.seed, 1, 2 ** 32 - 1),
    only,
    costs: values.costs,
    validate: values.validate,
    json: values.json,
  };
}

function whole(name: string, text: string | undefined, standard: number, most: number): number {
  const value = text === undefined ? standard : Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Error(`--${name} takes a whole number from 1 to ${most}.`);
  return value;
}
