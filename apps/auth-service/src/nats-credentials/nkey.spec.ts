import { describe, expect, it } from '@jest/globals';
import { createAccount, createUser, fromPublic, fromSeed } from '@nats-io/nkeys';
import fc from 'fast-check';
import { createUserKey, decodeSeed, encodePublicKey, encodeSeed, privateKeyFromSeed, rawPublicKey } from './nkey.js';

const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** The NATS project's own implementation is the oracle. */
describe('nkeys', () => {
  it('a created user key is one that the library reads, whose seed belongs to its public key', () => {
    const { publicKey, seed } = createUserKey();
    expect(publicKey).toMatch(/^U[A-Z2-7]{55}$/);
    expect(seed).toMatch(/^SU[A-Z2-7]{56}$/);
    expect(fromSeed(Buffer.from(seed)).getPublicKey()).toBe(publicKey);
    const message = Buffer.from('challenge');
    expect(fromPublic(publicKey).verify(message, fromSeed(Buffer.from(seed)).sign(message))).toBe(true);
  });

  it.each([
    ['account', createAccount],
    ['user', createUser],
  ] as const)('reads the library’s %s seeds and derives the same public key', (role, create) => {
    for (let i = 0; i < 5; i++) {
      const pair = create();
      const raw = decodeSeed(role, utf8(pair.getSeed()));
      expect(encodeSeed(role, raw)).toBe(utf8(pair.getSeed()));
      expect(encodePublicKey(role, rawPublicKey(privateKeyFromSeed(raw)))).toBe(pair.getPublicKey());
    }
  });

  it('refuses a seed of another role, with a wrong checksum, length or alphabet, and does not quote it', () => {
    const seed = utf8(createUser().getSeed());
    const flipped = (seed.endsWith('A') ? 'B' : 'A') + seed.slice(1);
    for (const bad of [
      utf8(createAccount().getSeed()),
      flipped,
      seed.slice(0, -1),
      `${seed}A`,
      seed.toLowerCase(),
      '',
      'S',
      '!',
    ]) {
      expect(() => decodeSeed('user', bad)).toThrow(TypeError);
      if (bad.length > 3) expect(() => decodeSeed('user', bad)).not.toThrow(bad);
    }
  });

  it('survives any 32 bytes', () => {
    const raw = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(fc.property(raw, (bytes) => expect(decodeSeed('user', encodeSeed('user', bytes))).toEqual(Buffer.from(bytes))));
  });
});
