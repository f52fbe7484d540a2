import { createHash, createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { resolveProvider } from '@keyward/connectors';
import { testKey } from '../../test/keys.js';
import { grantProvider } from '../../test/strict-server.js';
import type { Wire } from '../wire.js';
import { obtainToken } from './obtain-token.js';

const NOW = new Date('2030-01-01T00:00:00.000Z');
const wire: Wire = { fetch: () => Promise.reject(new Error('nothing is asked of anybody')), now: () => NOW };
const client = { clientId: '' };
const verifying = { currentDate: NOW };

const provider = (auth: Record<string, unknown>, connection: Record<string, string> = {}) => {
  const declared = Object.fromEntries(Object.keys(connection).map((name) => [name, { title: name, type: 'identifier' }]));
  const manifest = grantProvider('https://api.example.com', { kind: 'signed_jwt', ...auth }, { connection_parameters: declared });
  return resolveProvider(manifest, { connection });
};

describe('quirk: a JWT made per call', () => {
  it('with the fingerprint of the key in its issuer', async () => {
    const { publicKey, pem } = testKey('RS256');
    const user = '${connection.account}.${connection.user}';
    const claims = { iss: `${user}.\${key.fingerprint_sha256}`, sub: user };
    const resolved = provider({ assertion: { claims, lifetime_seconds: 3540 } }, { account: 'ACME', user: 'ROBOT' });
    const tokens = await obtainToken({ provider: resolved, client, scopes: [], secret: pem }, wire);
    const digest = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64');
    const { payload } = await jwtVerify(tokens.accessToken, publicKey, verifying);
    expect(payload).toMatchObject({ iss: `ACME.ROBOT.SHA256:${digest}`, sub: 'ACME.ROBOT', exp: (payload.iat ?? 0) + 3540 });
    expect(tokens).toMatchObject({ lifetimeMs: (payload.exp ?? 0) * 1000 - NOW.getTime(), scopes: null, captured: {} });
  });

  it('by HMAC with a hexadecimal secret, whose id stands before a colon', async () => {
    const secret = '0123456789abcdef'.repeat(4);
    const assertion = {
      algorithm: 'HS256',
      key: 'hex_secret',
      header: { kid: '${connection.key_id}' },
      claims: { aud: '/admin/' },
    };
    const resolved = provider({ key_id_separator: ':', assertion });
    const tokens = await obtainToken({ provider: resolved, client, scopes: [], secret: `5f8a:${secret}` }, wire);
    const key = createSecretKey(Buffer.from(secret, 'hex'));
    await jwtVerify(tokens.accessToken, key, { ...verifying, audience: '/admin/', algorithms: ['HS256'] });
    expect(decodeProtectedHeader(tokens.accessToken).kid).toBe('5f8a');
    expect(tokens.captured).toEqual({ key_id: '5f8a' });
  });

  it('with an elliptic key and its id', async () => {
    const { publicKey, pem } = testKey('ES256');
    const claims = { iss: '${connection.issuer_id}', aud: 'appstoreconnect-v1' };
    const assertion = { algorithm: 'ES256', header: { kid: '${connection.kid}' }, claims };
    const resolved = provider({ assertion }, { issuer_id: '57246542-96fe', kid: '2X9R4HXF34' });
    const tokens = await obtainToken({ provider: resolved, client, scopes: [], secret: pem }, wire);
    const { protectedHeader } = await jwtVerify(tokens.accessToken, publicKey, { ...verifying, issuer: '57246542-96fe' });
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: '2X9R4HXF34' });
  });

  it('with a text as secret', async () => {
    const secret = 'a text that is long enough to sign';
    const resolved = provider({ assertion: { algorithm: 'HS256', key: 'text_secret', claims: { iss: 'me' } } });
    const tokens = await obtainToken({ provider: resolved, client, scopes: [], secret }, wire);
    await jwtVerify(tokens.accessToken, createSecretKey(Buffer.from(secret)), { ...verifying, issuer: 'me' });
  });

  it('is another each time, and never older than the clock of who reads it by much', async () => {
    const resolved = provider({ assertion: { lifetime_seconds: 10 } });
    const request = { provider: resolved, client, scopes: [], secret: testKey('RS256').pem };
    const [one, two] = await Promise.all([obtainToken(request, wire), obtainToken(request, wire)]);
    expect(one.accessToken).not.toBe(two.accessToken);
    expect(one.lifetimeMs).toBe(9_000);
  });

  it.each([
    ['no separator', { key_id_separator: ':', assertion: { key: 'hex_secret', algorithm: 'HS256' } }, 'canary'],
    ['no key id', { key_id_separator: ':', assertion: { key: 'hex_secret', algorithm: 'HS256' } }, ':canary'],
    ['a secret that is no hexadecimal', { assertion: { key: 'hex_secret', algorithm: 'HS256' } }, 'canary'],
    ['a secret that is short enough to guess', { assertion: { key: 'text_secret', algorithm: 'HS256' } }, 'canary'],
    ['a secret where a key pair is needed', { assertion: { key: 'text_secret', algorithm: 'RS256' } }, 'canary'.repeat(9)],
    ['what is no PEM', { assertion: {} }, '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----'],
    ['nothing', { assertion: {} }, ''],
  ])('is refused with %s, without quoting it', async (_, auth, secret) => {
    const attempt = obtainToken({ provider: provider(auth), client, scopes: [], secret }, wire);
    const thrown: unknown = await attempt.catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'invalid_request' });
    expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain('canary');
  });
});
