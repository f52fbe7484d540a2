import { createInterface } from 'node:readline';
import { Pool } from 'undici';
import { closedLoop } from '../load/loops.js';

/**
 * The floor of P4: refresh_token grants in a bare loop, in a process of its own as the refresher is. It keeps nothing but the newest
 * refresh token of each family, in memory. The HTTP client is undici, as in the refresher, without anything around it.
 *
 * One line of JSON on standard input: see `LoopOrder`. One line of JSON on standard output: calls per second and percentiles in ms.
 */
export interface LoopOrder {
  url: string;
  clientId: string;
  clientSecret: string;
  concurrency: number;
  warmupMs: number;
  measureMs: number;
  refreshTokens: string[];
}

export interface LoopResult {
  rate: number;
  p50: number;
  p99: number;
  /** Calls answered, those of the warm-up too. */
  answered: number;
}

async function run(order: LoopOrder): Promise<LoopResult> {
  const pool = new Pool(order.url, { connections: order.concurrency });
  const authorization = `Basic ${Buffer.from(`${order.clientId}:${order.clientSecret}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  // Whoever takes a token out puts its successor back, so that no family is in two hands.
  const waiting = order.refreshTokens;
  const call = async () => {
    const refreshToken = waiting.shift();
    if (refreshToken === undefined) throw new Error('there are fewer families than callers');
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }).toString();
    const answer = await pool.request({ path: '/token', method: 'POST', headers, body });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}: ${text}`);
    waiting.push((JSON.parse(text) as { refresh_token: string }).refresh_token);
  };
  const result = await closedLoop(call, order);
  await pool.close();
  if (result.errors > 0) throw result.firstError;
  const { rate, samples, answered } = result;
  return { rate, p50: samples.percentile(50), p99: samples.percentile(99), answered };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as LoopOrder))}\n`);
  break;
}
process.exit(0);
