import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult, Problem } from '@keyward/contracts';
import { ApiError } from '@keyward/sdk';
import { connectUser } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { callTool, problemOf, wholeSystem, type CallOptions } from './support/whole-system.js';

interface OrderReport {
  id: string;
  order: { kind: string };
  seen: number;
  spoilt: number;
}

const NOTES = '/api/notes';
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

describe('a provider in trouble', () => {
  const system = wholeSystem();
  beforeAll(() => connectUser(system.stack), 30_000);
  afterEach(() => system.levers.delete('/sandbox/chaos'));

  const order = (body: object) => system.levers.post<OrderReport>('/sandbox/chaos', body);
  const seenBy = async ({ id }: OrderReport) => {
    const { orders } = await system.levers.get<{ orders: OrderReport[] }>('/sandbox/chaos');
    return orders.find((one) => one.id === id)?.seen;
  };
  const read = () => callTool(system, 'sandbox_list_notes', { arguments: { limit: 1 } });
  const titles = async (): Promise<string[]> => {
    const { output } = await callTool(system, 'sandbox_list_notes', { arguments: { limit: 100 } });
    return (output as { notes: { title: string }[] }).notes.map(({ title }) => title);
  };
  const outcome = (request: Promise<ExecutionResult>): Promise<ExecutionResult | Problem> =>
    request.catch((error: unknown) => {
      if (error instanceof ApiError) return error.problem as Problem;
      throw error;
    });

  it.each(['retry-after', 'retry-after-date', 'ratelimit', 'ratelimit-fields', 'x-ratelimit'])(
    'that limits in the style %s is read all the same, once the time that it named is over',
    async (style) => {
      const storm = await order({ kind: 'limit', style, seconds: 1, path: NOTES, count: 2 });
      const results = await Promise.all(times(8, read));
      expect(results.map(({ state }) => state)).toEqual(times(8, () => 'succeeded'));
      expect(results.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(8 + 2);
      expect(await seenBy(storm)).toBe(2);
      for (const { attempts, rateLimit, durationMs } of results) {
        // Each refusal was followed by the wait that it asked for, and the result tells of it.
        const { waitedMs = 0 } = rateLimit ?? {};
        expect([waitedMs >= (attempts - 1) * 900, waitedMs <= durationMs + 1]).toEqual([true, true]);
      }
    },
  );

  it('that limits and does not say for how long is read with patience', async () => {
    const storm = await order({ kind: 'limit', style: 'none', path: NOTES, count: 4 });
    const results = await Promise.all(times(4, read));
    expect(results.map(({ state }) => state)).toEqual(times(4, () => 'succeeded'));
    expect(results.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(8);
    expect(await seenBy(storm)).toBe(4);
  });

  it('that fails a fifth of the time in every way is read every time', async () => {
    const disorders = [
      { kind: 'fail' },
      { kind: 'fail', status: 500, processed: true },
      { kind: 'reset' },
      { kind: 'cut' },
      { kind: 'slow', ms: 50 },
    ];
    for (const [seed, disorder] of disorders.entries()) await order({ ...disorder, path: NOTES, share: 0.05, seed });
    const results: ExecutionResult[] = [];
    for (let turn = 0; turn < 10; turn++) results.push(...(await Promise.all(times(8, read))));
    expect(results.map(({ state }) => state)).toEqual(times(80, () => 'succeeded'));
    const { orders } = await system.levers.get<{ orders: OrderReport[] }>('/sandbox/chaos');
    const spoilt = orders.reduce((sum, one) => (one.order.kind === 'slow' ? sum : sum + one.spoilt), 0);
    expect(spoilt).toBeGreaterThan(5);
    expect(results.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(80 + spoilt);
  });

  /** What becomes of a write whose provider knows its idempotency key, and of one whose does not; and how many notes each leaves. */
  it.each<[string, object, [string, number], [string, number]]>([
    ['is limited', { kind: 'limit', style: 'retry-after', seconds: 0 }, ['succeeded', 1], ['succeeded', 1]],
    ['is reset before it is carried out', { kind: 'reset' }, ['succeeded', 1], ['unknown', 0]],
    ['is reset after it was carried out', { kind: 'reset', processed: true }, ['succeeded', 1], ['unknown', 1]],
    ['is carried out and answered with an error', { kind: 'fail', processed: true }, ['succeeded', 1], ['unknown', 1]],
    ['is carried out and half answered', { kind: 'cut' }, ['succeeded', 1], ['unknown', 1]],
    ['is carried out and half answered for ever', { kind: 'cut', style: 'stalled' }, ['unknown', 1], ['unknown', 1]],
    ['is carried out and never answered', { kind: 'silence' }, ['unknown', 1], ['unknown', 1]],
  ])('a write that %s is carried out once, or honestly unknown', async (what, disorder, keyed, keyless) => {
    const writes = [
      { tool: 'sandbox_create_note', path: NOTES, expected: keyed },
      { tool: 'sandbox_mutate_note', path: '/api/graphql', expected: keyless },
    ];
    const found = await Promise.all(
      writes.map(async ({ tool, path, expected }) => {
        await order({ ...disorder, path, method: 'POST', count: 1 });
        const title = `${tool} ${what}`;
        const options: CallOptions = { arguments: { title }, idempotencyKey: title, timeoutMs: 800 };
        const first = await outcome(callTool(system, tool, options));
        // Asked for a second time it is not done a second time, and nothing else is said of it.
        const again = await outcome(callTool(system, tool, options));
        const states = [first, again].map((one) =>
          'state' in one ? one.state : `${one.code} ${'sentAt' in one ? 'since then' : ''}`,
        );
        const [state, notes] = expected;
        const said = state === 'unknown' ? 'outcome_unknown since then' : state;
        return { title, notes, states, expected: [said, said] };
      }),
    );
    const written = await titles();
    for (const { title, notes, states, expected } of found) {
      expect([title, states, written.filter((one) => one === title).length]).toEqual([title, expected, notes]);
    }
  });

  it('that only fails is left alone, and called again once it is well', async () => {
    const illness = await order({ kind: 'fail', path: '/api/' });
    const watch = await order({ kind: 'watch', path: '/api/' });
    await waitFor(async () => {
      const problems = await Promise.all(times(10, () => problemOf(read())));
      return problems.some(({ detail }) => detail?.includes('nothing is sent to it'));
    });
    const seen = await seenBy(watch);
    const spared = await Promise.all(times(20, () => problemOf(read())));
    expect(new Set(spared.map(({ code, status }) => `${code} ${status}`))).toEqual(new Set(['provider_unavailable 503']));
    expect(spared.every(({ retryAfterMs }) => Number(retryAfterMs) > 0 && Number(retryAfterMs) <= 5_000)).toBe(true);
    expect(await seenBy(watch)).toBe(seen);

    await system.levers.delete(`/sandbox/chaos/${illness.id}`);
    const well = await waitFor(async () => read().catch(() => undefined), { timeoutMs: 15_000, what: 'it recovers' });
    expect(well).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(await seenBy(watch)).toBe(Number(seen) + 1);
    expect((await Promise.all(times(10, read))).map(({ state }) => state)).toEqual(times(10, () => 'succeeded'));
  }, 30_000);
});
