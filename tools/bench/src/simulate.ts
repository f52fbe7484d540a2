import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Figure } from './figure.js';
import { measuredCosts } from './simulation/costs.js';
import { MEASURED, type Model } from './simulation/model.js';
import { parseSimulationOptions, USAGE, type SimulationOptions } from './simulation/options.js';
import { comparison, report } from './simulation/report.js';
import type { Result } from './simulation/result.js';
import { QUESTIONS } from './simulation/scenarios.js';
import { Simulation } from './simulation/simulation.js';
import { validate } from './simulation/validate.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Relative to where the user called from, which the launcher passes on. */
const resolved = (file: string) => path.resolve(process.env['INIT_CWD'] ?? process.cwd(), file);

async function figuresIn(file: string): Promise<Figure[]> {
  return JSON.parse(await readFile(resolved(file), 'utf8')) as Figure[];
}

async function modelOf({ costs, replicas, slots }: SimulationOptions): Promise<Model> {
  // What audit-service and the bus do is done on other machines than the refresher's.
  const measured = costs === undefined ? {} : { ...measuredCosts(await figuresIn(costs)), othersMs: 0 };
  return { ...MEASURED, ...measured, replicas, slots };
}

async function main(): Promise<void> {
  const options = parseSimulationOptions(process.argv.slice(2));
  if (options === undefined) return say(USAGE);
  if (options.validate !== undefined) {
    return say(comparison(validate(await figuresIn(options.validate), os.availableParallelism(), options.seed)));
  }
  const model = await modelOf(options);
  const results: Result[] = [];
  for (const { asks, scenario } of QUESTIONS) {
    if (!options.only.includes(scenario.name)) continue;
    const result = new Simulation(model, { ...scenario, tokens: options.tokens, seed: options.seed }).run();
    say(report(asks, scenario, result));
    results.push(result);
  }
  if (options.json !== undefined) await writeFile(resolved(options.json), `${JSON.stringify({ model, results }, null, 2)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`The simulation could not be finished. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
