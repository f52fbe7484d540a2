import { describe, expect, it } from '@jest/globals';
import { ConnectSigner, isSecret, randomSecret, sha256 } from './secrets.js';

const signer = new ConnectSigner('k'.repeat(32));
const CONTEXT = 'c'.repeat(32);
const NOW = new Date('2030-01-01T00:00:00.000Z');
const LATER = new Date('2030-01-01T00:10:00.000Z');

describe('state', () => {
  it('is valid until it expires', () => {
    const state = signer.createState(CONTEXT, LATER);
    expect(signer.verifyState(state, CONTEXT, NOW)).toBe('valid');
    expect(signer.verifyState(state, CONTEXT, new Date(LATER.getTime() - 1))).toBe('valid');
    expect(signer.verifyState(state, CONTEXT, LATER)).toBe('expired');
  });

  it('is invalid with any one character changed', () => {
    const state = signer.createState(CONTEXT, LATER);
    for (let i = 0; i < state.length; i++) {
      const changed = state.slice(0, i) + (state[i] === 'a' ? 'b' : 'a') + state.slice(i + 1);
      // The last character of 43 carries four bits only: some changes of it spell the same bytes, and must be refused as well.
      expect(signer.verifyState(changed, CONTEXT, NOW)).toBe('invalid');
    }
  });

  it('is invalid at another callback, under another key, and in any other form', () => {
    const state = signer.createState(CONTEXT, LATER);
    expect(signer.verifyState(state, 'd'.repeat(32), NOW)).toBe('invalid');
    expect(new ConnectSigner('l'.repeat(32)).verifyState(state, CONTEXT, NOW)).toBe('invalid');
    for (const text of ['', '.', '..', state.slice(1), `${state}x`, `${state}\n`, state.toUpperCase(), 'x'.repeat(10_000)]) {
      expect(signer.verifyState(text, CONTEXT, NOW)).toBe('invalid');
    }
  });

  it('has 256 random bits', () => {
    const random = () => signer.createState(CONTEXT, LATER).split('.')[0];
    expect(Buffer.from(random() ?? '', 'base64url')).toHaveLength(32);
    expect(random()).not.toBe(random());
  });
});

describe('form token', () => {
  it('holds for one session in one browser', () => {
    const token = signer.formToken('cse_1', 'browser');
    expect(signer.verifyFormToken(token, 'cse_1', 'browser')).toBe(true);
    expect(signer.verifyFormToken(token, 'cse_2', 'browser')).toBe(false);
    expect(signer.verifyFormToken(token, 'cse_1', 'other')).toBe(false);
    expect(signer.verifyFormToken('', 'cse_1', 'browser')).toBe(false);
    expect(signer.verifyFormToken('ü'.repeat(43), 'cse_1', 'browser')).toBe(false);
  });
});

it('secrets have one form and one hash', () => {
  const secret = randomSecret();
  expect(isSecret(secret)).toBe(true);
  expect(sha256(secret)).toEqual(sha256(secret));
  for (const value of [undefined, ['x'], secret.slice(1), `${secret}\n`, `${secret.slice(1)}+`])
    expect(isSecret(value)).toBe(false);
});
