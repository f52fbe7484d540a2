import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Replica } from '../../apps/token-refresher/test/faults/replica.js';
import { FaultWorld } from './fault-world.js';
import { runSchedule } from './run-schedule.js';
import { scheduleOf } from './schedule.js';
import { Site } from './site.js';

/** `npm run test:faults` runs many more, and every point at which a process may die. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('refreshers, whatever goes wrong', () => {
  let faultWorld: FaultWorld;
  let sites: Site[];

  beforeAll(async () => {
    faultWorld = await FaultWorld.create();
    sites = await Promise.all(['a', 'b', 'c'].map((name) => Site.open(faultWorld, name)));
  });
  afterAll(async () => {
    Replica.keepSpares(0);
    await Promise.all(sites.map((site) => site.close()));
    await faultWorld.close();
  });

  it.each(SEEDS)(
    'redeem each generation once, store it, tell of it once, and ask a person only where they must: seed %d',
    async (seed) => {
      const result = await runSchedule(scheduleOf(seed), faultWorld, sites);
      expect(result).toMatchObject({ violations: [], reuseDetections: 0 });
    },
  );
});
