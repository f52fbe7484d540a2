import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createEgress, type Egress } from '@keyward/egress';
import { jwtVerify } from 'jose';
import { TokenIssuer } from './token-issuer.js';
import { KeySets } from '../../apps/auth-service/src/workloads/key-sets.js';

let issuer: TokenIssuer;
let egress: Egress;

beforeEach(async () => {
  issuer = await TokenIssuer.start();
  await issuer.addKey('one');
  egress = createEgress({ privateOrigins: [issuer.url] });
});
afterEach(async () => {
  await egress.close();
  await issuer.stop();
});

const source = () => ({ issuer: issuer.url, jwksUri: null });
const verify = async (sets: KeySets, kid: string) => jwtVerify(await issuer.sign({}, { kid }), await sets.of(source()));
const fetches = () => issuer.asked.filter((path) => path === '/openid/v1/jwks').length;

describe('the keys of an issuer', () => {
  it('are fetched once for a crowd', async () => {
    const sets = new KeySets(egress);
    await Promise.all(Array.from({ length: 20 }, () => verify(sets, 'one')));
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/openid/v1/jwks']);
  });

  it('are read again for a key that is new, but not within the pause', async () => {
    const patient = new KeySets(egress, { cooldownMs: 60_000 });
    const eager = new KeySets(egress, { cooldownMs: 0 });
    await Promise.all([verify(patient, 'one'), verify(eager, 'one')]);
    await issuer.addKey('two');
    await expect(verify(patient, 'two')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    expect(fetches()).toBe(2);
    await verify(eager, 'two');
    expect(fetches()).toBe(3);
  });

  it('that were withdrawn stop counting once the age is over', async () => {
    const sets = new KeySets(egress, { maxAgeMs: 0, cooldownMs: 0 });
    await verify(sets, 'one');
    await issuer.addKey('two');
    issuer.jwks.shift();
    await expect(verify(sets, 'one')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it('are not asked for again while the issuer has just failed, and are afterwards', async () => {
    issuer.broken = 503;
    const sets = new KeySets(egress, { failedMs: 60_000 });
    for (let index = 0; index < 5; index++)
      await expect(verify(sets, 'one')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect(issuer.asked).toHaveLength(1);
    issuer.broken = undefined;
    await verify(new KeySets(egress, { failedMs: 60_000 }), 'one');
  });

  it.each([
    ['another issuer', { issuer: 'https://evil.example', jwks_uri: 'https://evil.example/jwks' }],
    ['a key set over http', { jwks_uri: 'http://evil.example/jwks' }],
    ['no key set', { jwks_uri: undefined }],
    ['a list', []],
  ])('are not taken from a discovery document of %s', async (_what, document) => {
    issuer.discovery = document;
    await expect(verify(new KeySets(egress), 'one')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect(fetches()).toBe(0);
  });

  it('are not looked for on this machine or in its network where the deployment does not allow it', async () => {
    const closed = createEgress({ privateOrigins: [] });
    await expect(verify(new KeySets(closed), 'one')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await closed.close();
    expect(issuer.asked).toEqual([]);
  });
});
