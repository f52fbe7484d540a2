import { describe, expect, it } from '@jest/globals';
import { EgressError, type EgressResponse } from '@keyward/egress';
import { judge as judgeWith, type Attempt, type Repetition, type Verdict } from './judge.js';

const standard = { rate: { limited_when: [], limit: [], remaining: [], reset: [] } };
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
      missing,
    });
  });
});
