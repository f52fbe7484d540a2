import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';
import type { Bench, Measurement } from '../bench.js';
import { atLeast, figure, type Figure } from '../figure.js';
import { metricSum } from '../metric.js';

const CALLS = 10_000;
const CONCURRENCY = 64;
const FAILING_SHARE = 0.2;

/** P17: reads through a provider that answers every fifth request with 503, whichever it is: how many are answered all the same. */
export const unreliableProvider: Measurement = { id: 'P17', run };

async function run({ stack, progress }: Bench): Promise<Figure[]> {
  const { info } = stack;
  progress(`P17 ${CALLS} reads through a provider that fails ${FAILING_SHARE * 100} % of requests, c = ${CONCURRENCY}`);
  const pool = new Pool(info.gatewayUrl, { connections: CONCURRENCY });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${info.agentKey}` };
  const executor = info.metrics['tool-executor'] ?? '';
  const sentBefore = await metricSum([executor], 'tool_provider_requests_total');
  const began = performance.now();
  let [next, answered] = [0, 0];
  const read = async (call: number): Promise<boolean> => {
    const times = failuresOf(call);
    const [tool, args] =
      times === 0
        ? ['sandbox_echo', { message: `message ${call}` }]
        : ['sandbox_fail', { status: 503, times, key: `bench-${began}-${call}` }];
    const body = JSON.stringify({ arguments: args, user: info.user });
    const answer = await pool.request({ path: `/v1/tools/${tool}/execute`, method: 'POST', headers, body });
    await answer.body.dump();
    return answer.statusCode === 200;
  };
  const caller = async () => {
    for (let call = next++; call < CALLS; call = next++) if (await read(call)) answered++;
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  const seconds = (performance.now() - began) / 1000;
  const sent = (await metricSum([executor], 'tool_provider_requests_total')) - sentBefore;
  await pool.close();
  return [
    figure(
      'P17.answered',
      'reads answered through a provider that fails 20 %',
      (answered / CALLS) * 100,
      '%',
      null,
      atLeast(99.9, '%'),
    ),
    figure('P17.sent', 'requests sent for each', sent / CALLS, '', null),
    figure('P17.rate', 'reads answered', answered / seconds, '1/s', null),
  ];
}

/** How often a call fails before it succeeds: the same in every run, as if each request failed by chance. */
function failuresOf(call: number): number {
  let failures = 0;
  while (chance(call, failures) < FAILING_SHARE) failures++;
  return failures;
}

/** 0 ≤ x < 1, spread evenly (the finaliser of MurmurHash3). */
function chance(call: number, attempt: number): number {
  let hash = Math.imul(call + 1, 0x9e3779b1) ^ Math.imul(attempt + 1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
