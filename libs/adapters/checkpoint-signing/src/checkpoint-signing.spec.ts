import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateAliasCommand, CreateKeyCommand, KMSClient, UpdateAliasCommand, type KeySpec } from '@aws-sdk/client-kms';
import { signCheckpoint, type CheckpointSigner, type CheckpointStatement } from '@keyward/audit';
import { checkpointKeys, verifyCheckpoint } from '@keyward/audit/verification';
import { newId } from '@keyward/contracts';
import { testKms } from '@keyward/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { joseSignature } from './aws/signature.js';
import { createSigningKeyFile, openCheckpointSigner, readPreviousKeys } from './index.js';

// Emulators accept any identity, but the SDK sends nothing without one.
Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_EC2_METADATA_DISABLED: 'true' });

const REGION = 'eu-central-1';
const STATEMENT: CheckpointStatement = {
  v: 1,
  org: newId('org'),
  seq: 7,
  hash: 'ab'.repeat(32),
  at: '2026-03-04T05:06:07.000Z',
  events: 3,
  previous: 4,
};

const dir = mkdtempSync(join(tmpdir(), 'keyward-signing-'));
const emulator = await testKms();
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await emulator?.stop();
});

/** What every signer must do. */
function describeSigner(name: string, alg: 'EdDSA' | 'ES256', open: () => Promise<CheckpointSigner>): void {
  describe(`${name} as a signer of checkpoints`, () => {
    let signer: CheckpointSigner;
    beforeAll(async () => {
      signer = await open();
    });

    it('makes signatures that its public key verifies, time after time', async () => {
      const keys = await checkpointKeys([signer.publicJwk()]);
      // Numbers in ECDSA signatures have leading zeros now and then.
      for (let seq = 10; seq < 40; seq++) {
        const statement = { ...STATEMENT, seq, previous: seq - 3 };
        expect(await verifyCheckpoint(await signCheckpoint(statement, signer), keys)).toEqual(statement);
      }
    });

    it('names its algorithm and its key, and shows nothing of the private half', () => {
      const jwk = signer.publicJwk();
      expect([signer.alg, jwk.alg, jwk.kid, jwk.use]).toEqual([alg, alg, signer.kid, 'sig']);
      expect(Object.keys(jwk)).not.toEqual(expect.arrayContaining(['d']));
    });
  });
}

const newPath = (): string => join(mkdtempSync(join(dir, 'k')), 'audit-signing.pem');
const openLocal = (keyFile: string) => openCheckpointSigner({ kind: 'local', keyFile });

describeSigner('a key in a file', 'EdDSA', async () => {
  const path = newPath();
  await createSigningKeyFile(path);
  return openLocal(path);
});

describe('a key file', () => {
  it('is made once, for its owner alone, and is the same for all who make it at once', async () => {
    const path = newPath();
    const made = await Promise.all(Array.from({ length: 4 }, () => createSigningKeyFile(path)));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await openLocal(path)).kid).toBe((await openLocal(path)).kid);
  });

  it('may be one that openssl made', async () => {
    const path = newPath();
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    expect((await openLocal(path)).alg).toBe('EdDSA');
  });

  it('is refused while others may read it, with the command that corrects it', async () => {
    const path = newPath();
    await createSigningKeyFile(path);
    chmodSync(path, 0o640);
    const why = { code: 'dependency_unavailable', cause: { message: expect.stringContaining(`chmod 600 ${path}`) } };
    await expect(openLocal(path)).rejects.toMatchObject(why);
  });

  it.each<[string, () => string]>([
    ['text', () => 'secret-canary'],
    [
      'a key of another kind',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    ],
    ['a public key', () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) as string],
  ])('with %s is refused, named and not quoted', async (_what, content) => {
    const path = newPath();
    writeFileSync(path, content(), { mode: 0o600 });
    const thrown = (await openLocal(path).catch((reason: unknown) => reason)) as Error;
    expect(thrown).toMatchObject({ code: 'dependency_unavailable' });
    expect(thrown.message).not.toContain(path);
    expect(String((thrown.cause as Error).message)).toContain(path);
    expect(JSON.stringify([thrown.message, String(thrown.cause)])).not.toMatch(/secret-canary|BEGIN/);
  });
});

describe('previous keys', () => {
  it('are read from a JWKS, and a private one among them is refused', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const path = join(dir, 'previous.json');
    writeFileSync(path, JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }));
    expect(await readPreviousKeys(path)).toEqual([
      expect.objectContaining({ alg: 'EdDSA', use: 'sig', kid: expect.any(String) }),
    ]);
    writeFileSync(path, JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] }));
    await expect(readPreviousKeys(path)).rejects.toThrow(/previous\.json: key 1: it is a PRIVATE key/);
    writeFileSync(path, '[]');
    await expect(readPreviousKeys(path)).rejects.toThrow(/not a JWKS/);
  });
});

describe('an ECDSA signature in DER', () => {
  it('becomes the one that JOSE wants, whatever zeros its numbers start with', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (let index = 0; index < 600; index++) {
      const input = Buffer.from(String(index));
      const signature = joseSignature(sign('sha256', input, privateKey));
      expect(signature).toHaveLength(64);
      expect(verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    }
  });

  it.each([
    ['nothing', ''],
    ['another sequence length', '3007020101020101'],
    ['one integer', '3003020101'],
    ['three integers', '3009020101020101020101'],
    ['an integer of 33 bytes', `302602${'21'}${'11'.repeat(33)}020101`],
    ['something else than integers', '3006040101040101'],
  ])('is refused where it is %s', (_what, hex) => {
    expect(() => joseSignature(Buffer.from(hex, 'hex'))).toThrow(/signature/);
  });
});

(emulator === undefined ? describe.skip : describe)(`AWS KMS, on ${emulator?.what ?? 'no emulator'}`, () => {
  const endpoint = emulator?.endpoint ?? '';
  const admin = new KMSClient({ region: REGION, endpoint });
  afterAll(() => admin.destroy());
  const newKey = async (spec: KeySpec = 'ECC_NIST_P256'): Promise<string> => {
    const { KeyMetadata } = await admin.send(
      new CreateKeyCommand({ KeySpec: spec, KeyUsage: spec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY' }),
    );
    return KeyMetadata?.Arn ?? '';
  };
  const open = (keyId: string) => openCheckpointSigner({ kind: 'aws', keyId, region: REGION, endpoint });

  describeSigner('a key in AWS KMS', 'ES256', async () => open(await newKey()));

  it('signs with the key that it was opened with, also after its alias was moved to another', async () => {
    const [one, two] = [await newKey(), await newKey()];
    await admin.send(new CreateAliasCommand({ AliasName: 'alias/checkpoints', TargetKeyId: one }));
    const signer = await open('alias/checkpoints');
    await admin.send(new UpdateAliasCommand({ AliasName: 'alias/checkpoints', TargetKeyId: two }));
    const jws = await signCheckpoint(STATEMENT, signer);
    expect(await verifyCheckpoint(jws, await checkpointKeys([signer.publicJwk()]))).toEqual(STATEMENT);
  });

  it.each<KeySpec>(['SYMMETRIC_DEFAULT', 'RSA_2048', 'ECC_NIST_P384'])('refuses a key of %s', async (spec) => {
    await expect(open(await newKey(spec))).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('says which kind of key it needs', async () => {
    const cause = { message: expect.stringMatching(/rsa.*ECC_NIST_P256/) };
    await expect(open(await newKey('RSA_2048'))).rejects.toMatchObject({ cause });
  });

  it('is unavailable where its key is not there, or the KMS is not', async () => {
    await expect(open('00000000-0000-0000-0000-000000000000')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    const away = openCheckpointSigner({ kind: 'aws', keyId: 'any', region: REGION, endpoint: 'http://127.0.0.1:1' });
    await expect(away).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });
});
