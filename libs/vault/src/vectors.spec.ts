import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DataKey } from './data-key.js';
import { additionalData, keyIdBytes, readEnvelope, readKeyId, type SealContext } from './format.js';

interface Vector extends SealContext {
  name: string;
  dataKey: string;
  dataKeyId: string;
  sealed: string;
}
interface ValidVector extends Vector {
  nonce: string;
  plaintext: string;
  encryptionKey: string;
  commitment: string;
  additionalData: string;
}
interface InvalidVector extends Vector {
  because: 'authentication' | 'commitment' | 'malformed';
}

const REASONS = { authentication: /not authentic/, commitment: /does not commit/, malformed: /truncated|version/ };

const vectors = JSON.parse(readFileSync(new URL('../../../test/vectors/vault-v1.json', import.meta.url), 'utf8')) as {
  valid: ValidVector[];
  invalid: InvalidVector[];
};

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function open(vector: Vector): Buffer {
  const sealed = hex(vector.sealed);
  expect(readKeyId(sealed)).toBe(vector.dataKeyId);
  return new DataKey(vector.org, vector.dataKeyId, hex(vector.dataKey)).open(vector, sealed);
}

/** The documentation, step by step, on another implementation of the algorithms (Web Cryptography). */
async function openAsDocumented(vector: Vector): Promise<{ encryptionKey: string; commitment: string; plaintext: string }> {
  const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
  const behindLengths = (...elements: Buffer[]): Buffer =>
    Buffer.concat(elements.flatMap((element) => [Buffer.of(element.length >> 8, element.length & 0xff), element]));
  const sealed = hex(vector.sealed);
  const keyId = sealed.subarray(1, 17);
  const material = await crypto.subtle.importKey('raw', hex(vector.dataKey), 'HKDF', false, ['deriveBits']);
  const derive = async (use: string): Promise<Buffer> => {
    const info = behindLengths(bytes(use), bytes(vector.org), keyId);
    const parameters = { name: 'HKDF', hash: 'SHA-256', salt: bytes('keyward/vault/v1'), info };
    return Buffer.from(await crypto.subtle.deriveBits(parameters, material, 256));
  };
  const [encryptionKey, commitment] = [await derive('encryption'), await derive('commitment')];
  const generation = Buffer.alloc(8);
  generation.writeBigUInt64BE(BigInt(vector.generation));
  const names = [vector.org, vector.record, vector.field].map(bytes);
  const aad = behindLengths(Buffer.of(1), ...names, keyId, generation);
  const key = await crypto.subtle.importKey('raw', encryptionKey, 'AES-GCM', false, ['decrypt']);
  const algorithm = { name: 'AES-GCM', iv: sealed.subarray(49, 61), additionalData: aad, tagLength: 128 };
  const plaintext = Buffer.from(await crypto.subtle.decrypt(algorithm, key, sealed.subarray(61)));
  return {
    encryptionKey: encryptionKey.toString('hex'),
    commitment: commitment.toString('hex'),
    plaintext: plaintext.toString('hex'),
  };
}

describe('the published vectors of sealed secrets', () => {
  it('are there', () => {
    expect(vectors.valid.length).toBeGreaterThanOrEqual(8);
    expect(vectors.invalid.length).toBeGreaterThanOrEqual(12);
  });

  it.each(vectors.valid)('$name: opens', (vector) => {
    expect(open(vector).toString('hex')).toBe(vector.plaintext);
  });

  it.each(vectors.valid)('$name: is sealed to exactly these bytes', (vector) => {
    const key = new DataKey(vector.org, vector.dataKeyId, hex(vector.dataKey));
    const sealed = key.seal(vector, hex(vector.plaintext), hex(vector.nonce));
    expect(sealed.toString('hex')).toBe(vector.sealed);
    expect(readEnvelope(sealed).commitment.toString('hex')).toBe(vector.commitment);
    expect(additionalData(vector, keyIdBytes(vector.dataKeyId)).toString('hex')).toBe(vector.additionalData);
  });

  it.each(vectors.valid)('$name: opens by the documentation alone', async (vector) => {
    const { encryptionKey, commitment, plaintext } = vector;
    expect(await openAsDocumented(vector)).toEqual({ encryptionKey, commitment, plaintext });
  });

  it.each(vectors.invalid)('$name: is refused', (vector) => {
    try {
      open(vector);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'internal', cause: { message: expect.stringMatching(REASONS[vector.because]) } });
      return;
    }
    throw new Error('it opened');
  });
});
