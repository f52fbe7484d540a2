import { setTimeout as delay } from 'node:timers/promises';
import { Replica } from '../../apps/token-refresher/test/faults/replica.js';
import { Course } from './course.js';
import { Disconnections } from './disconnections.js';
import { EventLog } from './event-log.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';
import type { Held } from './held.js';
import { violations } from './invariants.js';
import { quiesce, refreshAll, retire } from './quiesce.js';
import type { Schedule } from './schedule.js';
import type { Site } from './site.js';

const SPARES = 2;

export interface ScheduleResult {
  seed: number;
  /** In sentences; none: every promise was kept. */
  violations: string[];
  connections: number;
  /** Generations that refreshes have stored. */
  refreshes: number;
  needsReauthorization: number;
  reuseDetections: number;
  kills: number;
  durationMs: number;
}

/** One schedule, from a fresh set of connections to what is left of them when everything is well again. */
export async function runSchedule(schedule: Schedule, faultWorld: FaultWorld, all: readonly Site[]): Promise<ScheduleResult> {
  const startedAt = performance.now();
  const sites = all.slice(0, schedule.replicas);
  // What an earlier schedule left alive and this one does not count on would help it out.
  for (const site of all.slice(schedule.replicas)) await site.end();
  await Promise.all(sites.map((site) => site.ensure()));
  for (const site of sites) site.forget();
  const log = await EventLog.start(faultWorld.world);
  const reuseBefore = await faultWorld.reuseDetections();
  const connections = await Promise.all(
    schedule.connections.map(({ behaviour, ...times }) => faultWorld.connect(behaviour, times)),
  );
  const disconnections = Disconnections.start(faultWorld);
  // Loaded while the schedule runs, for those that die in it.
  Replica.keepSpares(SPARES);
  const course = new Course(faultWorld, sites, connections, disconnections);
  const result = { seed: schedule.seed, connections: connections.length, violations: course.violations };
  let held: Held[] = [];
  let kills = 0;
  try {
    await course.run(schedule.acts);
    kills = await heal(schedule, faultWorld, sites);
    held = await quiesce(faultWorld, connections, log);
    await refreshAll(faultWorld, connections, held);
    held = await quiesce(faultWorld, connections, log);
    course.violations.push(...(await check(faultWorld, connections, held, course, log)));
  } catch (error) {
    course.violations.push(sentence(error));
  } finally {
    await disconnections.stop();
    await retire(faultWorld, connections);
  }
  const reuseDetections = (await faultWorld.reuseDetections()) - reuseBefore;
  if (reuseDetections > 0) course.violations.push(`${reuseDetections} refresh tokens came a second time`);
  return {
    ...result,
    refreshes: held.reduce((sum, { generation }) => sum + Math.max(0, generation - 1), 0),
    needsReauthorization: held.filter(({ status }) => status === 'needs_reauthorization').length,
    ...{ reuseDetections, kills },
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** No more faults, and a process at every site. @returns how many had died */
async function heal({ restartAtEnd }: Schedule, { world, lenient }: FaultWorld, sites: readonly Site[]): Promise<number> {
  await world.sandbox.clearFaults();
  lenient.refusals.length = 0;
  for (const site of sites) site.heal();
  // A blow that was on its way has landed by then.
  await delay(50);
  const died = sites.filter((site) => !site.replica.alive).length;
  await Promise.all(sites.map((site) => (restartAtEnd ? site.restart() : site.ensure())));
  return died;
}

async function check(
  faultWorld: FaultWorld,
  connections: readonly FaultConnection[],
  held: readonly Held[],
  course: Course,
  log: EventLog,
): Promise<string[]> {
  const told = await log.read();
  const found = await Promise.all(
    connections.map((connection, at) => violations(faultWorld, connection, held[at] as Held, course, told)),
  );
  return found.flat();
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${sentence(error.cause)}`;
}
