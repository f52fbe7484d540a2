import { parseArgs } from 'node:util';

export interface ClusterRunOptions {
  ratePerSecond: number;
  /** A commit, branch or tag to upgrade from. */
  from: string | undefined;
  json: string | undefined;
  keep: boolean;
}

export const USAGE = `npm run e2e:cluster -- [options]

Production's shape on one machine: three nats-servers that keep each stream together, two processes of every service out of the image,
one address for each service. Under steady calls every process is replaced, one after the other, then every nats-server; then one process
of every kind is killed. Afterwards every call must have been answered, every note be at the provider exactly once, and every execution in
the audit trail.

  --from REF        start with that commit, branch or tag, and replace it by this one: migration first, then the services
  --rate N          calls per second, half of which write (default 40)
  --json FILE       write the figures as well
  --keep            leave the directory with all logs, and say where it is
  --help            this text

Exits 0 when nothing was lost and nothing doubled, 1 otherwise. Takes about three minutes, with --from some five.`;

/** @throws Error with a sentence for people. @returns undefined where help was asked for. */
export function parseOptions(argv: readonly string[]): ClusterRunOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      from: { type: 'string' },
      rate: { type: 'string', default: '40' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const ratePerSecond = Number(values.rate);
  if (!(ratePerSecond >= 1 && ratePerSecond <= 1_000)) throw new Error('--rate takes a number from 1 to 1000.');
  return { ratePerSecond, from: values.from, json: values.json, keep: values.keep };
}
