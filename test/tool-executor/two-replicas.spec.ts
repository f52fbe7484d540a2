import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, subjects, type AuditEvent, type ExecutionResult, type ProviderPaused } from '@keyward/contracts';
import { onProviderPaused } from '@keyward/jetstream';
import type { RunningService } from '@keyward/service-host';
import { waitFor } from '@keyward/testing';
import { CONNECTOR, TOOLS } from './acme.js';
import { System, type Person } from './system.js';

const QUOTAS = [
  '{ per: connection, requests: 5, seconds: 1 }',
  '{ per: connection, bucket: free, requests: 100000, seconds: 1 }',
];
const LIMITS = `limits: { max_attempts: 3, quotas: [${QUOTAS.join(', ')}] }`;
/** Without a quota that holds it up, and with a cost. */
const PAID = `
- name: acme_paid
  title: A paid call
  description: A call that costs something.
  effect: write
  input: { type: object, properties: { text: { type: string }, channel: { type: string } } }
  request: { method: POST, path: /paid, body: { text: $.text, channel: $.channel } }
  limits: { bucket: free }
  cost: 0.002
  sensitive: [/text]
`;
const CALLS = 14;

let system: System;
let replicas: RunningService[];
let arrivals: number[];

beforeAll(async () => {
  system = await System.start(CONNECTOR.replace(/^limits:.*$/m, LIMITS), TOOLS + PAID);
  const recorded = { KEYWARD_AUDIT_ARGUMENTS: 'redacted', KEYWARD_COST_CURRENCY: 'EUR' };
  replicas = [await system.startExecutor(recorded), await system.startExecutor(recorded)];
  await Promise.all(replicas.map(({ started }) => started));
}, 60_000);
beforeEach(() => void (arrivals = []));
afterAll(() => system.stop());

function answer(statusOf: (index: number) => number): void {
  system.upstream.answer = (_request, response) => {
    arrivals.push(performance.now());
    const status = statusOf(arrivals.length - 1);
    response.writeHead(status, { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '2' } : {}) });
    response.end('{"ok":true}');
  };
}

/** Of each of them, the sum of the series that begin so. */
async function counts(series: RegExp): Promise<number[]> {
  const texts = replicas.map(async ({ opsUrl }) => (await fetch(`${opsUrl}/metrics`)).text());
  const linesOf = (text: string) => text.split('\n').filter((line) => series.test(line));
  return (await Promise.all(texts)).map((text) => linesOf(text).reduce((sum, line) => sum + Number(line.split(' ')[1]), 0));
}

/** How many calls each of them has carried out so far, and how many it refused for a budget. */
const shares = (): Promise<number[]> => counts(/^tool_executions_total\{.*state="succeeded"/);
const refusals = (): Promise<number[]> => counts(/^budget_exceeded_total\b/);

describe('two executors', () => {
  it('keep a quota together, to the request', async () => {
    answer(() => 200);
    const ada = await system.person('access-token-of-ada');
    const began = performance.now();
    const results = await Promise.all(Array.from({ length: CALLS }, () => system.call(ada, 'acme_get')));
    expect(results.map(({ state }) => state)).toEqual(Array(CALLS).fill('succeeded'));
    // However long each was on its way: the sixth can not have left within the window of the first.
    expect((arrivals[5] ?? 0) - began).toBeGreaterThanOrEqual(990);
    expect((arrivals[10] ?? 0) - began).toBeGreaterThanOrEqual(1_990);
    expect(results.filter(({ rateLimit }) => (rateLimit?.waitedMs ?? 0) > 0).length).toBeGreaterThanOrEqual(CALLS - 5);
    for (const share of await shares()) expect(share).toBeGreaterThan(0);
  });

  it('heed both the pause that one was asked for', async () => {
    answer((index) => (index === 0 ? 429 : 200));
    const eve = await system.person('access-token-of-eve');
    const pauses: ProviderPaused[] = [];
    const news = onProviderPaused(system.nc, (pause) => pauses.push(pause));
    await system.nc.flush();
    const first = system.call(eve, 'acme_get');
    await waitFor(() => pauses.length === 1);
    news.unsubscribe();
    const others = Array.from({ length: 6 }, () => system.call(eve, 'acme_get'));
    const results = await Promise.all([first, ...others]);
    expect(results.map(({ state }) => state)).toEqual(Array(7).fill('succeeded'));
    const early = arrivals.slice(1).filter((at) => at - (arrivals[0] ?? 0) < 1_900);
    expect(early).toEqual([]);
    expect(pauses).toMatchObject([{ pauseMs: 2_000 }]);
  });
});

describe('two executors and a budget', () => {
  const paid = { arguments: { text: 'of a secret plan', channel: 'C1' } };
  let person: Person;
  let budget: string;

  beforeEach(async () => {
    person = await system.person('access-token-of-ada');
    budget = newId('bgt');
    answer(() => 200);
  });

  /** As auth-service makes it and says so. @returns how many calls passed until both replicas had heard of it */
  async function allow(column: 'max_calls' | 'max_cost_micros', limit: number): Promise<number> {
    const say = (): void => system.nc.publish(subjects.controlBudgetsChanged, JSON.stringify({ org: person.org }));
    await system.sql(`INSERT INTO governance.budget (id, org_id, name, period, ${column}) VALUES ($1, $2, 'all', 'month', 0)`, [
      budget,
      person.org,
    ]);
    say();
    await untilBoth(refusals);
    await system.sql(`UPDATE governance.budget SET ${column} = $2 WHERE id = $1`, [budget, limit]);
    say();
    return untilBoth(shares);
  }

  async function usedOf(): Promise<number> {
    const [row] = (await system.sql('SELECT used::int AS used FROM execution.budget_use WHERE budget_id = $1', [budget])) as {
      used: number;
    }[];
    return row?.used ?? 0;
  }

  /** Calls until both replicas count what is looked for. @returns how many of the calls succeeded */
  async function untilBoth(count: () => Promise<number[]>): Promise<number> {
    const before = await count();
    let passed = 0;
    await waitFor(
      async () => {
        passed += (await many(2)).filter(({ state }) => state === 'succeeded').length;
        return (await count()).every((now, index) => now > (before[index] ?? 0));
      },
      { what: 'both replicas' },
    );
    return passed;
  }

  const many = (count: number): Promise<ExecutionResult[]> =>
    Promise.all(Array.from({ length: count }, () => system.call(person, 'acme_paid', paid)));

  it('let exactly as many calls through as it allows, of three times as many', async () => {
    const earlier = await allow('max_calls', 100);
    const before = await shares();
    const results = await many(300);
    const passed = results.filter(({ state }) => state === 'succeeded');
    const refused = results.filter(({ state }) => state === 'denied');
    expect([earlier + passed.length, passed.length + refused.length]).toEqual([100, 300]);
    for (const [index, share] of (await shares()).entries()) expect(share).toBeGreaterThan(before[index] ?? 0);
    expect(refused[0]).toMatchObject({
      attempts: 0,
      error: { code: 'budget_exceeded', budget: 'all', period: 'month', resetsAt: expect.stringMatching(/-01T00:00:00.000Z$/) },
    });
    expect(refused[0]).not.toHaveProperty('cost');
    expect(passed[0]).toMatchObject({ cost: { amount: '0.002', currency: 'EUR' } });
    expect(await usedOf()).toBe(100);
    const told = (await system.sql('SELECT subject FROM bus.outbox WHERE subject LIKE $1 ORDER BY seq', [
      `budget.%.${person.org}`,
    ])) as {
      subject: string;
    }[];
    const [zero, ...hundred] = told.map(({ subject }) => subject.split('.')[1]);
    expect([zero, hundred]).toEqual(['exceeded', ['warned', 'exceeded']]);
  });

  it('let no more cost through than it allows, and charge each execution once', async () => {
    const earlier = await allow('max_cost_micros', 40_000);
    const key = { idempotencyKey: 'once' };
    const first = await system.call(person, 'acme_paid', { ...paid, ...key });
    const again = await system.call(person, 'acme_paid', { ...paid, ...key });
    expect(first).toHaveProperty('cost');
    expect(again).toMatchObject({ state: 'succeeded', id: expect.not.stringContaining(first.id) });
    expect(again).not.toHaveProperty('cost');
    const dry = await system.call(person, 'acme_paid', { ...paid, dryRun: true });
    expect(dry).not.toHaveProperty('cost');
    const results = await many(30);
    expect(results.filter(({ state }) => state === 'succeeded')).toHaveLength(20 - earlier - 1);
    const events = await Promise.all([first, again].map(({ id }) => system.auditEvents(id)));
    expect(events.map(([event]) => event?.costMicros)).toEqual([2_000, undefined]);
  });

  it('is told of in the trail without what the tool calls sensitive', async () => {
    const { id } = await system.call(person, 'acme_paid', paid);
    const [event] = await system.auditEvents(id);
    expect(event).toMatchObject({ arguments: { text: '[redacted]', channel: 'C1' } } satisfies Partial<AuditEvent>);
    expect(JSON.stringify(event)).not.toContain('secret plan');
  });
});
