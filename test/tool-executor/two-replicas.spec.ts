import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProviderPaused } from '@keyward/contracts';
import { onProviderPaused } from '@keyward/jetstream';
import type { RunningService } from '@keyward/service-host';
import { waitFor } from '@keyward/testing';
import { CONNECTOR } from './acme.js';
import { System } from './system.js';

const LIMITS = 'limits: { max_attempts: 3, quotas: [{ per: connection, requests: 5, seconds: 1 }] }';
const CALLS = 14;

let system: System;
let replicas: RunningService[];
let arrivals: number[];

beforeAll(async () => {
  system = await System.start(CONNECTOR.replace(/^limits:.*$/m, LIMITS));
  replicas = [await system.startExecutor(), await system.startExecutor()];
  await Promise.all(replicas.map(({ started }) => started));
}, 60_000);
beforeEach(() => void (arrivals = []));
afterAll(() => system.stop());

function answer(statusOf: (index: number) => number): void {
  system.upstream.answer = (_request, response) => {
    arrivals.push(performance.now());
    const status = statusOf(arrivals.length - 1);
    response.writeHead(status, { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '2' } : {}) });
    response.end('{"ok":true}');
  };
}

/** How many calls each of them has carried out so far. */
async function shares(): Promise<number[]> {
  const texts = replicas.map(async ({ opsUrl }) => (await fetch(`${opsUrl}/metrics`)).text());
  const counts = (await Promise.all(texts)).map(
    (text) => /tool_executions_total\{[^}]*state="succeeded"[^}]*\} (\d+)/.exec(text)?.[1],
  );
  return counts.map((count) => Number(count ?? 0));
}

describe('two executors', () => {
  it('keep a quota together, to the request', async () => {
    answer(() => 200);
    const ada = await system.person('access-token-of-ada');
    const began = performance.now();
    const results = await Promise.all(Array.from({ length: CALLS }, () => system.call(ada, 'acme_get')));
    expect(results.map(({ state }) => state)).toEqual(Array(CALLS).fill('succeeded'));
    // However long each was on its way: the sixth can not have left within the window of the first.
    expect((arrivals[5] ?? 0) - began).toBeGreaterThanOrEqual(990);
    expect((arrivals[10] ?? 0) - began).toBeGreaterThanOrEqual(1_990);
    expect(results.filter(({ rateLimit }) => (rateLimit?.waitedMs ?? 0) > 0).length).toBeGreaterThanOrEqual(CALLS - 5);
    for (const share of await shares()) expect(share).toBeGreaterThan(0);
  });

  it('heed both the pause that one was asked for', async () => {
    answer((index) => (index === 0 ? 429 : 200));
    const eve = await system.person('access-token-of-eve');
    const pauses: ProviderPaused[] = [];
    const news = onProviderPaused(system.nc, (pause) => pauses.push(pause));
    await system.nc.flush();
    const first = system.call(eve, 'acme_get');
    await waitFor(() => pauses.length === 1);
    news.unsubscribe();
    const others = Array.from({ length: 6 }, () => system.call(eve, 'acme_get'));
    const results = await Promise.all([first, ...others]);
    expect(results.map(({ state }) => state)).toEqual(Array(7).fill('succeeded'));
    const early = arrivals.slice(1).filter((at) => at - (arrivals[0] ?? 0) < 1_900);
    expect(early).toEqual([]);
    expect(pauses).toMatchObject([{ pauseMs: 2_000 }]);
  });
});
