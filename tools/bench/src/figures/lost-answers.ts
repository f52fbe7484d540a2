import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Bench, Measurement } from '../bench.js';
import { atLeast, exactly, figure, type Figure } from '../figure.js';

const WRITES = 10_000;
/** As many as one executor has under way at one provider. */
const CONCURRENCY = 64;
/** Long enough for the provider to have carried the write out. */
const TIMEOUT_MS = 500;
/** Where the time was over before anything was sent. */
const TRIES = 5;
/** For asking what came of it, which takes no provider. */
const PATIENCE_MS = 10_000;
const ASK_AGAIN_MS = 1_000;
const PAGE = 100;
const SHOWN = 10;
/** One whose provider recognises a repetition by its key, and one whose provider does not. */
const TOOLS = ['sandbox_create_note', 'sandbox_mutate_note'] as const;

/** What is said of a write that was, or may have been. */
const CARRIED_OUT = new Set(['succeeded', 'outcome_unknown']);

/** What the platform said of a write in the end, when it was asked for once more under its idempotency key. */
interface Told {
  title: string;
  code: string;
}

/** P18: writes that the provider carries out and never answers, each asked for again: how often each was carried out, and whether what was said of it is true. */
export const lostAnswers: Measurement = { id: 'P18', run };

async function run(bench: Bench): Promise<Figure[]> {
  bench.progress(`P18 ${WRITES} writes that are carried out and not answered, each asked for twice, c = ${CONCURRENCY}`);
  const series = `lost ${Date.now()}`;
  const manage = levers(bench);
  let told: Told[];
  try {
    for (const path of ['/api/notes', '/api/graphql']) await manage('POST', { kind: 'silence', path, method: 'POST' });
    told = await writeAll(bench, series);
  } finally {
    await manage('DELETE');
  }
  const carriedOut = await notesPerTitle(bench, series);
  const timesOf = ({ title }: Told) => carriedOut.get(title) ?? 0;
  const duplicates = told.reduce((sum, one) => sum + Math.max(0, timesOf(one) - 1), 0);
  const untrue = told.filter((one) => !isTrue(one.code, timesOf(one)));
  for (const { title, code } of untrue.slice(0, SHOWN)) bench.progress(`P18 “${title}”: said ${code}`);
  return [
    figure(
      'P18.duplicates',
      `side effects too many, of ${WRITES} writes whose answers were lost`,
      duplicates,
      '',
      null,
      exactly(0),
    ),
    figure('P18.untrue', 'of which something was said that is not so', untrue.length, '', null, exactly(0)),
    figure('P18.done', 'carried out by the provider', carriedOut.size, '', null, atLeast(WRITES * 0.99, '')),
  ];
}

/** Of a write that is said to be unknown anything may be so. */
function isTrue(code: string, times: number): boolean {
  if (code === 'outcome_unknown') return true;
  return code === 'succeeded' ? times === 1 : times === 0;
}

async function writeAll({ stack: { info } }: Bench, series: string): Promise<Told[]> {
  const pool = new Pool(info.gatewayUrl, { connections: CONCURRENCY });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${info.agentKey}` };
  const ask = async (tool: string, title: string, timeoutMs: number): Promise<string> => {
    const body = JSON.stringify({ user: info.user, arguments: { title }, idempotencyKey: title, timeoutMs });
    const answer = await pool.request({ path: `/v1/tools/${tool}/execute`, method: 'POST', headers, body });
    const { state, code } = (await answer.body.json()) as { state?: string; code?: string };
    return code ?? state ?? 'nothing';
  };
  const told: Told[] = [];
  let next = 0;
  const caller = async () => {
    for (let write = next++; write < WRITES; write = next++) {
      const [tool, title] = [TOOLS[write % TOOLS.length] ?? TOOLS[0], `${series} ${write}`];
      let tries = 1;
      while (!CARRIED_OUT.has(await ask(tool, title, TIMEOUT_MS)) && tries < TRIES) tries++;
      told.push({ title, code: await inTheEnd(() => ask(tool, title, PATIENCE_MS)) });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  await pool.close();
  return told;
}

/** That too many ask at once says nothing of the write. */
async function inTheEnd(ask: () => Promise<string>): Promise<string> {
  let code = await ask();
  for (let again = 1; code === 'rate_limited' && again < TRIES; again++) {
    await delay(ASK_AGAIN_MS);
    code = await ask();
  }
  return code;
}

/** From the provider itself. */
async function notesPerTitle({ stack: { info }, accessToken }: Bench, series: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const headers = { authorization: `Bearer ${accessToken}` };
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const response = await fetch(`${info.sandbox.url}/api/notes?limit=${PAGE}${query}`, { headers });
    if (!response.ok) throw new Error(`the sandbox lists no notes: ${response.status}`);
    const page = (await response.json()) as { notes: { title: string }[]; nextCursor: string | null };
    for (const { title } of page.notes) if (title.startsWith(series)) found.set(title, (found.get(title) ?? 0) + 1);
    cursor = page.nextCursor;
  }
  return found;
}

/** The sandbox's chaos. */
function levers({ stack }: Bench): (method: 'POST' | 'DELETE', order?: object) => Promise<void> {
  const headers = { authorization: `Bearer ${stack.sandboxManagementToken}` };
  return async (method, order) => {
    const content = order === undefined ? {} : { body: JSON.stringify(order) };
    const typed = order === undefined ? headers : { ...headers, 'content-type': 'application/json' };
    const response = await fetch(`${stack.info.sandbox.url}/sandbox/chaos`, { method, headers: typed, ...content });
    if (!response.ok) throw new Error(`the sandbox took no order: ${response.status}`);
  };
}
