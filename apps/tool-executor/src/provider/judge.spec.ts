import { describe, expect, it } from '@jest/globals';
import type { Failure } from '@keyward/connectors';
import { EgressError, type EgressResponse } from '@keyward/egress';
import { judge as judgeWith, type Attempt, type Declared, type Repetition, type Verdict } from './judge.js';

const standard: Declared = {
  failureOf: () => undefined,
  provider: { limits: { rate: { limited_when: [], limit: [], remaining: [], reset: [] } } },
};
const judge = (request: Repetition, attempt: Attempt) => judgeWith(request, standard, attempt);
const read = { repeatable: true, idempotent: false };
const write = { repeatable: false, idempotent: false };
const keyed = { repeatable: false, idempotent: true };

function answered(status: number, headers: Record<string, string> = {}): { response: EgressResponse } {
  return { response: { status, headers, body: Buffer.from('{"why":"because"}') } };
}

function failed(
  code: 'provider_unavailable' | 'deadline_exceeded' | 'response_too_large' | 'egress_denied' | 'internal',
  may: boolean,
) {
  return { error: new EgressError(code, 'It failed.', may) };
}

const short = ({ kind, effect }: Verdict) => `${kind} ${effect}`;

describe('what one request came to', () => {
  it.each([
    [answered(200), 'answer settled', 'answer settled', 'answer settled'],
    [answered(204), 'answer settled', 'answer settled', 'answer settled'],
    [answered(304), 'final settled', 'final settled', 'final settled'],
    [answered(400), 'final settled', 'final settled', 'final settled'],
    [answered(401), 'unauthorized none', 'unauthorized none', 'unauthorized none'],
    [answered(403), 'final settled', 'final settled', 'final settled'],
    [answered(404), 'final settled', 'final settled', 'final settled'],
    [answered(408), 'again unknown', 'final unknown', 'again unknown'],
    [answered(409), 'final settled', 'final settled', 'final settled'],
    [answered(429), 'again none', 'again none', 'again none'],
    [answered(500), 'again unknown', 'final unknown', 'again unknown'],
    [answered(501), 'final settled', 'final settled', 'final settled'],
    [answered(502), 'again unknown', 'final unknown', 'again unknown'],
    [answered(503), 'again unknown', 'final unknown', 'again unknown'],
    [failed('provider_unavailable', false), 'again none', 'again none', 'again none'],
    [failed('provider_unavailable', true), 'again unknown', 'final unknown', 'again unknown'],
    [failed('deadline_exceeded', false), 'final none', 'final none', 'final none'],
    [failed('deadline_exceeded', true), 'final unknown', 'final unknown', 'final unknown'],
    [failed('response_too_large', true), 'final unknown', 'final unknown', 'final unknown'],
    [failed('egress_denied', false), 'final none', 'final none', 'final none'],
    [failed('egress_denied', true), 'final unknown', 'final unknown', 'final unknown'],
    [failed('internal', false), 'final none', 'final none', 'final none'],
  ])('%j: read %s, write %s, write with idempotency key %s', (attempt, ofRead, ofWrite, ofKeyed) => {
    expect([read, write, keyed].map((request) => short(judge(request, attempt)))).toEqual([ofRead, ofWrite, ofKeyed]);
  });

  it('carries status and body of the provider, and what it asked for', () => {
    expect(judge(read, answered(404))).toMatchObject({
      error: {
        code: 'provider_error',
        details: { providerStatus: 404, providerBody: { contentType: 'application/octet-stream' } },
      },
    });
    expect(judge(read, answered(429, { 'retry-after': '3' }))).toMatchObject({
      retryAfterMs: 3000,
      error: { code: 'rate_limited', details: { providerStatus: 429, retryAfterMs: 3000 } },
    });
  });

  it.each([429, 503])('reckons a moment that a %i names by the clock of who names it', (status) => {
    const [date, moment] = ['Tue, 01 Jan 2030 00:00:00 GMT', 'Tue, 01 Jan 2030 00:00:07 GMT'];
    expect(judge(read, answered(status, { date, 'retry-after': moment }))).toMatchObject({ retryAfterMs: 7000 });
    const byOurs = judge(read, answered(status, { 'retry-after': new Date(Date.now() + 9000).toUTCString() }));
    expect(byOurs).toMatchObject({ retryAfterMs: expect.closeTo(8500, -4) });
  });

  it.each([
    ['Bearer realm="x", error="insufficient_scope", scope="a:b c"', ['a:b', 'c']],
    ['Bearer error=insufficient_scope', []],
    ['Bearer error="insufficient_scope", scope=""', []],
    [`Bearer error="insufficient_scope", scope="${'x '.repeat(500)}"`, Array(50).fill('x')],
  ])('403 with %s names the scopes that are missing', (challenge, missing) => {
    expect(judge(write, answered(403, { 'www-authenticate': challenge }))).toEqual({
      kind: 'insufficient_scope',
      effect: 'none',
      health: 'answered',
      missing,
    });
  });

  it.each<[Attempt, number, string]>([
    [answered(200), 0, 'answered'],
    [answered(401), 0, 'answered'],
    [answered(404), 0, 'answered'],
    [answered(429), 0, 'answered'],
    [answered(501), 0, 'answered'],
    [answered(408), 0, 'outage'],
    [answered(500), 0, 'outage'],
    [answered(503), 0, 'outage'],
    [failed('provider_unavailable', false), 0, 'outage'],
    [failed('provider_unavailable', true), 0, 'outage'],
    [failed('deadline_exceeded', true), 300, 'unused'],
    [failed('deadline_exceeded', true), 10_000, 'outage'],
    [failed('egress_denied', false), 0, 'unused'],
    [failed('response_too_large', true), 0, 'unused'],
  ])('%j after %i ms says of the server: %s', (attempt, tookMs, health) => {
    for (const request of [read, write]) expect(judgeWith(request, standard, attempt, tookMs).health).toBe(health);
  });
});

describe('what the connector declares of an answer', () => {
  const declaring = (as: Failure['as'], message: string | null = null): Declared => ({
    ...standard,
    failureOf: () => ({ as, message }),
  });

  it.each<[Failure['as'], string, string, string]>([
    ['rate_limited', 'again none answered', 'again none answered', 'rate_limited'],
    ['unauthorized', 'unauthorized none answered', 'unauthorized none answered', 'provider_error'],
    ['missing_scopes', 'insufficient_scope none answered', 'insufficient_scope none answered', 'none'],
    ['provider_unavailable', 'again unknown outage', 'final unknown outage', 'provider_unavailable'],
    ['provider_error', 'final settled answered', 'final settled answered', 'provider_error'],
  ])('%s counts more than the status: read %s, write %s', (as, ofRead, ofWrite, code) => {
    for (const status of [200, 400, 500]) {
      const [one, other] = [read, write].map((request) => judgeWith(request, declaring(as), answered(status)));
      expect([one, other].map((verdict) => `${verdict?.kind} ${verdict?.effect} ${verdict?.health}`)).toEqual([ofRead, ofWrite]);
      expect(one !== undefined && 'error' in one ? one.error.code : 'none').toBe(code);
    }
  });

  it('gives the provider’s own sentence, bounded and with nothing in it that acts', () => {
    const verdict = judgeWith(read, declaring('provider_error', `No such \u001b[31mlist${'!'.repeat(2_000)}`), answered(200));
    const message = verdict.kind === 'final' ? verdict.error.message : '';
    expect(message).toMatch(/^The provider answered: No such /);
    expect(message).not.toContain('\u001b');
    expect(message.length).toBeLessThan(600);
  });
});
