import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Replica } from '../../apps/token-refresher/test/faults/replica.js';
import { FaultWorld } from './fault-world.js';
import { runSchedule } from './run-schedule.js';
import { scheduleOf } from './schedule.js';
import { Site } from './site.js';

/** Short ones that together leave out no kind of fault. `npm run test:faults` runs many more, and every point at which a process may die. */
const SEEDS = [2, 7, 20, 26, 32, 37];
/** A machine that does something else besides is slow to start processes; what is under test does not depend on it. */
const PATIENCE_MS = 120_000;

describe('refreshers, whatever goes wrong', () => {
  let faultWorld: FaultWorld;
  let sites: Site[];

  beforeAll(async () => {
    faultWorld = await FaultWorld.create();
    sites = await Promise.all(['a', 'b', 'c'].map((name) => Site.open(faultWorld, name)));
  }, PATIENCE_MS);
  afterAll(async () => {
    Replica.keepSpares(0);
    await Promise.all(sites.map((site) => site.close()));
    await faultWorld.close();
  }, PATIENCE_MS);

  it.each(SEEDS)(
    'redeem each generation once, store it, tell of it once, and ask a person only where they must: seed %d',
    async (seed) => {
      const result = await runSchedule(scheduleOf(seed), faultWorld, sites);
      expect(result).toMatchObject({ violations: [], reuseDetections: 0 });
    },
    PATIENCE_MS,
  );
});
