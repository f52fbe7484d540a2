import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { OAuthError, type OAuthFailure } from '@keyward/oauth';
import { BrokenCircuitError } from 'cockatiel';
import { backoffMs } from './backoff.js';
import { decide, LeaseTooShort, TooYoung, type FailedAttempt } from './decide.js';

const now = new Date('2030-01-01T00:00:00Z');
const in20s = new Date(now.getTime() + 20_000);

const provider = (rotates: boolean, method?: 'reissue' | 'exchange') =>
  providerManifestSchema.parse({
    name: 'acme',
    title: 'Acme',
    auth: {
      kind: 'oauth2_authorization_code',
      authorization_endpoint: 'https://acme.example/auth',
      token_endpoint: 'https://acme.example/token',
      scopes: { default: [] },
    },
    refresh: { rotates, method },
    base_url: 'https://acme.example/api',
    origins: ['https://acme.example'],
  });

const failure = (kind: OAuthFailure, options: { maybeRedeemed?: boolean; retryAfterMs?: number; providerStatus?: number } = {}) =>
  new OAuthError(kind, 'It failed.', { maybeRedeemed: false, ...options });

const attempt = (
  error: unknown,
  changes: Partial<FailedAttempt> & { rotates?: boolean; method?: 'reissue' | 'exchange' } = {},
): FailedAttempt => ({
  error,
  provider: provider(changes.rotates ?? true, changes.method),
  accessExpiresAt: in20s,
  failures: 0,
  accessRejected: false,
  now,
  ...changes,
});

const pauseOf = (decision: ReturnType<typeof decide>) =>
  decision.do === 'keep' ? decision.retryAt.getTime() - now.getTime() : NaN;

describe('decide', () => {
  it('keeps the connection over a transient failure and comes back later each time', () => {
    const pauses = [0, 1, 2, 3].map((failures) => pauseOf(decide(attempt(failure('transient'), { failures }))));
    pauses.forEach((pause, failures) => {
      expect(pause).toBeGreaterThanOrEqual(500 * 2 ** failures);
      expect(pause).toBeLessThanOrEqual(1000 * 2 ** failures);
    });
  });

  it('waits at least as long as Retry-After asks', () => {
    const decision = decide(attempt(failure('transient', { retryAfterMs: 45_000 })));
    expect(decision).toMatchObject({ do: 'keep', outcome: 'transient', maybeRedeemed: false });
    expect(pauseOf(decision)).toBe(45_000);
  });

  it('gives the refresh token up only when the provider says so', () => {
    expect(decide(attempt(failure('invalid_grant')))).toMatchObject({ do: 'reauthorize', outcome: 'invalid_grant' });
    for (const kind of ['transient', 'invalid_client', 'malformed', 'rejected'] as const) {
      expect(decide(attempt(failure(kind)))).toMatchObject({ do: 'keep', outcome: kind });
    }
  });

  it.each([
    ['a lost answer', failure('transient', { maybeRedeemed: true })],
    ['a malformed answer', failure('malformed', { maybeRedeemed: true })],
    ['an earlier holder that was not heard of again', undefined],
  ])('after %s never sends a rotating token again', (_what, error) => {
    // The access token serves to its end …
    expect(decide(attempt(error))).toMatchObject({ do: 'keep', outcome: 'answer_lost', retryAt: in20s, maybeRedeemed: true });
    // … and is not waited for where it has none, or is refused already.
    const lost = { do: 'reauthorize', outcome: 'answer_lost', reason: expect.stringContaining('lost') };
    expect(decide(attempt(error, { accessExpiresAt: now }))).toMatchObject(lost);
    expect(decide(attempt(error, { accessExpiresAt: null }))).toMatchObject(lost);
    expect(decide(attempt(error, { accessRejected: true }))).toMatchObject(lost);
  });

  it.each([
    [500, 'transient'],
    [503, 'transient'],
    [502, 'answer_lost'],
    [504, 'answer_lost'],
    [522, 'answer_lost'],
  ])('takes an answer %i for %s', (providerStatus, outcome) => {
    const error = failure('transient', { maybeRedeemed: true, providerStatus });
    expect(decide(attempt(error))).toMatchObject({ do: 'keep', outcome });
  });

  it('sends a token that does not rotate again', () => {
    const decision = decide(attempt(failure('transient', { maybeRedeemed: true }), { rotates: false }));
    expect(decision).toMatchObject({ do: 'keep', outcome: 'transient', maybeRedeemed: false });
    expect(pauseOf(decision)).toBeLessThanOrEqual(1000);
  });

  it.each(['reissue', 'exchange'] as const)('%s: nothing is used up by asking, so a lost answer is asked for again', (method) => {
    for (const kind of ['transient', 'malformed'] as const) {
      const decision = decide(attempt(failure(kind, { maybeRedeemed: true }), { method, accessExpiresAt: now }));
      expect(decision).toMatchObject({ do: 'keep', outcome: kind, maybeRedeemed: false });
    }
  });

  it('gives a token up that is its own way to the next, once the provider refuses it', () => {
    const refused = { method: 'exchange', accessRejected: true } as const;
    expect(decide(attempt(failure('rejected'), refused))).toMatchObject({ do: 'reauthorize' });
    expect(decide(attempt(new TooYoung(in20s), refused))).toMatchObject({ do: 'reauthorize' });
    expect(decide(attempt(failure('transient'), refused))).toMatchObject({ do: 'keep' });
    expect(decide(attempt(failure('rejected'), { method: 'reissue', accessRejected: true }))).toMatchObject({ do: 'keep' });
    expect(decide(attempt(new TooYoung(in20s), { method: 'exchange' }))).toMatchObject({ do: 'keep', retryAt: in20s });
  });

  it('leaves the connection alone when our own registration is refused, and does not hammer', () => {
    const decision = decide(attempt(failure('invalid_client'), { accessExpiresAt: now }));
    expect(decision).toMatchObject({ do: 'keep', outcome: 'invalid_client' });
    expect(pauseOf(decision)).toBeGreaterThanOrEqual(15_000);
  });

  it('counts neither an open breaker nor a short lease against the token', () => {
    expect(decide(attempt(new BrokenCircuitError()))).toMatchObject({
      do: 'keep',
      outcome: 'circuit_open',
      maybeRedeemed: false,
    });
    expect(decide(attempt(new LeaseTooShort()))).toMatchObject({ do: 'keep', outcome: 'postponed', maybeRedeemed: false });
  });

  it('waits for our own dependencies, and says nothing of an unforeseen error to askers', () => {
    const away = new KeywardError('dependency_unavailable', 'The key service is away.');
    expect(decide(attempt(away))).toMatchObject({ do: 'keep', outcome: 'transient' });
    const decision = decide(attempt(new TypeError('secret detail')));
    expect(decision).toMatchObject({ do: 'keep', outcome: 'internal' });
    expect(decision.do === 'keep' && decision.error.message).not.toContain('secret detail');
  });
});

describe('backoffMs', () => {
  it('doubles up to its bound, between half and all of it', () => {
    const bounds = { baseMs: 100, maxMs: 1000 };
    expect([0, 1, 2, 3, 4, 500].map((failures) => backoffMs(failures, bounds, () => 0))).toEqual([50, 100, 200, 400, 500, 500]);
    expect(backoffMs(2, bounds, () => 0.999)).toBeCloseTo(400, 0);
  });
});
