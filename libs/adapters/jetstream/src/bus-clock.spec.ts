import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { streams, subjects } from '@keyward/contracts';
import { testNats, withClockSetBy, type TestNats } from '@keyward/testing';
import { jetstreamManager, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { startBusClock } from './bus-clock.js';
import { createPublisher } from './publisher.js';
import { ensureTopology } from './topology.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const FIVE_MINUTES_MS = 300_000;

describe('the clock of the bus', () => {
  let nats: TestNats;
  let nc: NatsConnection;
  let jsm: JetStreamManager;

  beforeAll(async () => {
    nats = await testNats();
    nc = await connect({ servers: nats.url });
    await ensureTopology(nc);
    jsm = await jetstreamManager(nc);
  });
  afterAll(async () => {
    await nc.close();
    await nats.stop();
  });

  /** How old the clock takes a message to be that was stored while this runs. */
  async function ageOfNew(): Promise<number> {
    const clock = await startBusClock(nc, streams.executions, quiet);
    const began = performance.now();
    await createPublisher(nc).publish(subjects.executionRequested('org_a', 'agt_a', 'exe_a'), {}, { msgId: `m-${began}` });
    const stored = await jsm.streams.getMessage(streams.executions, { last_by_subj: 'execution.requested.>' });
    const age = clock.now() - Date.parse(stored?.timestamp ?? '');
    clock.stop();
    expect(age).toBeLessThan(performance.now() - began + 50);
    return age;
  }

  it('says how old a message is', async () => {
    expect(await ageOfNew()).toBeGreaterThan(-50);
  });

  it.each([-1, 1])('does not follow this machine’s own, be it 5 minutes off (%i)', async (sign) => {
    const age = await withClockSetBy(sign * FIVE_MINUTES_MS, ageOfNew);
    expect(age).toBeGreaterThan(-50);
  });

  it('is known from servers too that do not tell it, and leaves nothing behind there', async () => {
    const prototype = Object.getPrototypeOf(jsm.streams) as { info: (...args: unknown[]) => Promise<StreamInfo> };
    const { info } = prototype;
    prototype.info = async function silent(...args) {
      const { ts: _ts, ...said } = (await info.apply(this, args)) as StreamInfo & { ts?: string };
      return said as StreamInfo;
    };
    try {
      expect(await ageOfNew()).toBeGreaterThan(-50);
    } finally {
      prototype.info = info;
    }
    expect(await jsm.consumers.list(streams.results).next()).toEqual([]);
  });
});
