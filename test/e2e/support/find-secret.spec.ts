import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { findSecret } from './find-secret.js';

const secret = 'kwa_secret/with+odd"chars~0123456789';

describe('findSecret', () => {
  it.each([
    ['raw', `x${secret}x`],
    ['in a URL', `https://h/?t=${encodeURIComponent(secret)}&x`],
    ['in JSON', JSON.stringify({ t: secret })],
    ['hex', Buffer.from(`a${secret}b`).toString('hex')],
    ['base64, aligned', Buffer.from(`abc${secret}z`).toString('base64')],
    ['base64, off by one', Buffer.from(`abcd${secret}zz`).toString('base64')],
    ['base64, off by two', Buffer.from(`abcde${secret}`).toString('base64')],
    ['base64url', Buffer.from(`ab${secret}q`).toString('base64url')],
  ])('finds it %s', (_where, text) => {
    expect(findSecret(secret, Buffer.from(text))).toBeDefined();
  });

  it('finds it inside a gzip member in the middle of other bytes', () => {
    const bytes = Buffer.concat([Buffer.from('head'), gzipSync(`{"t":"${Buffer.from(secret).toString('base64')}"}`)]);
    expect(findSecret(secret, bytes)).toContain('gzip');
  });

  it('finds nothing where there is nothing', () => {
    expect(findSecret(secret, Buffer.from(`${secret.slice(0, -2)} and \u001f\u008b\u0008`))).toBeUndefined();
  });
});
