import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { recover, type Recovery } from './recover.js';

const TIMEOUT_MS = 10_000;
const SETTLED_MS = 30_000;

const provider = (refresh: object) =>
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
    refresh,
    base_url: 'https://acme.example/api',
    origins: ['https://acme.example'],
  });

async function recovered(refresh: object, sentMsAgo: number, active: boolean | Error = true) {
  let probes = 0;
  const probe = () => {
    probes++;
    return typeof active === 'boolean' ? Promise.resolve(active) : Promise.reject(active);
  };
  const unanswered = { provider: provider(refresh), sentMsAgo, timeoutMs: TIMEOUT_MS, settledAfterMs: SETTLED_MS, probe };
  return { recovery: await recover(unanswered), probes };
}

const AGAIN: Recovery = { do: 'send', maybeSpent: false };
const IN_DOUBT: Recovery = { do: 'send', maybeSpent: true };
const LOST: Recovery = { do: 'lost' };
const probed = { rotates: true, recovery_probe: 'introspection' };

describe('a token request that was never answered', () => {
  it.each<[string, object, number, Recovery]>([
    ['does not rotate: made again, whenever', { rotates: false }, 9_000_000, AGAIN],
    ['makes the grant again: made again', { rotates: true, method: 'reissue' }, 9_000_000, AGAIN],
    ['rotates and says nothing: never sent again', { rotates: true }, 0, LOST],
    ['takes a rotated token for a while: again inside it', { rotates: true, reuse_grace_seconds: 60 }, 49_000, IN_DOUBT],
    ['the same, too late to arrive inside it', { rotates: true, reuse_grace_seconds: 60 }, 51_000, LOST],
  ])('of a provider that %s', async (_what, refresh, sentMsAgo, recovery) => {
    expect(await recovered(refresh, sentMsAgo)).toEqual({ recovery, probes: 0 });
  });

  it('is asked about where the provider says, and sent again only if it is unspent', async () => {
    expect(await recovered(probed, 31_000, true)).toEqual({ recovery: AGAIN, probes: 1 });
    expect(await recovered(probed, 31_000, false)).toEqual({ recovery: LOST, probes: 1 });
  });

  it('is not asked about while it may still be on its way, nor while it may simply be made again', async () => {
    expect(await recovered(probed, 29_000)).toEqual({ recovery: { do: 'wait', ms: 1_000 }, probes: 0 });
    const both = { ...probed, reuse_grace_seconds: 60 };
    expect(await recovered(both, 49_000)).toEqual({ recovery: IN_DOUBT, probes: 0 });
    expect(await recovered(both, 51_000)).toEqual({ recovery: { do: 'wait', ms: 39_000 }, probes: 0 });
    expect(await recovered(both, 91_000)).toEqual({ recovery: AGAIN, probes: 1 });
  });

  it('stays in doubt where nobody can be asked', async () => {
    await expect(recovered(probed, 31_000, new Error('away'))).rejects.toThrow('away');
  });
});
