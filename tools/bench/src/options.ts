import { parseArgs } from 'node:util';

export const MEASUREMENTS = [
  'P1',
  'P2',
  'P3',
  'P4',
  'P5',
  'P6',
  'P7',
  'P9',
  'P10',
  'P12',
  'P13',
  'P14',
  'P15',
  'P16',
  'P17',
  'P18',
  'P19',
  'P20',
  'P21',
] as const;
export type MeasurementId = (typeof MEASUREMENTS)[number];

export interface Options {
  only: readonly MeasurementId[];
  json: string | undefined;
  measureMs: number;
}

export const USAGE = `npm run bench -- [options]

Measures the platform on this machine, each figure beside its floor from the same run, and prints one table.
It starts a stack of its own and leaves a running one alone. Expect fifteen minutes.

  --only P1,P2     just these of ${MEASUREMENTS.join(', ')}
  --seconds N      how long each loop is measured (default 8)
  --json FILE      write [{id, name, value, unit, floor, ratio, target, pass}] as well
  --help           this text

Exits 0 when everything was measured, whether or not a target was met; 1 when something could not be measured.`;

/** @throws Error with a sentence for people. @returns undefined where help was asked for. */
export function parseOptions(argv: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      seconds: { type: 'string', default: '8' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const seconds = Number(values.seconds);
  if (!(seconds >= 1 && seconds <= 600)) throw new Error('--seconds takes a number from 1 to 600.');
  return { only: parseOnly(values.only), json: values.json, measureMs: seconds * 1000 };
}

function parseOnly(text: string | undefined): readonly MeasurementId[] {
  if (text === undefined) return MEASUREMENTS;
  const asked = text.split(',').map((id) => id.trim().toUpperCase());
  const unknown = asked.filter((id) => !(MEASUREMENTS as readonly string[]).includes(id));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(', ')}; there are ${MEASUREMENTS.join(', ')}.`);
  return MEASUREMENTS.filter((id) => asked.includes(id));
}
