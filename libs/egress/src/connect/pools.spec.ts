import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileServer } from '@keyward/testing/hostile-server';
import { createEgress, type Egress } from '../index.js';
import { resolveBySystem } from './pinned-connector.js';
import { Pools } from './pools.js';

const origin = (index: number) => `https://h${index}.example`;

describe('pools of connections', () => {
  it('are as many as are kept, however many hosts are called; the one used longest ago makes way', async () => {
    const pools = new Pools(new Set(), resolveBySystem);
    const first = pools.of(origin(0));
    const second = pools.of(origin(1));
    for (let index = 2; index < 512; index++) pools.of(origin(index));
    expect(pools.of(origin(0))).toBe(first);
    pools.of(origin(512));
    expect([first.closed, second.closed]).toEqual([false, true]);
    expect(pools.of(origin(1))).not.toBe(second);
    await pools.close();
  });
});

describe('a pool that makes way', () => {
  let server: HostileServer;
  let egress: Egress;
  beforeEach(async () => {
    server = await HostileServer.start();
  });
  afterEach(async () => {
    await egress.close();
    await server.stop();
  });

  it('ends what it has begun', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    server.answer = (_request, response) => void promise.then(() => response.end('late'));
    // Every name is this machine: each a pool of its own.
    const origins = Array.from({ length: 520 }, (_, index) => `http://h${index}.example:${server.port}`);
    egress = createEgress({ privateOrigins: origins, resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
    const send = (to: string, timeoutMs: number) =>
      egress.send({ provider: 'acme', origins: [to], method: 'GET', url: `${to}/`, headers: {}, timeoutMs, maxBytes: 1000 });
    const slow = send(origins[0] as string, 10_000);
    for (const to of origins.slice(1)) await send(to, 0).catch(() => undefined);
    resolve();
    expect((await slow).body.toString()).toBe('late');
  });
});
