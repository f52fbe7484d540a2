import { expect } from '@jest/globals';
import type { FlowResult } from '../../test/quirk-flow.js';
import { quirkTable } from '../../test/quirk-table.js';
import { tokenTimes, type TokenTimes } from '../token-times.js';

const DAY_MS = 86_400_000;

/** As they would be stored, with no jitter. */
const timesOf = ({ provider, tokens }: FlowResult, asleep = false): TokenTimes => {
  const { lifetimeMs, refreshLifetimeMs } = tokens;
  return tokenTimes({ provider, lifetimeMs, refreshLifetimeMs, renewable: true, asleep, elapsedMs: 0, random: () => 0 });
};

const lastsFor =
  (expires_in: number) =>
  ({ accessToken, refreshToken }: { accessToken: string; refreshToken: string }) => ({
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_in,
  });

quirkTable('how long tokens last', [
  {
    row: 'the answer says how long its refresh token does: linkedin, tiktok refresh_expires_in, quickbooks x_refresh_token_expires_in',
    quirks: { token: { body: (issued) => ({ ...lastsFor(3600)(issued), x_refresh_token_expires_in: 8_640_000 }) } },
    declared: () => ({ auth: { token_response: { refresh_expires: { at: '/x_refresh_token_expires_in' } } } }),
    expect: (result) => {
      expect(timesOf(result, true)).toMatchObject({ refreshInMs: 80 * DAY_MS, refreshExpiresInMs: 100 * DAY_MS });
    },
  },
  {
    row: 'the same in milliseconds',
    quirks: { token: { body: (issued) => ({ ...lastsFor(3600)(issued), refresh_token_expires_in: 864_000_000 }) } },
    declared: () => ({ auth: { token_response: { refresh_expires: { format: 'milliseconds' } } } }),
    expect: (result) => {
      expect(timesOf(result, true)).toMatchObject({ refreshInMs: 8 * DAY_MS, refreshExpiresInMs: 10 * DAY_MS });
    },
  },
  {
    row: 'a refresh token ends without use, and only the documentation says so: box, pipedrive, microsoft',
    quirks: { token: { body: lastsFor(3600) } },
    declared: () => ({ refresh: { refresh_token_lifetime_days: 60 } }),
    expect: (result) => {
      expect(timesOf(result, true)).toMatchObject({ refreshInMs: 48 * DAY_MS, refreshExpiresInMs: 60 * DAY_MS });
    },
  },
  {
    row: 'tokens of minutes whose server is slow: a margin that is no shorter',
    quirks: { token: { body: lastsFor(600) } },
    declared: () => ({ refresh: { minimum_margin_seconds: 180 } }),
    expect: (result) => {
      expect(timesOf(result)).toMatchObject({ refreshInMs: 420_000, accessExpiresInMs: 600_000 });
    },
  },
  {
    row: 'tokens of months: a margin that is no longer',
    quirks: { token: { body: lastsFor(7_776_000) } },
    declared: () => ({ refresh: { maximum_margin_seconds: 86_400 } }),
    expect: (result) => {
      expect(timesOf(result)).toMatchObject({ refreshInMs: 89 * DAY_MS, accessExpiresInMs: 90 * DAY_MS });
    },
  },
  {
    row: 'strict rotation, and introspection tells whether a refresh token is spent: salesforce',
    quirks: { refresh: { rotates: true }, introspection: { secondsLeft: 60 } },
    declared: (url) => ({
      auth: { introspection_endpoint: `${url}/introspect` },
      refresh: { rotates: true, recovery_probe: 'introspection' },
    }),
    // How the manifest is obeyed once an answer is lost is the refresher's; here it is what the question tells.
    spare: ['/refresh/rotates'],
    expect: async (result) => {
      expect(await result.isRedeemable()).toBe(true);
      await result.renew();
      expect(await result.isRedeemable()).toBe(false);
    },
  },
]);
