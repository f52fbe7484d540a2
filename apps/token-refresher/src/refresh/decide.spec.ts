import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { OAuthError, type OAuthFailure } from '@keyward/oauth';
import { backoffMs } from './backoff.js';
import { LaneClosed, LeaseTooShort } from '../lanes/refusals.js';
import { decide, mayBeSpent, TooYoung, Unsettled, type FailedAttempt } from './decide.js';

const IN_20_S = 20_000;

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

const failure = (
  kind: OAuthFailure,
  options: { maybeRedeemed?: boolean; retryAfterMs?: number; providerStatus?: number; oauthError?: string } = {},
) => new OAuthError(kind, 'It failed.', { maybeRedeemed: false, ...options });

const attempt = (
  error: unknown,
  changes: Partial<FailedAttempt> & { rotates?: boolean; method?: 'reissue' | 'exchange' } = {},
): FailedAttempt => ({
  error,
  doubt: 'none',
  provider: provider(changes.rotates ?? true, changes.method),
  accessExpiresInMs: IN_20_S,
  failures: 0,
  rejections: 0,
  accessRejected: false,
  ...changes,
});

const pauseOf = (decision: ReturnType<typeof decide>) => (decision.do === 'reauthorize' ? NaN : decision.retryInMs);

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
    for (const kind of ['transient', 'malformed', 'rejected'] as const) {
      expect(decide(attempt(failure(kind)))).toMatchObject({ do: 'keep', outcome: kind, counts: true });
    }
  });

  it.each([
    ['a lost answer', failure('transient', { maybeRedeemed: true })],
    ['a malformed answer', failure('malformed', { maybeRedeemed: true })],
    ['a short lease after a lost answer', new LeaseTooShort()],
    ['an earlier request that was never answered', undefined],
  ])('after %s a token that is not sent again serves to its end, and then the person is asked', (_what, error) => {
    const lost = (changes: Partial<FailedAttempt> = {}) => decide(attempt(error, { doubt: 'lost', ...changes }));
    expect(lost()).toMatchObject({ do: 'keep', outcome: 'answer_lost', retryInMs: IN_20_S, maybeRedeemed: true });
    // It is not waited for where it has no end, or is refused already.
    const reauthorize = { do: 'reauthorize', outcome: 'answer_lost', reason: expect.stringContaining('lost') };
    expect(lost({ accessExpiresInMs: 0 })).toMatchObject(reauthorize);
    expect(lost({ accessExpiresInMs: null })).toMatchObject(reauthorize);
    expect(lost({ accessRejected: true })).toMatchObject(reauthorize);
  });

  it.each([
    ['a lost answer', failure('transient', { maybeRedeemed: true })],
    ['a malformed answer', failure('malformed', { maybeRedeemed: true })],
  ])('%s that can be made up for is made up for soon, and not forgotten', (_what, error) => {
    const decision = decide(attempt(error, { doubt: 'open', accessRejected: true }));
    expect(decision).toMatchObject({ do: 'keep', maybeRedeemed: true });
    expect(pauseOf(decision)).toBeLessThanOrEqual(1000);
  });

  it('remembers a doubt from before whatever happens to the attempt that was to end it', () => {
    const errors = [
      failure('transient', { providerStatus: 503 }),
      failure('invalid_client'),
      new LeaseTooShort(),
      new Unsettled(700),
    ];
    for (const error of errors) expect(decide(attempt(error, { doubt: 'open' }))).toMatchObject({ maybeRedeemed: true });
    expect(pauseOf(decide(attempt(new Unsettled(700), { doubt: 'open' })))).toBeGreaterThanOrEqual(700);
    expect(decide(attempt(failure('invalid_grant'), { doubt: 'open' }))).toMatchObject({ do: 'reauthorize' });
  });

  it.each([
    [500, false],
    [503, false],
    [429, false],
    [502, true],
    [504, true],
    [522, true],
    [undefined, true],
  ])('after an answer %s the token may be spent: %s', (providerStatus, spent) => {
    const status = providerStatus === undefined ? {} : { providerStatus };
    expect(mayBeSpent(failure('transient', { maybeRedeemed: true, ...status }))).toBe(spent);
    expect(mayBeSpent(failure('transient', { maybeRedeemed: false, ...status }))).toBe(false);
  });

  it('gives a token up that is its own way to the next, once the provider refuses it', () => {
    const refused = { method: 'exchange', accessRejected: true } as const;
    expect(decide(attempt(failure('rejected'), refused))).toMatchObject({ do: 'reauthorize' });
    expect(decide(attempt(new TooYoung(IN_20_S), refused))).toMatchObject({ do: 'reauthorize' });
    expect(decide(attempt(failure('transient'), refused))).toMatchObject({ do: 'keep' });
    expect(decide(attempt(failure('rejected'), { method: 'reissue', accessRejected: true }))).toMatchObject({ do: 'keep' });
    expect(decide(attempt(new TooYoung(IN_20_S), { method: 'exchange' }))).toMatchObject({ do: 'keep', retryInMs: IN_20_S });
  });

  it('blames the registration when that is refused, and tries it more seldom each time', () => {
    const refused = failure('invalid_client', { oauthError: 'invalid_client', providerStatus: 401 });
    const pauses = [0, 1, 2, 9].map((rejections) => {
      const decision = decide(attempt(refused, { accessExpiresInMs: 0, failures: 7, rejections }));
      expect(decision).toMatchObject({ do: 'reject_app', maybeRedeemed: false, error: { code: 'provider_error' } });
      return pauseOf(decision);
    });
    [30_000, 60_000, 120_000, 900_000].forEach((ceiling, index) => {
      expect(pauses[index]).toBeGreaterThanOrEqual(ceiling / 2);
      expect(pauses[index]).toBeLessThanOrEqual(ceiling);
    });
    // A connection without a registration has none to blame, and a bare 401 blames none.
    expect(decide(attempt(refused, { rejections: null }))).toMatchObject({ do: 'keep' });
    expect(decide(attempt(failure('invalid_client', { providerStatus: 401 })))).toMatchObject({ do: 'keep', counts: true });
  });

  it('leaves a closed lane alone for its time, and holds a short lease against nobody', () => {
    for (const why of ['circuit_open', 'paused'] as const) {
      const decision = decide(attempt(new LaneClosed(why, 40_000)));
      expect(decision).toMatchObject({ do: 'keep', outcome: why, maybeRedeemed: false, counts: true });
      expect(pauseOf(decision)).toBeGreaterThanOrEqual(40_000);
      expect(pauseOf(decision)).toBeLessThanOrEqual(50_000);
    }
    const short = { do: 'keep', outcome: 'postponed', maybeRedeemed: false, counts: false };
    expect(decide(attempt(new LeaseTooShort()))).toMatchObject(short);
    expect(pauseOf(decide(attempt(new LeaseTooShort(5_000))))).toBeGreaterThanOrEqual(5_000);
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
