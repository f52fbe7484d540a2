import { describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
import { tidyTokenResponse, toTokenSet } from './token-response.js';

const provider = testProvider();
const SENT_AT = new Date('2030-01-01T00:00:00.000Z');
const read = (body: Record<string, unknown>, manifest = provider) =>
  toTokenSet(tidyTokenResponse(manifest, manifest.auth.token_response, body, SENT_AT), SENT_AT);
const expiresInSeconds = (expires_in: unknown) => {
  const { expiresAt } = read({ access_token: 'at', expires_in });
  return expiresAt === null ? null : (expiresAt.getTime() - SENT_AT.getTime()) / 1000;
};

describe('expires_in', () => {
  it.each([
    [3600, 3600],
    ['3600', 3600],
    [' 3600 ', 3600],
    ['3599.9', 3599],
    [59.7, 59],
    [1e300, 315_360_000],
    [Number.POSITIVE_INFINITY, 315_360_000],
    [99_999_999_999, 315_360_000],
    ['99999999999999999999', 315_360_000],
    [0, null],
    ['0', null],
    [-1, null],
    ['-3600', null],
    ['soon', null],
    ['', null],
    ['1e3', null],
    [null, null],
    [undefined, null],
    [true, null],
    [[3600], null],
    [{ seconds: 3600 }, null],
  ])('%j counts as %j seconds', (stated, seconds) => {
    expect(expiresInSeconds(stated)).toBe(seconds);
  });
});

describe('scope', () => {
  it.each([
    ['notes:read notes:write', ['notes:read', 'notes:write']],
    ['  a \t b\n', ['a', 'b']],
    ['a a b', ['a', 'b']],
    ['a b\u0000c \u202e d', ['a', 'd']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      ['a b', 'c'],
      ['a', 'b', 'c'],
    ],
    ['', []],
    [[], []],
    [undefined, null],
    [null, null],
    [7, null],
    [['a', 7], null],
    [{ a: true }, null],
  ])('%j is stored as %j', (scope, scopes) => {
    expect(read({ access_token: 'at', scope }).scopes).toEqual(scopes);
  });

  it('is split by the separator of the manifest', () => {
    const comma = testProvider({ auth: { scopes: { default: [], separator: ',' } } });
    expect(read({ access_token: 'at', scope: 'a,b c' }, comma).scopes).toEqual(['a', 'b', 'c']);
  });
});

describe('tokens', () => {
  it.each([undefined, null, '', 7, {}, ['at'], 'a\r\nb', 'a\u0000b', 'tök', 'x'.repeat(65_537)])(
    'an access token that is %j is malformed',
    (access_token) => {
      expect(() => read({ access_token, token_type: 'bearer' })).toThrow(expect.objectContaining({ failure: 'malformed' }));
    },
  );

  it.each([undefined, null, '', 7, {}])(
    'a refresh token that is %j is left out, so that the one held before stays',
    (refresh_token) => {
      expect(read({ access_token: 'at', refresh_token })).not.toHaveProperty('refreshToken');
    },
  );

  it('takes the refresh token that was sent', () => {
    expect(read({ access_token: 'at', refresh_token: 'rt' })).toMatchObject({ accessToken: 'at', refreshToken: 'rt' });
  });
});
