import { describe, expect, it } from '@jest/globals';
import { WaitingRoom } from './waiting-room.js';

describe('a waiting room', () => {
  it('is full for an agent, an organization or all, each by its own bound', () => {
    const room = new WaitingRoom({ perAgent: 2, perOrganization: 3, total: 4 });
    const enter = (org: string, agent: string) => room.enter({ org, agent });
    expect([enter('a', 'a1'), enter('a', 'a1'), enter('a', 'a1')]).toEqual([undefined, undefined, 'agent']);
    expect([enter('a', 'a2'), enter('a', 'a2')]).toEqual([undefined, 'organization']);
    expect([enter('b', 'b1'), enter('b', 'b1')]).toEqual([undefined, 'all']);
    expect(room.size).toBe(4);
    room.leave({ org: 'a', agent: 'a1' });
    expect([enter('b', 'b1'), enter('a', 'a1')]).toEqual([undefined, 'all']);
    for (const [org, agent] of ['a1', 'a2', 'b1', 'b1'].map((name) => [name.charAt(0), name] as const))
      room.leave({ org, agent });
    expect(room.size).toBe(0);
    expect([enter('a', 'a1'), enter('a', 'a1'), enter('a', 'a1')]).toEqual([undefined, undefined, 'agent']);
  });
});
