import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { Supervised, type Running } from './supervised.js';

/** Launches that the test ends by hand. */
function stage() {
  const told: string[] = [];
  const ends: ((how: string) => void)[] = [];
  const stopped: number[] = [];
  let failNext = 0;
  const launch = async (): Promise<Running> => {
    if (failNext > 0) {
      failNext -= 1;
      throw new Error('no such program');
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    const number = ends.push(resolve);
    const stop = async (): Promise<void> => {
      stopped.push(number);
      resolve('code 0');
    };
    return { pid: 1_000_000 + number, ended: promise, stop };
  };
  const supervised = new Supervised({ name: 'thing', logFile: '/logs/thing.log', launch, tell: (text) => void told.push(text) });
  return { supervised, told, ends, stopped, failLaunches: (count: number) => (failNext = count) };
}

describe('Supervised', () => {
  it('starts again what ended without being asked to, and says so', async () => {
    const { supervised, told, ends } = stage();
    await supervised.start();
    ends[0]?.('SIGKILL');
    await waitFor(() => ends.length === 2);
    await waitFor(() => told.length === 2);
    expect(told).toEqual([
      'thing ended (SIGKILL); starting it again in 0.25 s. Its log: /logs/thing.log',
      'thing was started again (pid 1000002).',
    ]);
    expect(supervised.crashes).toBe(1);
    await supervised.stop();
  });

  it('waits longer from one crash to the next', async () => {
    const { supervised, told, ends } = stage();
    await supervised.start();
    ends[0]?.('code 1');
    await waitFor(() => ends.length === 2);
    await waitFor(() => supervised.pid !== 0);
    ends[1]?.('code 1');
    await waitFor(() => told.length === 3);
    expect(told[2]).toContain('in 0.5 s');
    await supervised.stop();
  });

  it('keeps trying when the start itself fails', async () => {
    const { supervised, told, ends, failLaunches } = stage();
    await supervised.start();
    failLaunches(1);
    ends[0]?.('code 1');
    await waitFor(() => ends.length === 2);
    expect(told.filter((text) => text.includes('no such program'))).toHaveLength(1);
    await supervised.stop();
  });

  it('starts nothing any more once it is stopped, not even when stopped between two attempts', async () => {
    const { supervised, told, ends } = stage();
    await supervised.start();
    ends[0]?.('code 1');
    await waitFor(() => told.length === 1);
    await supervised.stop();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(ends).toHaveLength(1);
  });

  it('stops in an orderly way, without taking that for a crash, and can be started anew', async () => {
    const { supervised, told, ends, stopped } = stage();
    await supervised.start();
    await supervised.stop();
    expect([stopped, told, supervised.pid]).toEqual([[1], [], 0]);
    await supervised.start();
    expect(ends).toHaveLength(2);
    await supervised.stop();
  });

  it('refuses the first start when that fails', async () => {
    const { supervised, failLaunches } = stage();
    failLaunches(1);
    await expect(supervised.start()).rejects.toThrow('no such program');
  });
});
