import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { unwrap, wrap, wrappingKeyId } from './wrapping.js';

interface Vector {
  name: string;
  wrappingKeyId: string;
  wrappingKey: string;
  org: string;
  purpose: string;
  nonce: string;
  dataKey: string;
  wrapped: string;
}

const { valid } = JSON.parse(readFileSync(new URL('../../../../test/vectors/kms-local-v1.json', import.meta.url), 'utf8')) as {
  valid: Vector[];
};

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const keyOf = (vector: Vector) => ({ id: vector.wrappingKeyId, key: hex(vector.wrappingKey) });

describe('the published vectors of locally wrapped data keys', () => {
  it('are there', () => {
    expect(valid.length).toBeGreaterThanOrEqual(2);
  });

  it.each(valid)('$name: unwraps', (vector) => {
    expect(wrappingKeyId(hex(vector.wrapped))).toBe(vector.wrappingKeyId);
    expect(unwrap(keyOf(vector), hex(vector.wrapped), vector).toString('hex')).toBe(vector.dataKey);
  });

  it.each(valid)('$name: is wrapped to exactly these bytes', (vector) => {
    expect(wrap(keyOf(vector), hex(vector.dataKey), vector, hex(vector.nonce)).toString('hex')).toBe(vector.wrapped);
  });
});
