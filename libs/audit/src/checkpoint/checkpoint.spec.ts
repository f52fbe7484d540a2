import { createHmac, createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { EphemeralSigner } from '../testing/index.js';
import { checkpointKeys, type CheckpointKeys } from './keys.js';
import { readCheckpoint } from './read.js';
import { signCheckpoint } from './sign.js';
import type { CheckpointStatement } from './statement.js';
import { verifyCheckpoint } from './verify.js';

const STATEMENT: CheckpointStatement = {
  v: 1,
  org: newId('org'),
  seq: 7,
  hash: 'ab'.repeat(32),
  at: '2026-03-04T05:06:07.000Z',
  events: 3,
  previous: 4,
};
const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

describe.each(['EdDSA', 'ES256'] as const)('a checkpoint signed by %s', (alg) => {
  let signer: EphemeralSigner;
  let keys: CheckpointKeys;
  let jws: string;
  beforeAll(async () => {
    signer = await EphemeralSigner.create(alg);
    keys = await checkpointKeys([signer.publicJwk()]);
    jws = await signCheckpoint(STATEMENT, signer);
  });

  it('is a compact JWS whose header names its kind, algorithm and key, and nothing else', async () => {
    expect(readCheckpoint(jws)).toEqual({
      header: { alg, kid: signer.kid, typ: 'keyward-checkpoint' },
      statement: STATEMENT,
    });
    expect(await verifyCheckpoint(jws, keys)).toEqual(STATEMENT);
  });

  /** A checkpoint of these parts with a true signature over them. */
  const signedOver = async (header: unknown, payload: unknown): Promise<string> => {
    const input = `${encoded(header)}.${encoded(payload)}`;
    return `${input}.${(await signer.sign(Buffer.from(input))).toString('base64url')}`;
  };
  const header = () => ({ alg, kid: signer.kid, typ: 'keyward-checkpoint' });
  const payload = () => Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString();

  it.each<[string, (sound: object) => object]>([
    ['alg none', (sound) => ({ ...sound, alg: 'none' })],
    ['alg HS256', (sound) => ({ ...sound, alg: 'HS256' })],
    ['another typ', (sound) => ({ ...sound, typ: 'JWT' })],
    ['no typ', () => ({ alg, kid: signer.kid })],
    ['an extension that must be understood', (sound) => ({ ...sound, crit: ['exp'], exp: 1 })],
    ['a key of its own', (sound) => ({ ...sound, jwk: signer.publicJwk() })],
    ['members in another order', ({ ...sound }) => Object.fromEntries(Object.entries(sound).reverse())],
  ])('is refused with %s in its header, even with a true signature', async (_what, change) => {
    await expect(verifyCheckpoint(await signedOver(change(header()), payload()), keys)).rejects.toMatchObject({
      fault: 'malformed',
    });
  });

  it.each<[string, (text: string) => string]>([
    ['another member', (text) => text.replace('{"at"', '{"about":1,"at"')],
    ['spaces', (text) => text.replace(',', ', ')],
    ['a member twice', (text) => text.replace('"seq":7', '"seq":7,"seq":7')],
    ['a count that does not fit', (text) => text.replace('"events":3', '"events":4')],
    ['another version', (text) => text.replace('"v":1', '"v":2')],
    ['no hash', (text) => text.replace(/"hash":"[^"]*",/, '')],
    ['something that is not JSON', () => 'x'],
  ])('is refused with %s in its payload, even with a true signature', async (_what, change) => {
    const changed = change(payload());
    expect(changed).not.toBe(payload());
    await expect(verifyCheckpoint(await signedOver(header(), changed), keys)).rejects.toMatchObject({ fault: 'malformed' });
  });

  it('is refused where one bit of what it says, or of its signature, is another', async () => {
    const [head, body, signature = ''] = jws.split('.');
    const forged = payload().replace('"seq":7', '"seq":8').replace('"previous":4', '"previous":5');
    const flipped = Buffer.from(signature, 'base64url');
    flipped[10] = (flipped[10] ?? 0) ^ 1;
    for (const changed of [`${head}.${encoded(forged)}.${signature}`, `${head}.${body}.${flipped.toString('base64url')}`])
      await expect(verifyCheckpoint(changed, keys)).rejects.toMatchObject({ fault: 'bad_signature' });
  });

  it('is refused where it is signed with the public key as a secret', async () => {
    const pem = createPublicKey({ key: signer.publicJwk() as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const input = `${encoded(header())}.${encoded(payload())}`;
    const mac = createHmac('sha256', pem).update(input).digest('base64url');
    await expect(verifyCheckpoint(`${input}.${mac}`, keys)).rejects.toMatchObject({ fault: 'bad_signature' });
  });

  it('is refused under the name of another key, and tells a key that it does not know', async () => {
    const other = await EphemeralSigner.create(alg);
    const both = await checkpointKeys([signer.publicJwk(), other.publicJwk()]);
    const swapped = await signedOver({ ...header(), kid: other.kid }, payload());
    await expect(verifyCheckpoint(swapped, both)).rejects.toMatchObject({ fault: 'bad_signature' });
    await expect(verifyCheckpoint(swapped, keys)).rejects.toMatchObject({ fault: 'unknown_key' });
  });

  it('is refused where its algorithm is not that of the key that it names', async () => {
    const other = await EphemeralSigner.create(alg === 'EdDSA' ? 'ES256' : 'EdDSA');
    const both = await checkpointKeys([signer.publicJwk(), other.publicJwk()]);
    await expect(verifyCheckpoint(await signedOver({ ...header(), kid: other.kid }, payload()), both)).rejects.toMatchObject({
      fault: 'bad_signature',
    });
  });

  it.each([
    ['nothing', ''],
    ['two parts', 'e30.e30'],
    ['an unsigned one', `${'e30.e30'}.`],
    ['too much', 'a'.repeat(5_000)],
  ])('is not %s', async (_what, text) => {
    await expect(verifyCheckpoint(text, keys)).rejects.toMatchObject({ fault: 'malformed' });
  });
});

describe('the keys of checkpoints', () => {
  it.each<[string, (jwk: Record<string, unknown>) => object, RegExp]>([
    ['a kid that is not its thumbprint', (jwk) => ({ ...jwk, kid: 'mine' }), /thumbprint/],
    ['an algorithm of another kind', (jwk) => ({ ...jwk, alg: 'HS256' }), /alg must be EdDSA/],
    ['its private half', (jwk) => ({ ...jwk, d: 'c2VjcmV0' }), /PRIVATE/],
    ['no coordinate', ({ x: _, ...jwk }) => jwk, /incomplete/],
    ['another curve', (jwk) => ({ ...jwk, crv: 'X25519' }), /only Ed25519/],
    ['symmetric bytes', () => ({ kty: 'oct', k: 'c2VjcmV0' }), /only Ed25519/],
  ])('are refused with %s, without being quoted', async (_what, change, why) => {
    const signer = await EphemeralSigner.create();
    const keys = checkpointKeys([change(signer.publicJwk() as unknown as Record<string, unknown>) as never]);
    await expect(keys).rejects.toThrow(why);
    await expect(keys).rejects.not.toThrow(/c2VjcmV0/);
  });
});

describe('signing', () => {
  it('refuses a statement that no verifier would take', async () => {
    const signer = await EphemeralSigner.create();
    await expect(signCheckpoint({ ...STATEMENT, previous: 9 }, signer)).rejects.toThrow('seq − previous');
  });
});
