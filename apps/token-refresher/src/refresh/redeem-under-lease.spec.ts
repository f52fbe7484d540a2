import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { OAuthError } from '@keyward/oauth';
import type { RefreshableCredential } from '@keyward/postgres-vault';
import { Unsettled } from './decide.js';
import { redeemUnderLease, type RedeemUnderLeaseParts } from './redeem-under-lease.js';

const TIMEOUT_MS = 10_000;
const LEASE_MS = 3 * TIMEOUT_MS;

const provider = (refresh: { reuse_grace_seconds?: number; recovery_probe?: 'introspection' }) =>
  providerManifestSchema.parse({
    name: 'acme',
    title: 'Acme',
    auth: {
      kind: 'oauth2_authorization_code',
      authorization_endpoint: 'https://acme.example/auth',
      token_endpoint: 'https://acme.example/token',
      introspection_endpoint: 'https://acme.example/introspect',
      scopes: { default: [] },
    },
    refresh: { rotates: true, ...refresh },
    base_url: 'https://acme.example/api',
    origins: ['https://acme.example'],
  });

beforeEach(() => void jest.useFakeTimers({ now: 0 }));
afterEach(() => void jest.useRealTimers());

/** A credential whose refresh was sent so long ago and never answered, taken up after `waitMs` in its lane. */
function found(sentMsAgo: number, waitMs: number, refresh: Parameters<typeof provider>[0]) {
  let sent = 0;
  const parts: RedeemUnderLeaseParts = {
    ...{ leaseMs: LEASE_MS, redeemTimeoutMs: TIMEOUT_MS, sleepAfterMs: 0 },
    store: { begin: async () => true },
    lanes: {
      run: (_provider, _turn, task) => {
        jest.advanceTimersByTime(waitMs);
        return task();
      },
    },
    redeemer: {
      probe: async () => true,
      redeem: async (_row, _provider, { beforeSend }) => {
        await beforeSend();
        sent++;
        throw new OAuthError('transient', 'It did not answer.', { maybeRedeemed: true });
      },
    },
  };
  const row = { org: 'org', connection: 'conn', generation: 1, sentMsAgo, readAt: performance.now() } as RefreshableCredential;
  const claim = { owner: 'test-1', row, endsAt: LEASE_MS, priority: 'due', accessRejected: false } as const;
  const attempted = redeemUnderLease(parts, claim, provider(refresh), () => Promise.resolve());
  return { attempted, sent: () => sent };
}

describe('a token that may be spent', () => {
  it('is not sent again where its turn comes after the grace in which it may be', async () => {
    const late = found(49_000, 2_000, { reuse_grace_seconds: 60 });
    expect(await late.attempted).toMatchObject({ redeemed: undefined, doubt: 'lost' });
    expect(late.sent()).toBe(0);
    const inTime = found(47_000, 2_000, { reuse_grace_seconds: 60 });
    await inTime.attempted;
    expect(inTime.sent()).toBe(1);
  });

  it('is not asked about so soon after it was found to be unspent, sent, and not answered again', async () => {
    const again = found(LEASE_MS, 0, { recovery_probe: 'introspection' });
    const attempted = await again.attempted;
    expect([again.sent(), attempted]).toMatchObject([1, { doubt: 'open', error: { forMs: LEASE_MS } }]);
    expect('error' in attempted && attempted.error).toBeInstanceOf(Unsettled);
  });
});
