import { describe, expect, it } from '@jest/globals';
import { decode } from '@nats-io/jwt';
import { createAccount, fromPublic } from '@nats-io/nkeys';
import { credsFile } from './creds-file.js';
import { createUserKey } from './nkey.js';
import { createAgentsSigner, mintUserJwt } from './user-jwt.js';

const account = createAccount();
const signing = createAccount();
const signer = createAgentsSigner(account.getPublicKey(), Buffer.from(signing.getSeed()).toString());
const claims = {
  subject: createUserKey().publicKey,
  org: 'org_00000000000000000000000000000001',
  agent: 'agt_00000000000000000000000000000002',
  issuedAt: new Date('2030-01-01T00:00:00.900Z'),
  expiresAt: new Date('2030-01-01T01:00:00.900Z'),
};

describe('mintUserJwt', () => {
  it('states exactly who the user is and nothing that the scoped key decides', () => {
    const { jti, ...payload } = decode(mintUserJwt(signer, claims));
    expect(jti).toMatch(/^[0-9a-f]{32}$/);
    expect(payload).toEqual({
      iat: 1893456000,
      exp: 1893459600,
      iss: signing.getPublicKey(),
      sub: claims.subject,
      name: claims.agent,
      nats: { type: 'user', version: 2, issuer_account: account.getPublicKey(), tags: [`org:${claims.org}`] },
    });
  });

  it('is signed by the scoped key, in the eyes of the NATS library', () => {
    const [header = '', payload = '', signature = ''] = mintUserJwt(signer, claims).split('.');
    const verifies = (text: string) =>
      fromPublic(signing.getPublicKey()).verify(Buffer.from(text), Buffer.from(signature, 'base64url'));
    expect(verifies(`${header}.${payload}`)).toBe(true);
    expect(verifies(`${header}.${payload}x`)).toBe(false);
  });

  it.each(['>', '*', 'org_1', 'a.b', claims.org.toUpperCase(), claims.agent])('has no user of the organization %s', (org) => {
    expect(() => mintUserJwt(signer, { ...claims, org })).toThrow(TypeError);
  });

  it('takes no other seed than an account’s', () => {
    expect(() => createAgentsSigner(account.getPublicKey(), createUserKey().seed)).toThrow(TypeError);
  });
});

it('a credentials file holds JWT and seed between their markers', () => {
  const file = credsFile('the.jwt.text', 'SUSEED');
  expect(/-{3,}BEGIN NATS USER JWT-{3,}\n(\S+)\n-{3,}END/.exec(file)?.[1]).toBe('the.jwt.text');
  expect(/-{3,}BEGIN USER NKEY SEED-{3,}\n(\S+)\n-{3,}END/.exec(file)?.[1]).toBe('SUSEED');
});
