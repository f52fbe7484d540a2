import { describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
import { tidyTokenResponse, toTokenSet } from './token-response.js';

const provider = testProvider();
const NOW = new Date('2030-01-01T00:00:00.000Z');
const read = (body: Record<string, unknown>, manifest = provider) =>
  toTokenSet(tidyTokenResponse(manifest, manifest.auth.token_response, body, NOW));
const expiresInSeconds = (expires_in: unknown) => {
  const { lifetimeMs } = read({ access_token: 'at', expires_in });
  return lifetimeMs === null ? null : lifetimeMs / 1000;
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

describe('how long a refresh token lasts', () => {
  const refreshLifetime = (stated: unknown, refresh_expires: Record<string, unknown> = {}) => {
    const declared = testProvider({ auth: { token_response: { refresh_expires } } });
    return read({ access_token: 'at', refresh_token: 'rt', expires_in: 60, refresh_token_expires_in: stated }, declared)
      .refreshLifetimeMs;
  };

  it.each([
    [15_897_600, 15_897_600_000],
    ['8640000', 8_640_000_000],
    [1e300, 315_360_000_000],
    [0, undefined],
    ['0', undefined],
    [-1, undefined],
    ['never', undefined],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
    [true, undefined],
    [[3600], undefined],
    [{ seconds: 3600 }, undefined],
  ])('%j counts as %j ms, and the tokens are taken all the same', (stated, ms) => {
    expect(refreshLifetime(stated)).toBe(ms);
  });

  it.each([
    ['2030-01-31T00:00:00Z', 'date_time', 2_592_000_000],
    ['31 January', 'date_time', undefined],
    [1_893_456_060, 'epoch_seconds', 60_000],
    [1_893_455_940, 'epoch_seconds', undefined],
    [90_000, 'milliseconds', 90_000],
    [30, 'minutes', 1_800_000],
    ['1:00:00', 'days_hours_minutes', 86_400_000],
  ])('%j in %s counts as %j ms', (stated, format, ms) => {
    expect(refreshLifetime(stated, { format })).toBe(ms);
  });

  it('is not taken from where the manifest does not point', () => {
    const body = { access_token: 'at', refresh_token: 'rt', refresh_token_expires_in: 60 };
    expect(read(body)).not.toHaveProperty('refreshLifetimeMs');
    const elsewhere = testProvider({ auth: { token_response: { refresh_expires: { at: '/refresh_expires_in' } } } });
    expect(read(body, elsewhere)).not.toHaveProperty('refreshLifetimeMs');
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
