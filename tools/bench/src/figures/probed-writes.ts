import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';
import type { Bench, Measurement } from '../bench.js';
import { atLeast, exactly, figure, type Figure } from '../figure.js';

const WRITES = 10_000;
const CONCURRENCY = 64;
const TIMEOUT_MS = 400;
/** A caller that is told nothing good asks again, under the same key. */
const TRIES = 3;
/** What the provider does once it has carried a write out. */
const ENDINGS = ['answer', 'silence', 'reset', 'error'] as const;
const ASKED = 'sandbox_place_order';
const UNASKED = 'sandbox_place_order_unasked';

/** P19: the same with a provider that can be asked what it has carried out, beside one that can not; lost in four ways, and asked for again and again. */
export const probedWrites: Measurement = { id: 'P19', run };

interface Tally {
  succeeded: number;
  unknown: number;
}

async function run({ stack, accessToken, progress }: Bench): Promise<Figure[]> {
  const { info } = stack;
  progress(
    `P19 ${WRITES} writes to a provider that loses three answers of four, each tried up to ${TRIES} times, c = ${CONCURRENCY}`,
  );
  const gateway = new Pool(info.gatewayUrl, { connections: CONCURRENCY });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${info.agentKey}` };
  const prefix = `bench-${Math.round(performance.timeOrigin)}-`;
  const tallies: Record<string, Tally> = { [ASKED]: { succeeded: 0, unknown: 0 }, [UNASKED]: { succeeded: 0, unknown: 0 } };
  const write = async (number: number) => {
    const tool = number % 2 === 0 ? ASKED : UNASKED;
    const args = { item: `${prefix}${number}`, ending: ENDINGS[(number >> 1) % ENDINGS.length] };
    const call = { arguments: args, user: info.user, idempotencyKey: args.item, timeoutMs: TIMEOUT_MS };
    for (let tries = 0, code = ''; tries < TRIES && code !== 'succeeded'; tries++) {
      const answer = await gateway.request({
        ...{ path: `/v1/tools/${tool}/execute`, method: 'POST' as const, headers, body: JSON.stringify(call) },
      });
      const said = (await answer.body.json()) as { state?: string; code?: string };
      code = said.state ?? said.code ?? '';
      const tally = tallies[tool];
      if (tally === undefined) continue;
      if (code === 'succeeded') tally.succeeded++;
      else if (tries === TRIES - 1 && code === 'outcome_unknown') tally.unknown++;
    }
  };
  let next = 0;
  const caller = async () => {
    for (let number = next++; number < WRITES; number = next++) await write(number);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  await gateway.close();
  const summary = await fetch(`${info.sandbox.url}/api/orders/summary?prefix=${prefix}`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  const { orders, items } = (await summary.json()) as { orders: number; items: number };
  const known = (tool: string) => {
    const { succeeded, unknown } = tallies[tool] ?? { succeeded: 0, unknown: 0 };
    return (succeeded / (succeeded + unknown)) * 100;
  };
  return [
    figure('P19.twice', `of ${WRITES} writes with lost answers, carried out twice`, orders - items, '', null, exactly(0)),
    figure('P19.sent', 'carried out, the others being told that they were not', (items / WRITES) * 100, '%', null),
    figure('P19.found', 'known in the end, of a provider that can be asked', known(ASKED), '%', null, atLeast(99, '%')),
    figure('P19.known', 'of one that can not', known(UNASKED), '%', null),
  ];
}
