import { describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { decodeCursor, encodeCursor } from './cursor.js';

const KEY = /^[a-z_]{1,20}$/;
const query = ['sandbox', ''];

describe('cursor', () => {
  it('comes back as the key it was made from', () => {
    expect(decodeCursor(query, encodeCursor(query, 'sandbox_echo'), KEY)).toBe('sandbox_echo');
  });

  it.each([
    ['of another query', encodeCursor(['github', ''], 'sandbox_echo')],
    ['with a key that can not be', encodeCursor(query, "x' OR 1=1")],
    ['with padding', `${encodeCursor(query, 'sandbox_echo')}=`],
    ['of another version', Buffer.from('2:0123456789abcdef:sandbox_echo').toString('base64url')],
    ['that is empty', ''],
    ['that is too long', 'A'.repeat(10_000)],
  ])('is refused %s', (_what, cursor) => {
    expect(() => decodeCursor(query, cursor, KEY)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test.prop([fc.string({ maxLength: 300 })])('that was made up is refused', (cursor) => {
    expect(() => decodeCursor(query, cursor, KEY)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test.prop([fc.nat(), fc.integer({ min: 1, max: 63 })])('with one character changed is refused', (at, by) => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const cursor = encodeCursor(query, 'sandbox_echo');
    const place = at % 20; // version and fingerprint; a change of the key itself is another valid place in the same list
    const changed = alphabet[(alphabet.indexOf(cursor[place] as string) + by) % 64];
    expect(() => decodeCursor(query, cursor.slice(0, place) + changed + cursor.slice(place + 1), KEY)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});
