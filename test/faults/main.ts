/** `npm run test:faults` */
import { writeFile } from 'node:fs/promises';
import { Replica } from '../../apps/token-refresher/test/faults/replica.js';
import { keyService } from './key-service.js';
import { crashPoints } from './crash-points.js';
import { blowsAt, crashAt, type Blow, type CrashResult } from './crash-run.js';
import { crashTables } from './crash-table.js';
import { FaultWorld } from './fault-world.js';
import { parseOptions, USAGE, type Options } from './options.js';
import { runSchedule, type ScheduleResult } from './run-schedule.js';
import { scheduleOf } from './schedule.js';
import { Site } from './site.js';

const BLOWS: readonly Blow[] = ['kill', 'sleep', 'hang', 'close'];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function runCrashPoints(name: string): Promise<CrashResult[]> {
  const kms = await keyService();
  if (kms === undefined) say('There is no KMS emulator here: what the key service is asked is not interrupted.');
  const points = crashPoints.filter((point) => point.name.includes(name) && (kms !== undefined || point.needsKms !== true));
  const all = BLOWS.flatMap((blow) => points.filter((point) => blowsAt(point).includes(blow)).map((point) => ({ point, blow })));
  const faultWorld = await FaultWorld.create(kms === undefined ? {} : { kms });
  const sites = await Promise.all(['a', 'b', 'c'].map((name) => Site.open(faultWorld, name)));
  const results: CrashResult[] = [];
  try {
    for (const [at, { point, blow }] of all.entries()) {
      const startedAt = performance.now();
      const found = await crashAt(point, blow, faultWorld, sites).catch((error: unknown) => [notDone(point.name, blow, error)]);
      results.push(...found);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const broken = found.flatMap(({ violations }) => violations);
      say(`crash point ${at + 1}/${all.length} ${blow}, ${point.name}: ${broken.length === 0 ? 'ok' : 'BROKEN'} in ${seconds} s`);
      for (const violation of broken) say(`    ${violation}`);
    }
  } finally {
    Replica.keepSpares(0);
    await Promise.all(sites.map((site) => site.close()));
    await faultWorld.close();
    await kms?.stop();
  }
  return results;
}

function notDone(point: string, blow: Blow, error: unknown): CrashResult {
  const violations = [error instanceof Error ? error.message : String(error)];
  return { point, blow, behaviour: 'strict', provider: undefined, ours: '', outcome: 'not tried', violations };
}

async function runSchedules(seeds: readonly number[]): Promise<ScheduleResult[]> {
  if (seeds.length === 0) return [];
  const faultWorld = await FaultWorld.create();
  const sites = await Promise.all(['a', 'b', 'c'].map((name) => Site.open(faultWorld, name)));
  const results: ScheduleResult[] = [];
  try {
    for (const [at, seed] of seeds.entries()) {
      const result = await runSchedule(scheduleOf(seed), faultWorld, sites);
      results.push(result);
      const verdict = result.violations.length === 0 ? 'ok' : 'BROKEN';
      say(
        `schedule ${at + 1}/${seeds.length} seed ${seed}: ${verdict}, ${result.connections} connections, ${result.refreshes} refreshes, ` +
          `${result.kills} processes died, ${result.needsReauthorization} answers lost, in ${(result.durationMs / 1000).toFixed(1)} s`,
      );
      for (const violation of result.violations) say(`    ${violation}`);
    }
  } finally {
    Replica.keepSpares(0);
    await Promise.all(sites.map((site) => site.close()));
    await faultWorld.close();
  }
  return results;
}

function summary(crashes: readonly CrashResult[], schedules: readonly ScheduleResult[]): string {
  const sum = (of: (result: ScheduleResult) => number) => schedules.reduce((total, one) => total + of(one), 0);
  const brokenCrashes = crashes.filter(({ violations }) => violations.length > 0).length;
  const broken = schedules.filter(({ violations }) => violations.length > 0).map(({ seed }) => seed);
  return [
    '',
    `crash points                  ${crashes.length} (point × kind of provider), ${brokenCrashes} with a broken promise`,
    `schedules                     ${schedules.length}, ${broken.length} with a broken promise${broken.length === 0 ? '' : `: seeds ${broken.join(', ')}`}`,
    `connections                   ${sum((one) => one.connections)}`,
    `refreshes stored              ${sum((one) => one.refreshes)}`,
    `processes that died           ${sum((one) => one.kills)}`,
    `answers lost for good         ${sum((one) => one.needsReauthorization)}`,
    `refresh tokens used twice     ${sum((one) => one.reuseDetections)}`,
  ].join('\n');
}

async function run(options: Options): Promise<boolean> {
  const crashes = options.point === undefined ? [] : await runCrashPoints(options.point);
  if (crashes.length > 0) {
    if (options.table === undefined) say(`\n${crashTables(crashes)}\n`);
    else await writeFile(options.table, `${crashTables(crashes)}\n`);
  }
  const schedules = await runSchedules(options.seeds);
  say(summary(crashes, schedules));
  return [...crashes, ...schedules].every(({ violations }) => violations.length === 0);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    say(USAGE);
    return;
  }
  if (!(await run(options))) process.exitCode = 1;
}

// Whoever started us is gone: what we have started ends with us.
const orphaned = () => process.exit(1);
process.on('disconnect', orphaned);
main()
  .catch((error: unknown) => {
    process.stderr.write(
      `The proof could not be finished. ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = 1;
  })
  .finally(() => {
    process.off('disconnect', orphaned);
    if (process.connected) process.disconnect();
  });
