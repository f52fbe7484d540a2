import { describe, expect, it, jest } from '@jest/globals';
import type { Verdict } from '@keyward/limits';
import { Lane, type LaneSettings, type Priority, type TakeTurns } from './lane.js';
import { LaneClosed, LeaseTooShort } from './refusals.js';

const soon = () => performance.now() + 10_000;

/** A lane whose requests end when told to. */
function laneOf(settings: LaneSettings, takeTurns: TakeTurns = () => Promise.reject(new Error('no rate'))) {
  const lane = new Lane('acme', takeTurns);
  const running = new Map<string, (error?: Error) => void>();
  const order: string[] = [];
  const refused = new Map<string, Error>();
  const send = (name: string, priority: Priority = 'due', until = soon()) =>
    lane
      .run(
        settings,
        { priority, until },
        () => {
          order.push(name);
          return new Promise<void>((resolve, reject) =>
            running.set(name, (error) => (error === undefined ? resolve() : reject(error))),
          );
        },
        (error) => (error as { verdict?: Verdict }).verdict ?? 'unused',
      )
      .catch((error: Error) => void refused.set(name, error));
  const end = async (name: string, verdict?: Verdict) => {
    running.get(name)?.(verdict === undefined ? undefined : Object.assign(new Error(verdict), { verdict }));
    running.delete(name);
    await turns();
  };
  return { lane, send, end, running, order, refused };
}

/** Everything that is ready has run. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('a lane', () => {
  it('sends so many at a time, and what somebody waits for before what the clock wants', async () => {
    const { send, end, order, lane } = laneOf({ concurrency: 2 });
    for (const name of ['due-1', 'due-2', 'due-3', 'due-4']) void send(name);
    void send('asked', 'asked');
    await turns();
    expect([order, lane.waiting]).toEqual([['due-1', 'due-2'], 3]);
    await end('due-1');
    expect(order.at(-1)).toBe('asked');
    await end('due-2');
    await end('asked');
    expect(order).toEqual(['due-1', 'due-2', 'asked', 'due-3', 'due-4']);
  });

  it('has room for what it can send soon, and for none while it is paused or its breaker is open', async () => {
    const { lane, send, end } = laneOf({ concurrency: 4 });
    void send('1');
    expect(lane.room).toBe(5);
    for (const name of ['2', '3', '4', '5', '6']) void send(name);
    expect(lane.room).toBe(0);
    await turns();
    for (const name of ['1', '2', '3', '4', '5']) await end(name, 'outage');
    expect([lane.state, lane.room]).toEqual([2, 0]);
    const paused = laneOf({ concurrency: 4 });
    void paused.send('1');
    paused.lane.pause(60_000);
    expect(paused.lane.room).toBe(0);
  });

  it('refuses a turn that comes too late for its lease', async () => {
    const { send, end, refused, order } = laneOf({ concurrency: 1 });
    void send('1');
    void send('late', 'due', performance.now() - 1);
    void send('3');
    await turns();
    await end('1');
    expect(refused.get('late')).toBeInstanceOf(LeaseTooShort);
    expect(order).toEqual(['1', '3']);
  });
});

describe('a pause', () => {
  it('holds back whoever can wait and tells the others how long it lasts', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const { lane, send, order, refused } = laneOf({ concurrency: 2 });
      lane.pause(5_000);
      void send('patient', 'due', performance.now() + 6_000);
      void send('hasty', 'due', performance.now() + 4_000);
      await turns();
      expect(order).toEqual([]);
      expect(refused.get('hasty')).toMatchObject({ why: 'paused', retryInMs: expect.closeTo(5_000, -2) });
      jest.advanceTimersByTime(5_000);
      await turns();
      expect(order).toEqual(['patient']);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the breaker of a lane', () => {
  it('opens after five outages in a row, lets one try after ten seconds, and closes when that is answered', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const { lane, send, end, order, refused } = laneOf({ concurrency: 8 });
      const outage = async (name: string) => {
        void send(name);
        await turns();
        await end(name, 'outage');
      };
      for (const name of ['1', '2', '3', '4']) await outage(name);
      void send('answered');
      await turns();
      await end('answered', 'answered');
      for (const name of ['5', '6', '7', '8']) await outage(name);
      expect(lane.state).toBe(0);
      await outage('9');
      expect(lane.state).toBe(2);
      void send('refused');
      await turns();
      expect(refused.get('refused')).toBeInstanceOf(LaneClosed);

      jest.advanceTimersByTime(10_000);
      expect([lane.state, lane.room]).toEqual([1, 1]);
      for (const name of ['try', 'behind']) void send(name);
      await turns();
      expect([order.at(-1), lane.room]).toEqual(['try', 0]);
      await end('try', 'outage');
      expect([lane.state, refused.get('behind')]).toEqual([2, expect.any(LaneClosed)]);

      jest.advanceTimersByTime(10_000);
      for (const name of ['try again', 'then', 'and then']) void send(name);
      await turns();
      await end('try again');
      expect([lane.state, order.slice(-3)]).toEqual([0, ['try again', 'then', 'and then']]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is not moved by what was never sent, and goes on trying after it', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const { lane, send, end } = laneOf({ concurrency: 8 });
      for (const name of ['1', '2', '3', '4', '5', '6']) {
        void send(name);
        await turns();
        await end(name, 'unused');
      }
      expect(lane.state).toBe(0);
      for (const name of ['1', '2', '3', '4', '5']) {
        void send(name);
        await turns();
        await end(name, 'outage');
      }
      jest.advanceTimersByTime(10_000);
      void send('try');
      await turns();
      await end('try', 'unused');
      expect([lane.state, lane.room]).toEqual([1, 1]);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the breaker of a lane whose machine sets its clock', () => {
  it.each([300_000, -300_000])('waits its ten seconds, and then lets one try, over a step of %i ms', async (step) => {
    jest.useFakeTimers({ now: 1e12 });
    try {
      const { lane, send, end, order, refused } = laneOf({ concurrency: 8 });
      for (const name of ['1', '2', '3', '4', '5']) {
        void send(name);
        await turns();
        await end(name, 'outage');
      }
      jest.setSystemTime(Date.now() + step);
      jest.advanceTimersByTime(9_000);
      void send('early');
      await turns();
      expect([lane.state, refused.get('early')]).toMatchObject([2, { why: 'circuit_open', retryInMs: 1_000 }]);
      jest.advanceTimersByTime(1_000);
      for (const name of ['try', 'behind']) void send(name);
      await turns();
      expect([lane.state, lane.room, order.slice(5)]).toEqual([1, 0, ['try']]);
      jest.setSystemTime(Date.now() - step);
      await end('try');
      expect([lane.state, order.slice(5)]).toEqual([0, ['try', 'behind']]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is not kept open by what was sent before it opened', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const { lane, send, end } = laneOf({ concurrency: 8 });
      for (const name of ['1', '2', '3', '4', '5', 'late']) void send(name);
      await turns();
      for (const name of ['1', '2', '3', '4', '5']) await end(name, 'outage');
      jest.advanceTimersByTime(10_000);
      void send('try');
      await turns();
      await end('late', 'outage');
      expect(lane.state).toBe(1);
      await end('try');
      expect(lane.state).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a rate', () => {
  it('is what the store grants: nothing is sent without a turn, and the next are asked for when they are there', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const asked: number[] = [];
      const grants = [
        { granted: 1, waitMs: 0 },
        { granted: 1, waitMs: 1_000 },
        { granted: 0, waitMs: 1_000 },
        { granted: 1, waitMs: 1_000 },
      ];
      const { lane, send, order, refused } = laneOf({ concurrency: 8, perMinute: 60 }, async (_perMinute, wanted) => {
        asked.push(wanted);
        return grants.shift() ?? { granted: 0, waitMs: 60_000 };
      });
      for (const name of ['1', '2', '3', '4']) void send(name);
      await turns();
      expect([order, asked]).toEqual([
        ['1', '2'],
        [1, 3, 2],
      ]);
      expect(lane.room).toBe(0);
      jest.advanceTimersByTime(1_000);
      await turns();
      // The last is told that its turn does not come in time, and when.
      expect([order, asked]).toEqual([
        ['1', '2', '3'],
        [1, 3, 2, 2, 1],
      ]);
      expect(refused.get('4')).toMatchObject({ retryInMs: expect.closeTo(58_000, -2) });
    } finally {
      jest.useRealTimers();
    }
  });

  it('lets whoever waits for it be back before the next turn comes, and have that one before what is due', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      let turns60s = 0;
      const { send, order, refused } = laneOf({ concurrency: 8, perMinute: 1 }, async () => {
        const granted = performance.now() >= turns60s ? 1 : 0;
        if (granted > 0) turns60s = performance.now() + 60_000;
        return { granted, waitMs: turns60s - performance.now() };
      });
      void send('first');
      await turns();
      void send('asked', 'asked');
      await turns();
      const { retryInMs } = refused.get('asked') as LeaseTooShort;
      setTimeout(() => void send('due'), 58_100);
      setTimeout(() => void send('asked again', 'asked'), retryInMs + 500);
      await jest.advanceTimersByTimeAsync(61_000);
      expect(order).toEqual(['first', 'asked again']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('waits while the store is away', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      let away = true;
      const { send, order } = laneOf({ concurrency: 8, perMinute: 60 }, () =>
        away ? Promise.reject(new Error('away')) : Promise.resolve({ granted: 1, waitMs: 0 }),
      );
      void send('1');
      await turns();
      expect(order).toEqual([]);
      away = false;
      jest.advanceTimersByTime(1_000);
      await turns();
      expect(order).toEqual(['1']);
    } finally {
      jest.useRealTimers();
    }
  });
});
