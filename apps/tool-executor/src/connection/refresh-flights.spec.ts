import { describe, expect, it, jest } from '@jest/globals';
import { KeywardError, newId, refreshRequestSchema, toProblem, type RefreshReply, type RefreshRequest } from '@keyward/contracts';
import { RefreshFlights, type RefreshQuestion } from './refresh-flights.js';

const question: RefreshQuestion = { org: newId('org'), connection: newId('conn'), newerThan: 1, reason: 'expiring' };
const patient = { waitMs: 2_000, signal: new AbortController().signal };

interface Asked {
  request: RefreshRequest;
  answer: PromiseWithResolvers<RefreshReply>;
}

/** Questions that arrived, each answered when the test says. */
function flights(): { asked: Asked[]; renew: RefreshFlights['renew'] } {
  const asked: Asked[] = [];
  const ask = (_provider: string, request: RefreshRequest) => {
    const answer = Promise.withResolvers<RefreshReply>();
    asked.push({ request, answer });
    return answer.promise;
  };
  const all = new RefreshFlights(ask);
  return { asked, renew: (...given) => all.renew(...given) };
}

describe('questions for a newer credential', () => {
  it('are one for all who need the same', async () => {
    const { asked, renew } = flights();
    const hundred = Array.from({ length: 100 }, () => renew('acme', question, patient));
    expect(asked).toHaveLength(1);
    asked[0]?.answer.resolve({ outcome: 'refreshed', generation: 2 });
    expect(new Set(await Promise.all(hundred))).toEqual(new Set([{ outcome: 'refreshed', generation: 2 }]));
  });

  it.each<[string, Partial<RefreshQuestion>]>([
    ['organization', { org: newId('org') }],
    ['connection', { connection: newId('conn') }],
    ['generation', { newerThan: 2 }],
    ['reason', { reason: 'rejected_by_provider' }],
  ])('of another %s are others', async (_what, change) => {
    const { asked, renew } = flights();
    const both = [renew('acme', question, patient), renew('acme', { ...question, ...change }, patient)];
    for (const [index, { request, answer }] of asked.entries()) {
      expect(request).toMatchObject(index === 0 ? question : change);
      answer.resolve({ outcome: 'refreshed', generation: index });
    }
    expect(await Promise.all(both)).toMatchObject([{ generation: 0 }, { generation: 1 }]);
  });

  it.each<[string, (answer: Asked['answer']) => void, object]>([
    [
      'none could be had',
      ({ reject }) => reject(new KeywardError('dependency_unavailable', 'The bus is away.')),
      { code: 'dependency_unavailable' },
    ],
    [
      'it was no',
      ({ resolve }) => resolve({ outcome: 'failed', error: toProblem(new KeywardError('provider_unavailable', 'Not now.')) }),
      { error: { code: 'provider_unavailable' } },
    ],
  ])('are put again after an answer if %s', async (_what, end, told) => {
    const { asked, renew } = flights();
    const first = [renew('acme', question, patient), renew('acme', question, patient)];
    end(asked[0]?.answer as Asked['answer']);
    for (const one of first) expect(await one.catch((error: unknown) => error)).toMatchObject(told);
    const second = renew('acme', question, patient);
    asked[1]?.answer.resolve({ outcome: 'refreshed', generation: 2 });
    expect(await second).toMatchObject({ generation: 2 });
  });

  it('that brought what was asked for serve also who asks a moment later, having read what was there before', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const { asked, renew } = flights();
      const first = renew('acme', question, patient);
      asked[0]?.answer.resolve({ outcome: 'refreshed', generation: 2 });
      await first;
      jest.advanceTimersByTime(900);
      expect(await renew('acme', question, patient)).toMatchObject({ generation: 2 });
      void renew('acme', { ...question, newerThan: 2 }, patient);
      jest.advanceTimersByTime(200);
      void renew('acme', question, patient);
      expect(asked.map(({ request }) => request.newerThan)).toEqual([1, 2, 1]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('are waited for by each as long as it wants, and by those who come later', async () => {
    const { asked, renew } = flights();
    const began = performance.now();
    const hasty = renew('acme', question, { ...patient, waitMs: 20.5 });
    const slow = renew('acme', question, patient);
    expect(await hasty).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(5_000);
    const later = renew('acme', question, patient);
    asked[0]?.answer.resolve({ outcome: 'refreshed', generation: 2 });
    expect(await Promise.all([slow, later])).toMatchObject([{ generation: 2 }, { generation: 2 }]);
    expect(asked).toHaveLength(1);
  });

  it('are put anew for one who would wait longer than the answer is awaited, and then shared', async () => {
    const { asked, renew } = flights();
    const waits = [1, 60_000, 50_000, 5].map((waitMs) => renew('acme', question, { ...patient, waitMs }));
    expect(asked.map(({ request }) => request.waitMs > 60_000)).toEqual([false, true]);
    // The first one's end does not end the second's.
    asked[0]?.answer.resolve({ outcome: 'refreshed', generation: 2 });
    await waits[0];
    const joined = renew('acme', question, patient);
    expect(asked).toHaveLength(2);
    asked[1]?.answer.resolve({ outcome: 'refreshed', generation: 3 });
    expect(await joined).toMatchObject({ generation: 3 });
    expect(await Promise.all(waits)).toMatchObject([{ generation: 2 }, { generation: 3 }, { generation: 3 }, {}]);
  });

  it('end at once for a call that ends, and for no other', async () => {
    const { asked, renew } = flights();
    const controller = new AbortController();
    const ending = renew('acme', question, { ...patient, signal: controller.signal });
    const other = renew('acme', question, patient);
    const reason = new KeywardError('revoked', 'This connection was disconnected.');
    controller.abort(reason);
    await expect(ending).rejects.toBe(reason);
    await expect(renew('acme', question, { ...patient, signal: controller.signal })).rejects.toBe(reason);
    asked[0]?.answer.resolve({ outcome: 'refreshed', generation: 2 });
    expect(await other).toMatchObject({ generation: 2 });
  });

  it.each([-5, 0.001, 1, 1999.5, 60_000])('are well-formed for a wait of %d ms', (waitMs) => {
    const { asked, renew } = flights();
    const controller = new AbortController();
    void renew('acme', question, { waitMs, signal: controller.signal }).catch(() => undefined);
    expect(refreshRequestSchema.parse(asked[0]?.request).waitMs).toBeGreaterThanOrEqual(waitMs);
    controller.abort();
  });
});
