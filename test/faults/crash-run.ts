import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@keyward/testing';
import { Replica } from '../../apps/token-refresher/test/faults/replica.js';
import { behaviours, rotates, type Behaviour } from './behaviours.js';
import type { CrashPoint, Loss } from './crash-points.js';
import { EventLog } from './event-log.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';
import { readHeld, type Held } from './held.js';
import { violations, type Befallen } from './invariants.js';
import { quiesce, retire } from './quiesce.js';
import type { Site } from './site.js';

const WITHIN_MS = 20_000;
/** Longer than any client waits for an answer that never comes. */
const STILL_WORKS_MS = 45_000;
/** What a process that slept has still in hand is done by then: a request that it sends times out after a third of a lease. */
const AFTERMATH_MS = 1_500;

/**
 * What is done where a refresh is stopped.
 * - kill: SIGKILL; others and a restart recover.
 * - sleep: SIGSTOP until others have taken over and are done; then SIGCONT.
 * - hang, close: the request or its answer is lost in this way, and nobody dies or is repaired.
 */
export type Blow = 'kill' | 'sleep' | Loss;

/** One connection at one crash point. */
export interface CrashResult {
  point: string;
  blow: Blow;
  behaviour: Behaviour;
  /** At the blow, of a provider that rotates: which refresh token it takes. */
  provider: 'R1' | 'R2' | undefined;
  /** At the blow. */
  ours: string;
  outcome: string;
  violations: string[];
}

/** Which of them strike at a point at all. */
export function blowsAt({ kind }: CrashPoint): readonly Blow[] {
  if (kind === 'step') return ['kill', 'sleep'];
  return kind === 'request' ? ['kill'] : ['kill', 'hang', 'close'];
}

/** A refresh at each kind of provider comes to the point and is struck there. */
export async function crashAt(
  point: CrashPoint,
  blow: Blow,
  faultWorld: FaultWorld,
  sites: readonly Site[],
): Promise<CrashResult[]> {
  const log = await EventLog.start(faultWorld.world);
  const reuseBefore = await faultWorld.reuseDetections();
  if (point.freshProcesses === true) await Promise.all(sites.map((site) => site.end()));
  await Promise.all(sites.map((site) => site.ensure()));
  for (const site of sites) site.forget();
  if (blow === 'kill') Replica.keepSpares(point.freshProcesses === true ? sites.length : 1);
  const connections = await Promise.all(behaviours.map((behaviour) => faultWorld.connect(behaviour, { refreshInMs: null })));
  if (point.newDataKey === true) await faultWorld.world.credentials.rotateDataKey(faultWorld.world.org);
  const holders = await holdAt(point, blow, sites, connections, () => makeDue(faultWorld, connections));
  const [struck, rotations] = await Promise.all([
    Promise.all(connections.map((one) => readHeld(faultWorld, one))),
    Promise.all(connections.map((one) => faultWorld.rotations(one))),
  ]);
  await strike(blow, sites, holders, () => quiesce(faultWorld, connections, log));
  const settled = await quiesce(faultWorld, connections, log);
  await stillWorks(holders, sites, faultWorld);
  for (const site of sites) site.heal();

  await retire(faultWorld, connections);
  const told = await log.read();
  const reused = (await faultWorld.reuseDetections()) - reuseBefore;
  return Promise.all(
    connections.map(async (connection, at): Promise<CrashResult> => {
      const [before, after] = [struck[at] as Held, settled[at] as Held];
      const befallen: Befallen = { inDoubt: () => before.sent, unanswered: () => false, authorized: () => new Set([1]) };
      const found = await violations(faultWorld, connection, after, befallen, told);
      if (reused > 0) found.push(`${reused} refresh tokens came a second time`);
      return {
        ...{ point: point.name, blow, behaviour: connection.behaviour, violations: found },
        provider: rotates(connection.behaviour) ? (rotations[at] === 0 ? 'R1' : 'R2') : undefined,
        ours: describe(before),
        outcome: after.status === 'active' ? 'refreshed' : after.status,
      };
    }),
  );
}

/** All at once, when everything is armed. */
async function makeDue({ world }: FaultWorld, connections: readonly FaultConnection[]): Promise<void> {
  const ids = connections.map(({ connection }) => connection);
  await world.admin.query('UPDATE vault.credential SET refresh_at = clock_timestamp() WHERE connection_id = ANY($1)', [ids]);
}

/** @returns the sites whose processes have come there */
async function holdAt(
  point: CrashPoint,
  blow: Blow,
  sites: readonly Site[],
  connections: readonly FaultConnection[],
  start: () => Promise<void>,
): Promise<Site[]> {
  const loss: Loss = blow === 'close' ? 'close' : 'hang';
  // What is done for all of them together is done by one process: the others take no part until it is struck.
  const [first, ...others] = sites as [Site, ...Site[]];
  const candidates = point.all === undefined ? sites : [first];
  if (point.all !== undefined) for (const site of others) site.replica.halt();
  const holders = new Set<Site>();
  const held = connections.map((connection) => {
    const armed = candidates.map((site) => ({ site, trap: point.arm(site, connection, loss) }));
    return Promise.race(armed.map(({ site, trap }) => trap.fired.then(() => site))).then((holder) => {
      holders.add(holder);
      for (const { site, trap } of armed) if (site !== holder) trap.disarm();
    });
  });
  await start();
  const enough = point.all === undefined ? Promise.all(held) : Promise.race(held);
  const late = delay(WITHIN_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not there within ${WITHIN_MS} ms: ${point.name}`);
  });
  await Promise.race([enough, late]);
  const { all } = point;
  if (all !== undefined && all !== 'nothing') {
    const there = () => connections.every(({ connection }) => first.replica.has(connection, all));
    await waitFor(there, { timeoutMs: WITHIN_MS, what: `every refresh to be ${all}` });
  }
  return [...holders];
}

async function strike(
  blow: Blow,
  sites: readonly Site[],
  holders: readonly Site[],
  taken: () => Promise<unknown>,
): Promise<void> {
  if (blow === 'kill') {
    await Promise.all(holders.map((site) => site.replica.kill()));
    for (const site of sites) site.heal();
    await Promise.all(sites.map((site) => site.ensure()));
    return;
  }
  const others = sites.filter((site) => !holders.includes(site));
  if (blow === 'sleep') {
    for (const site of holders) site.replica.halt();
    await taken();
    for (const site of holders) site.replica.resume();
    for (const site of sites) site.replica.goOn();
    await delay(AFTERMATH_MS);
    return;
  }
  for (const site of others) site.replica.goOn();
}

/** Each process to which it happened refreshes another connection, with nobody to help it and nothing repaired. */
async function stillWorks(holders: readonly Site[], sites: readonly Site[], faultWorld: FaultWorld): Promise<void> {
  for (const holder of holders) {
    const others = sites.filter((site) => site !== holder);
    for (const site of others) site.replica.halt();
    const connection = await faultWorld.connect('strict', { refreshInMs: null });
    // By the clock: of those who ask, some would be handed to the others, who do not hear them.
    await makeDue(faultWorld, [connection]);
    const refreshed = async () => (await readHeld(faultWorld, connection)).generation === 2;
    await waitFor(refreshed, { timeoutMs: STILL_WORKS_MS, what: 'a refresh by the process that was struck' }).finally(() => {
      for (const site of others) site.replica.goOn();
    });
    await retire(faultWorld, [connection]);
  }
}

function describe({ generation, leased, sent }: Held): string {
  const token = generation === 1 ? 'R1' : 'R2';
  if (sent) return `${token}, leased, sent`;
  return leased ? `${token}, leased` : token;
}
