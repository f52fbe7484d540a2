import { setTimeout as delay } from 'node:timers/promises';
import { behaviours, rotates, type Behaviour } from './behaviours.js';
import type { CrashPoint } from './crash-points.js';
import { EventLog } from './event-log.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';
import { readHeld, type Held } from './held.js';
import { violations, type Befallen } from './invariants.js';
import { quiesce } from './quiesce.js';
import type { Site } from './site.js';

const HELD_WITHIN_MS = 20_000;

/** One connection at one crash point. */
export interface CrashResult {
  point: string;
  behaviour: Behaviour;
  /** When the process died. */
  provider: string;
  ours: string;
  outcome: string;
  violations: string[];
}

/** Holds a refresh of each kind of provider at the point, kills whoever does them, and lets the others and a restart recover. */
export async function crashAt(point: CrashPoint, faultWorld: FaultWorld, sites: readonly Site[]): Promise<CrashResult[]> {
  const log = await EventLog.start(faultWorld.world);
  const reuseBefore = await faultWorld.reuseDetections();
  if (point.freshProcesses === true) for (const site of sites) await site.replica.kill();
  await Promise.all(sites.map((site) => site.ensure()));
  const connections = await connectAll(faultWorld);
  if (point.newDataKey === true) await faultWorld.world.credentials.rotateDataKey(faultWorld.world.org);
  const holders = await holdAt(point, sites, connections, () => makeDue(faultWorld, connections));
  const atCrash = await Promise.all(connections.map((one) => readHeld(faultWorld, one)));
  const rotations = await Promise.all(connections.map((one) => faultWorld.rotations(one)));
  await Promise.all(holders.map((site) => site.replica.kill()));
  for (const site of sites) site.heal();
  await Promise.all(sites.map((site) => site.ensure()));

  const settled = await quiesce(faultWorld, connections, log);
  const told = await log.read();
  const befallen: Befallen = { inDoubt: () => true, unanswered: () => true, authorized: () => new Set([1]) };
  const reused = (await faultWorld.reuseDetections()) - reuseBefore;
  const results: CrashResult[] = [];
  for (const [at, connection] of connections.entries()) {
    const [before, after] = [atCrash[at] as Held, settled[at] as Held];
    const found = await violations(faultWorld, connection, after, befallen, told);
    if (reused > 0) found.push(`${reused} refresh tokens came a second time`);
    if (after.status !== 'active' && !before.sent) found.push(`${connection.behaviour}: given up, though nothing was sent`);
    results.push({
      ...{ point: point.name, behaviour: connection.behaviour, violations: found },
      provider: !rotates(connection.behaviour) ? 'R1' : rotations[at] === 0 ? 'R1' : 'R2',
      ours: describe(before),
      outcome: after.status === 'active' ? `generation ${after.generation}` : `${after.status}: ${after.reason}`,
    });
  }
  return results;
}

function connectAll(faultWorld: FaultWorld): Promise<FaultConnection[]> {
  return Promise.all(behaviours.map((behaviour) => faultWorld.connect(behaviour, { refreshInMs: null })));
}

/** All at once, when everything is armed. */
async function makeDue({ world }: FaultWorld, connections: readonly FaultConnection[]): Promise<void> {
  const ids = connections.map(({ connection }) => connection);
  await world.admin.query('UPDATE vault.credential SET refresh_at = clock_timestamp() WHERE connection_id = ANY($1)', [ids]);
}

/** @returns the sites whose processes hold something there */
async function holdAt(
  point: CrashPoint,
  sites: readonly Site[],
  connections: readonly FaultConnection[],
  start: () => Promise<void>,
): Promise<Site[]> {
  const holders = new Set<Site>();
  const held = connections.map((connection) => {
    const armed = sites.map((site) => ({ site, trap: point.arm(site, connection) }));
    const first = armed.map(({ site, trap }) => trap.fired.then(() => site));
    return Promise.race(first).then((holder) => {
      holders.add(holder);
      for (const { site, trap } of armed) if (site !== holder) trap.disarm();
    });
  });
  await start();
  const enough = point.held === 'each' ? Promise.all(held) : Promise.race(held);
  const late = delay(HELD_WITHIN_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not held within ${HELD_WITHIN_MS} ms: ${point.name}`);
  });
  await Promise.race([enough, late]);
  return [...holders];
}

function describe({ generation, leased, sent }: Held): string {
  const token = generation === 1 ? 'R1' : 'R2';
  if (sent) return `${token}, leased, sent`;
  return leased ? `${token}, leased` : token;
}
