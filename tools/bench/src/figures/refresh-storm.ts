import os from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Bench, Measurement } from '../bench.js';
import { exactly, figure, type Figure } from '../figure.js';
import { openLoop, type Run } from '../load/loops.js';
import { Samples } from '../load/samples.js';
import { metricSum } from '../metric.js';
import { cpuMeter, machineMeter } from '../processes.js';
import { Fleet, type Due, type Member, type Owner } from '../refresh/fleet.js';
import { assertRefreshedOnce, untilOutboxEmpty, untilRedeemed } from '../refresh/progress.js';
import { issueAtSandbox, sandboxServer, type TokenServer } from '../refresh/token-server.js';
import { brokeredInTurn } from '../targets.js';

const TOKENS = 10_000;
/** Those that are called all the time, through the gateway and the executor. */
const CALLED = 1_000;
const CALLS_PER_SECOND = 100;
const ORGANIZATIONS = 90;
/** All of them end within this time. */
const SPREAD_MS = 60_000;
/** Until the first of them ends. */
const FIRST_ENDS_MS = 30_000;
/** Before their ends, all of them are due that long: at the beginning of the storm the last has just become so. */
const MARGIN_MS = FIRST_ENDS_MS + SPREAD_MS;
/** Of the first generation; longer than the insertion takes. */
const TTL_SECONDS = 3_600;

/**
 * P5: 10,000 tokens that expire within one minute, all of them overdue when the refresher comes back from a downtime: the first ends half a
 * minute later. A tenth of them is called all the while.
 */
export const refreshStorm: Measurement = { id: 'P5', run };

async function run(bench: Bench): Promise<Figure[]> {
  const sandbox = await sandboxServer(bench.stack);
  const fleet = await Fleet.over(bench.stack);
  const refresher = bench.stack.service('token-refresher');
  try {
    const called = await gather(bench, fleet, sandbox);
    await fleet.settle();
    // The storm breaks loose while nobody refreshes; whoever comes back finds all of it.
    await refresher.stop();
    const from = await fleet.schedule(fleet.members, due);
    const before = await seen(bench, sandbox);
    const began = performance.now();
    await refresher.start();
    const first = untilRedeemed(sandbox, before.refreshes, 1);
    const foreign = foreignShare(bench);
    const drained = untilRedeemed(sandbox, before.refreshes, TOKENS).then(() => foreign());
    const [calls, { at }, share] = await Promise.all([callAll(bench, called), first, drained]);
    await untilOutboxEmpty(fleet);
    await assertRefreshedOnce(fleet);
    return [
      figure('P5.start', 'from starting the refresher to its first refresh', (at - began) / 1000, 's', null),
      ...(await timeFigures(fleet, from)),
      ...countFigures(calls, before, await seen(bench, sandbox)),
      figure('P5.foreign', 'of the machine, taken meanwhile by what is no part of this', share * 100, '%', null),
    ];
  } finally {
    await fleet.disband();
  }
}

function due(index: number): Due {
  // Spread evenly, in no order that the rows have.
  const expiresInMs = FIRST_ENDS_MS + ((index * 7919) % TOKENS) * (SPREAD_MS / TOKENS);
  return { expiresInMs, refreshInMs: expiresInMs - MARGIN_MS };
}

/** @returns the users whose connections are called: of the stack's own agent */
async function gather(bench: Bench, fleet: Fleet, sandbox: TokenServer): Promise<string[]> {
  const { stack, progress } = bench;
  progress(`P5 ${TOKENS} connections`);
  const notYet = (): Due => ({ expiresInMs: TTL_SECONDS * 1000, refreshInMs: null });
  const [app] = await fleet.database.query<[{ id: string; client_id: string }]>(
    `SELECT id, client_id FROM vault.provider_app WHERE org_id = $1 AND provider = 'sandbox'`,
    [stack.info.org],
  );
  const own: Owner = { org: stack.info.org, agent: stack.info.agent, app: app.id };
  const called = await fleet.connect([own], await issueAtSandbox(stack, app.client_id, CALLED, TTL_SECONDS), notYet);
  const owners = await fleet.organizations(ORGANIZATIONS, sandbox);
  await fleet.connect(owners, await sandbox.issue(TOKENS - CALLED, TTL_SECONDS), notYet);
  return called.map(({ user }: Member) => user);
}

/** Calls go on until the last token of the first generation has ended. */
async function callAll({ stack, progress }: Bench, called: readonly string[]): Promise<Run> {
  progress(`P5 storm, ${CALLS_PER_SECOND} calls per second`);
  const through = brokeredInTurn(stack.info.gatewayUrl, stack.info.agentKey, called);
  const timing = { ratePerSecond: CALLS_PER_SECOND, warmupMs: 0, measureMs: FIRST_ENDS_MS + SPREAD_MS };
  try {
    const calls = await openLoop(through.call, timing);
    if (calls.errors > 0) progress(`P5 ${calls.errors} calls failed, the first: ${String(calls.firstError)}`);
    return calls;
  } finally {
    await through.close();
  }
}

/** @returns what others than the stack, the sandbox and this process took of all cores since now, as a share, when asked */
function foreignShare({ stack }: Bench): () => number {
  const own = cpuMeter(() => [...stack.brokerPids(), stack.service('sandbox').pid, process.pid]);
  const all = machineMeter();
  const began = performance.now();
  return () => Math.max(0, all() - own()) / ((performance.now() - began) * 1000 * os.availableParallelism());
}

interface Seen {
  tokenRequests: number;
  refreshes: number;
  reuseDetections: number;
  refused: number;
  expiredInUse: number;
}

async function seen({ stack }: Bench, sandbox: TokenServer): Promise<Seen> {
  const { refusedAccessTokens = 0, ...counters } = await sandbox.counters();
  const urls = [stack.info.metrics['tool-executor'] ?? ''];
  return { ...counters, refused: refusedAccessTokens, expiredInUse: await metricSum(urls, 'credential_expired_in_use_total') };
}

/** @param from when the refresher was started, in ms by the database's clock */
async function timeFigures(fleet: Fleet, from: number): Promise<Figure[]> {
  const [late, left] = [new Samples(), new Samples()];
  for (const [index, at] of (await fleet.storedAt()).entries()) {
    late.add((at - from) / 1000);
    left.add((from + due(index).expiresInMs - at) / 1000);
  }
  const lateness = (p: number, id: string) =>
    figure(
      `P5.late.${id}`,
      `from the refresher's start to stored, ${p === 100 ? 'the last' : `p${p}`}`,
      late.percentile(p),
      's',
      null,
    );
  return [
    lateness(50, 'p50'),
    lateness(99, 'p99'),
    lateness(100, 'max'),
    figure('P5.left', 'life left in the old token when its successor was stored, the least', left.percentile(0), 's', null, {
      text: '> 0 s',
      met: (seconds) => seconds > 0,
    }),
  ];
}

function countFigures(calls: Run, before: Seen, after: Seen): Figure[] {
  const more = (of: keyof Seen) => after[of] - before[of];
  return [
    figure('P5.calls', 'calls answered meanwhile', calls.samples.count, '', null),
    figure('P5.calls.p99', 'such a call, p99', calls.samples.percentile(99), 'ms', null),
    figure('P5.failed', 'calls that failed', calls.errors, '', null, exactly(0)),
    figure('P5.expired', 'expired tokens used, as the executor counts', more('expiredInUse'), '', null, exactly(0)),
    figure('P5.refused', 'access tokens that the provider refused', more('refused'), '', null, exactly(0)),
    figure('P5.requests', `token requests for ${TOKENS} tokens`, more('tokenRequests'), '', null, exactly(TOKENS)),
    figure('P5.reused', 'refresh tokens redeemed twice', more('reuseDetections'), '', null, exactly(0)),
  ];
}
