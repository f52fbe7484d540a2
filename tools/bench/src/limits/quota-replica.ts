import { setImmediate as turn } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { QuotaGates, type QuotaTerms } from '@keyward/limits';
import { createDataSource, createQuotaStore } from '@keyward/postgres';
import { Samples } from '../load/samples.js';

/**
 * One replica that wants more of a quota than there is, in a process of its own: as many loops as there are calls under way, each of which
 * takes a unit and the next one after it. One line of JSON on standard input: see `QuotaOrder`; one on standard output: `QuotaUse`.
 */
export interface QuotaOrder {
  databaseUrl: string;
  key: string;
  terms: QuotaTerms;
  loops: number;
  measureMs: number;
}

export interface QuotaUse {
  /** When each unit was used, in ms of the machine's monotonic clock, which all processes share. */
  moments: number[];
  /** ms, of a unit that was at hand; null where none was. */
  p99: number | null;
}

const machineMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

async function run({ databaseUrl, key, terms, loops, measureMs }: QuotaOrder): Promise<QuotaUse> {
  const dataSource = await createDataSource({ url: databaseUrl, applicationName: 'keyward-bench' }).initialize();
  const gates = new QuotaGates(createQuotaStore(dataSource));
  const gate = gates.gate(key, terms);
  const [moments, atHand] = [[] as number[], new Samples()];
  const until = performance.now() + measureMs;
  const { signal } = new AbortController();
  const loop = async (agent: string): Promise<void> => {
    while (performance.now() < until) {
      const began = performance.now();
      const taken = gate.tryTake(1);
      if (taken !== undefined) atHand.add(performance.now() - began);
      // Who would have to wait past the end is refused, and has nothing to do any more.
      else if (!(await gate.wait({ org: 'org_bench', agent }, { cost: 1, until, signal }).then(Boolean, () => false))) return;
      moments.push(machineMs());
      await turn();
    }
  };
  await Promise.all(Array.from({ length: loops }, (_, index) => loop(`agt_${index}`)));
  await gates.close();
  await dataSource.destroy();
  return { moments, p99: atHand.count === 0 ? null : atHand.percentile(99) };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as QuotaOrder))}\n`);
  break;
}
process.exit(0);
