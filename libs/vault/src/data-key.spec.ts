import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { fc, test } from '@fast-check/jest';
import { newId } from '@keyward/contracts';
import { describe, expect, it } from '@jest/globals';
import { DataKey } from './data-key.js';
import {
  additionalData,
  keyIdBytes,
  OVERHEAD_BYTES,
  readEnvelope,
  readKeyId,
  writeEnvelope,
  type SealContext,
} from './format.js';
import { PLAINTEXT_BYTES } from './limits.js';
import { twoKeyCiphertext } from './testing/two-key-ciphertext.js';

const ORG = newId('org');
const CONTEXT: SealContext = { org: ORG, record: newId('conn'), field: 'access_token', generation: 3 };
const TOKEN = 'ya29.a0-canary';

function newDataKey(org = ORG, id = newId('dek')): DataKey {
  return new DataKey(org, id, randomBytes(32));
}

/** The private cause: which check refused. */
function reasonOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (thrown) {
    expect(thrown).toMatchObject({ name: 'KeywardError', code: 'internal' });
    return ((thrown as Error).cause as Error).message;
  }
  throw new Error('it opened');
}

const NOT_AUTHENTIC = 'the ciphertext or its context is not authentic';

describe('a sealed secret opens', () => {
  const key = newDataKey();
  const sealed = key.seal(CONTEXT, Buffer.from(TOKEN));

  it('in its own context, under its own key', () => {
    expect(key.open({ ...CONTEXT }, sealed).toString()).toBe(TOKEN);
  });

  it.each<[string, Partial<SealContext>]>([
    ['another record', { record: newId('conn') }],
    ['another field', { field: 'refresh_token' }],
    ['an earlier generation', { generation: 2 }],
    ['a later generation', { generation: 4 }],
    ['a generation 2^32 further', { generation: 3 + 2 ** 32 }],
    ['a record of another case', { record: CONTEXT.record.toUpperCase() }],
  ])('not for %s', (_what, change) => {
    expect(reasonOf(() => key.open({ ...CONTEXT, ...change }, sealed))).toBe(NOT_AUTHENTIC);
  });

  it('not for another organization, even where that has the same data key under the same id', () => {
    const bytes = randomBytes(32);
    const other = newId('org');
    const [ours, theirs] = [new DataKey(ORG, key.id, Buffer.from(bytes)), new DataKey(other, key.id, Buffer.from(bytes))];
    const mine = ours.seal(CONTEXT, Buffer.from(TOKEN));
    expect(reasonOf(() => ours.open({ ...CONTEXT, org: other }, mine))).toBe('the data key belongs to another organization');
    expect(reasonOf(() => theirs.open({ ...CONTEXT, org: other }, mine))).toMatch(/does not commit/);
    // Nor with the other's commitment in front, which anybody can copy from a secret of theirs:
    const envelope = readEnvelope(theirs.seal({ ...CONTEXT, org: other }, Buffer.from('x')));
    const forged = writeEnvelope(keyIdBytes(key.id), { ...readEnvelope(mine), commitment: envelope.commitment });
    expect(reasonOf(() => theirs.open({ ...CONTEXT, org: other }, forged))).toBe(NOT_AUTHENTIC);
  });

  it('not under another data key of the organization, even with its id and commitment in front', () => {
    const other = newDataKey();
    expect(reasonOf(() => other.open(CONTEXT, sealed))).toMatch(/does not commit/);
    const { commitment } = readEnvelope(other.seal(CONTEXT, Buffer.from('x')));
    const relabelled = writeEnvelope(keyIdBytes(other.id), { ...readEnvelope(sealed), commitment });
    expect(reasonOf(() => other.open(CONTEXT, relabelled))).toBe(NOT_AUTHENTIC);
  });

  it('not with any single bit of it changed', () => {
    for (let byte = 0; byte < sealed.length; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(sealed);
        changed[byte] = (changed[byte] ?? 0) ^ (1 << bit);
        expect(() => {
          // As the vault does: the id in the bytes chooses the key, so a changed id finds another key or none.
          if (readKeyId(changed) !== key.id) throw new Error('no such key');
          key.open(CONTEXT, changed);
        }).toThrow();
      }
    }
  });

  it('not cut at either end, and not lengthened', () => {
    for (let length = 0; length < sealed.length; length++) {
      const cut = sealed.subarray(0, length);
      expect(() => readKeyId(cut) && key.open(CONTEXT, cut)).toThrow();
    }
    expect(() => key.open(CONTEXT, Buffer.concat([sealed, Buffer.of(0)]))).toThrow();
  });
});

describe('a sealed secret', () => {
  it('is never the same twice: the nonce is fresh', () => {
    const key = newDataKey();
    const nonces = Array.from({ length: 100 }, () => readEnvelope(key.seal(CONTEXT, Buffer.from(TOKEN))).nonce.toString('hex'));
    expect(new Set(nonces).size).toBe(100);
  });

  it('is its plaintext and 77 bytes, and holds nothing of the plaintext', () => {
    const sealed = newDataKey().seal(CONTEXT, Buffer.from(TOKEN));
    expect(OVERHEAD_BYTES).toBe(77);
    expect(sealed).toHaveLength(TOKEN.length + OVERHEAD_BYTES);
    expect(sealed.includes('canary')).toBe(false);
  });

  it('of a version that is not known is refused, and says which', () => {
    const sealed = newDataKey().seal(CONTEXT, Buffer.from(TOKEN));
    sealed[0] = 2;
    expect(reasonOf(() => readKeyId(sealed))).toBe('the sealed bytes have format version 2, known is 1');
  });

  it('is not made from more than a mebibyte', () => {
    expect(reasonOf(() => newDataKey().seal(CONTEXT, Buffer.alloc(PLAINTEXT_BYTES + 1)))).toMatch(/too long/);
  });
});

describe('key commitment', () => {
  it('refuses a ciphertext that GCM alone opens under two keys', () => {
    const id = newId('dek');
    const dataKeys = [randomBytes(32), randomBytes(32)] as const;
    const nonce = randomBytes(12);
    const aad = additionalData(CONTEXT, keyIdBytes(id));
    const length16 = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
    const info = Buffer.concat([Buffer.from('encryption'), Buffer.from(ORG), keyIdBytes(id)].map(length16));
    const derived = dataKeys.map((key) => Buffer.from(hkdfSync('sha256', key, 'keyward/vault/v1', info, 32)));
    const { ciphertext, tag } = twoKeyCiphertext(derived as [Buffer, Buffer], nonce, aad);

    const plaintexts = derived.map((key) => {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce);
      decipher.setAAD(aad);
      decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    });
    expect(plaintexts[0]?.equals(plaintexts[1] ?? Buffer.alloc(0))).toBe(false);

    const [one, two] = dataKeys.map((key) => new DataKey(ORG, id, Buffer.from(key))) as [DataKey, DataKey];
    const { commitment } = readEnvelope(one.seal(CONTEXT, Buffer.from('x')));
    const sealed = writeEnvelope(keyIdBytes(id), { commitment, nonce, ciphertext, tag });
    expect(one.open(CONTEXT, sealed)).toEqual(plaintexts[0]);
    expect(reasonOf(() => two.open(CONTEXT, sealed))).toBe('the ciphertext does not commit to its data key');
  });
});

describe('memory', () => {
  it('holds no data key: the bytes given are zeroed once the subkeys exist', () => {
    const bytes = randomBytes(32);
    new DataKey(ORG, newId('dek'), bytes);
    expect(bytes).toEqual(Buffer.alloc(32));
  });

  it('holds no data key that was refused either', () => {
    const bytes = randomBytes(31);
    expect(reasonOf(() => new DataKey(ORG, newId('dek'), bytes))).toMatch(/31 bytes/);
    expect(bytes).toEqual(Buffer.alloc(31));
  });

  it('a key that was disposed of neither seals nor opens', () => {
    const key = newDataKey();
    const sealed = key.seal(CONTEXT, Buffer.from(TOKEN));
    key.dispose();
    expect(reasonOf(() => key.open(CONTEXT, sealed))).toMatch(/left memory/);
    expect(reasonOf(() => key.seal(CONTEXT, Buffer.from(TOKEN)))).toMatch(/left memory/);
  });
});

const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const contexts = fc.record({ record: names, field: names, generation: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) });

describe('for all contexts', () => {
  const key = newDataKey();
  const keyId = keyIdBytes(key.id);

  test.prop([contexts, fc.uint8Array({ maxLength: 300 })])('what was sealed opens to the same bytes', (place, bytes) => {
    const context = { org: ORG, ...place };
    expect(key.open(context, key.seal(context, Buffer.from(bytes))).equals(bytes)).toBe(true);
  });

  test.prop([contexts, contexts])('a different context does not open', (one, other) => {
    fc.pre(one.record !== other.record || one.field !== other.field || one.generation !== other.generation);
    const sealed = key.seal({ org: ORG, ...one }, Buffer.from(TOKEN));
    expect(reasonOf(() => key.open({ org: ORG, ...other }, sealed))).toBe(NOT_AUTHENTIC);
  });

  test.prop([names, names, names, fc.nat(200)])(
    'no text can be moved between neighbouring elements',
    (org, record, field, at) => {
      const joined = org + record + field;
      const [a, b] = [1 + (at % joined.length), 1 + ((at * 7) % joined.length)].sort((x, y) => x - y) as [number, number];
      const moved = { org: joined.slice(0, a), record: joined.slice(a, b), field: joined.slice(b), generation: 1 };
      fc.pre(moved.record !== '' && moved.field !== '' && [moved.org, moved.record].join('\0') !== [org, record].join('\0'));
      fc.pre([moved.org, moved.record, moved.field].every((part) => part.isWellFormed()));
      const original = additionalData({ org, record, field, generation: 1 }, keyId);
      expect(additionalData(moved, keyId).equals(original)).toBe(false);
    },
  );

  it.each<[string, Partial<SealContext>]>([
    ['an empty name', { record: '' }],
    ['a lone surrogate, which UTF-8 would make equal to another', { field: 'a\ud800' }],
    ['a name of more than 512 bytes', { record: 'é'.repeat(257) }],
    ['generation 0', { generation: 0 }],
    ['a negative generation', { generation: -1 }],
    ['a generation that is no integer', { generation: 1.5 }],
    ['a generation past 2^53', { generation: 2 ** 53 }],
    ['NaN', { generation: Number.NaN }],
  ])('%s is refused', (_what, change) => {
    expect(reasonOf(() => key.seal({ ...CONTEXT, ...change }, Buffer.from(TOKEN)))).toMatch(/context|generation/);
  });
});
