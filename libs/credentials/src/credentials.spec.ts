import { newId } from '@keyward/contracts';
import { ManualClock, MemoryDataKeyStore, MemoryKms } from '@keyward/vault/testing';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCredentials, type Credentials, type SecretContext } from './index.js';

const ACCESS = 'ya29.a0-canary-access';
const REFRESH = '1//0g-canary-refresh';

let org: string;
let connection: string;
let kms: MemoryKms;
let store: MemoryDataKeyStore;
let credentials: Credentials;

const echo = async (secret: string): Promise<string> => secret;

beforeEach(() => {
  org = newId('org');
  connection = newId('conn');
  kms = new MemoryKms();
  store = new MemoryDataKeyStore();
  store.addOrganization(org);
  credentials = createCredentials({ kms, dataKeys: store, clock: new ManualClock() });
});

async function sealed(generation = 1) {
  return credentials.sealTokens({ org, connection, generation, accessToken: ACCESS, refreshToken: REFRESH });
}

describe('tokens', () => {
  it('open for the call they are lent to, and its answer comes back', async () => {
    const { sealedAccess, sealedRefresh } = await sealed();
    expect(await credentials.open({ org, connection, generation: 1, sealedAccess }, echo)).toBe(ACCESS);
    const refresh = { org, connection, generation: 1, sealedRefresh: sealedRefresh ?? Buffer.alloc(0) };
    expect(await credentials.openRefreshToken(refresh, echo)).toBe(REFRESH);
  });

  it('are sealed apart: an access token never opens as a refresh token, nor the other way round', async () => {
    const { sealedAccess, sealedRefresh } = await sealed();
    await expect(
      credentials.openRefreshToken({ org, connection, generation: 1, sealedRefresh: sealedAccess }, echo),
    ).rejects.toMatchObject({ code: 'internal' });
    await expect(
      credentials.open({ org, connection, generation: 1, sealedAccess: sealedRefresh ?? Buffer.alloc(0) }, echo),
    ).rejects.toMatchObject({ code: 'internal' });
  });

  it.each(['org', 'connection', 'generation'] as const)('do not open with another %s', async (what) => {
    const { sealedAccess } = await sealed();
    const ref = { org, connection, generation: 1, sealedAccess };
    const other = { org: newId('org'), connection: newId('conn'), generation: 2 };
    let called = false;
    const use = async () => {
      called = true;
    };
    await expect(credentials.open({ ...ref, [what]: other[what] }, use)).rejects.toMatchObject({ code: 'internal' });
    expect(called).toBe(false);
  });

  it('have no refresh token where the provider gave none', async () => {
    const { sealedRefresh } = await credentials.sealTokens({ org, connection, generation: 1, accessToken: ACCESS });
    expect(sealedRefresh).toBeNull();
  });

  it('of any Unicode text and length come back unchanged; text that UTF-8 would alter is refused, not altered', async () => {
    for (const token of ['', 'ü€🔑', 'x'.repeat(100_000)]) {
      const { sealedAccess } = await credentials.sealTokens({ org, connection, generation: 1, accessToken: token });
      expect(await credentials.open({ org, connection, generation: 1, sealedAccess }, echo)).toBe(token);
    }
    await expect(credentials.sealTokens({ org, connection, generation: 1, accessToken: 'a\ud800' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('a borrower that fails', () => {
  it('gets its own error back, unchanged', async () => {
    const { sealedAccess } = await sealed();
    const failure = new Error('provider said no');
    const use = () => Promise.reject(failure);
    await expect(credentials.open({ org, connection, generation: 1, sealedAccess }, use)).rejects.toBe(failure);
  });
});

describe('other secrets', () => {
  const place = (field: string): SecretContext => ({ org, record: newId('app'), field, generation: 1 });

  it('open in the place they were sealed for', async () => {
    const context = place('client_secret');
    const bytes = await credentials.sealSecret(context, 'shh');
    expect(await credentials.openSecret(context, bytes, echo)).toBe('shh');
    await expect(credentials.openSecret({ ...context, field: 'pkce_verifier' }, bytes, echo)).rejects.toMatchObject({
      code: 'internal',
    });
  });

  it.each(['access_token', 'refresh_token', '', 'Access_Token', 'access_token\0', '__proto__'])(
    'are no second way to a token: the field %j is refused, for sealing as for opening',
    async (field) => {
      const { sealedAccess } = await sealed();
      const context = { org, record: connection, field, generation: 1 };
      await expect(credentials.openSecret(context, sealedAccess, echo)).rejects.toMatchObject({ code: 'internal' });
      await expect(credentials.sealSecret(context, 'x')).rejects.toMatchObject({ code: 'internal' });
    },
  );
});

describe('errors', () => {
  it('never hold a token, neither in the sentence nor in any cause', async () => {
    const { sealedAccess } = await sealed();
    const attempts = [
      credentials.open({ org, connection, generation: 9, sealedAccess }, echo),
      credentials.open({ org, connection, generation: 1, sealedAccess: sealedAccess.subarray(0, 80) }, echo),
      credentials.sealTokens({ org, connection, generation: 0, accessToken: ACCESS }),
      credentials.sealTokens({ org, connection, generation: 1, accessToken: `${ACCESS}\ud800` }),
    ];
    for (const attempt of attempts) {
      let thrown: unknown = await attempt.catch((reason: unknown) => reason);
      let text = '';
      for (; thrown instanceof Error; thrown = thrown.cause) text += `${thrown.stack} ${JSON.stringify(thrown)}`;
      expect(text).not.toBe('');
      expect(text).not.toContain('canary');
    }
  });
});

describe('upkeep', () => {
  it('rotates and rewraps without a token becoming unreadable; shreds so that none is readable', async () => {
    const { sealedAccess } = await sealed();
    const ref = { org, connection, generation: 1, sealedAccess };
    await credentials.rotateDataKey(org);
    await sealed(2);
    kms.rotate();
    expect(await credentials.rewrapDataKeys()).toMatchObject({ processed: 2, complete: true });
    expect(await credentials.open(ref, echo)).toBe(ACCESS);
    expect(await credentials.shredOrganization(org)).toBe(2);
    await expect(credentials.open(ref, echo)).rejects.toMatchObject({ code: 'revoked' });
  });
});
