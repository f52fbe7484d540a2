import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { connectNats, createPublisher, ReplyInbox, requestRefresh, type Publisher } from '@keyward/jetstream';
import type { Bench, Measurement } from '../bench.js';
import { exactly, figure, type Figure } from '../figure.js';
import { Samples } from '../load/samples.js';
import { Fleet, type Due, type Member } from '../refresh/fleet.js';
import { assertRefreshedOnce, untilOutboxEmpty } from '../refresh/progress.js';
import { sandboxServer } from '../refresh/token-server.js';
import { likenessOf, startReplica } from '../replica.js';

const CONNECTIONS = 1_000;
const CALLERS = 100;
/** Callers who wait at a time: some dozens of connections with all of theirs. */
const AT_A_TIME = 4_000;
const WAIT_MS = 60_000;
const ORGANIZATIONS = 20;

/** P6: 1,000 connections whose tokens have just expired, 100 callers each, two refreshers: one token request per connection. */
export const refreshAskers: Measurement = { id: 'P6', run };

async function run(bench: Bench): Promise<Figure[]> {
  const { stack, progress } = bench;
  const sandbox = await sandboxServer(stack);
  const fleet = await Fleet.over(stack);
  const second = await startReplica(likenessOf(stack.service('token-refresher').pid));
  try {
    progress(`P6 ${CONNECTIONS} connections × ${CALLERS} callers, two refreshers`);
    const owners = await fleet.organizations(ORGANIZATIONS, sandbox);
    await fleet.connect(owners, await sandbox.issue(CONNECTIONS), () => ({ expiresInMs: 3_600_000, refreshInMs: null }));
    const before = await sandbox.counters();
    await fleet.schedule(fleet.members, expired);
    const answers = await askAll(bench, fleet.members);
    await untilOutboxEmpty(fleet);
    await assertRefreshedOnce(fleet);
    const after = await sandbox.counters();
    const asked = CONNECTIONS * CALLERS;
    return [
      figure(
        'P6.requests',
        `token requests for ${asked} callers`,
        after.tokenRequests - before.tokenRequests,
        '',
        null,
        exactly(CONNECTIONS),
      ),
      figure('P6.reused', 'refresh tokens redeemed twice', after.reuseDetections - before.reuseDetections, '', null, exactly(0)),
      figure('P6.answered', 'callers told of the new generation', answers.samples.count, '', null, exactly(asked)),
      figure('P6.rate', 'callers answered', asked / answers.seconds, '1/s', null),
      figure('P6.p50', 'a caller waited, p50', answers.samples.percentile(50), 'ms', null),
      figure('P6.p99', 'a caller waited, p99', answers.samples.percentile(99), 'ms', null),
    ];
  } finally {
    await second.stop();
    await fleet.disband();
  }
}

/** Every other one is due by the clock as well, so that clock and callers meet on both refreshers. */
function expired(index: number): Due {
  return { expiresInMs: 0, refreshInMs: index % 2 === 0 ? null : 0 };
}

interface Answers {
  samples: Samples;
  seconds: number;
}

/** The callers of one connection ask one right after the other; who answers is for the bus to say. */
async function askAll({ stack }: Bench, members: readonly Member[]): Promise<Answers> {
  const nats = await connectNats({
    servers: [stack.info.natsUrl],
    credsFile: path.join(stack.paths.creds, 'tool-executor.creds'),
    name: 'keyward-bench',
  });
  const [publisher, inbox] = [createPublisher(nats), new ReplyInbox(nats)];
  const samples = new Samples();
  const began = performance.now();
  let next = 0;
  const caller = async () => {
    for (let turn = next++; turn < CONNECTIONS * CALLERS; turn = next++) {
      const member = members[Math.floor(turn / CALLERS)];
      if (member === undefined) return;
      const at = performance.now();
      await ask(publisher, inbox, member);
      samples.add(performance.now() - at);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, caller));
    return { samples, seconds: (performance.now() - began) / 1000 };
  } finally {
    await nats.drain();
  }
}

async function ask(publisher: Publisher, inbox: ReplyInbox, { org, connection }: Member): Promise<void> {
  const request = { org, connection, newerThan: 1, reason: 'expiring', waitMs: WAIT_MS } as const;
  const reply = await requestRefresh(publisher, inbox, 'sandbox', request);
  if (reply.outcome !== 'refreshed' || reply.generation !== 2) throw new Error(`a caller was answered ${JSON.stringify(reply)}`);
}
