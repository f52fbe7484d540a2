import { expect } from '@jest/globals';
import type { FlowResult } from '../../test/quirk-flow.js';
import { quirkTable } from '../../test/quirk-table.js';
import { tokenTimes } from '../token-times.js';

interface Tokens {
  accessToken: string;
  refreshToken: string;
  scopes: readonly string[];
}

const standard = ({ accessToken, refreshToken }: Tokens) => ({
  access_token: accessToken,
  token_type: 'bearer',
  refresh_token: refreshToken,
});

/** Within a few seconds where a moment is stated: both clocks count in whole seconds. */
const livesFor =
  (seconds: number) =>
  ({ tokens }: FlowResult) => {
    const left = (tokens.lifetimeMs ?? 0) / 1000;
    expect(left).toBeGreaterThan(seconds - 10);
    expect(left).toBeLessThanOrEqual(seconds + 1);
  };

const expiry = (at: string, format: string) => () => ({ auth: { token_response: { expires: { at, format } } } });
const inAnHour = () => Date.now() + 3_600_000;

quirkTable('token response', [
  {
    row: 'response wrapped in data, failure in 200: tiktok-ads',
    quirks: { token: { body: (issued) => ({ code: 0, message: 'OK', data: standard(issued) }) } },
    declared: () => ({ auth: { token_response: { root: '/data', failure: { when: { at: '/code', not: 0 } } } } }),
  },
  {
    row: 'nested token: slack authed_user',
    quirks: {
      token: {
        body: (issued) => ({
          ok: true,
          token_type: 'bot',
          authed_user: { id: 'U1', token_type: 'user', access_token: issued.accessToken, scope: 'notes:read,notes:write' },
        }),
      },
    },
    declared: () => ({
      auth: {
        scopes: { separator: ',' },
        token_response: {
          access_token: '/authed_user/access_token',
          scope: '/authed_user/scope',
          bearer_types: ['user'],
          failure: { when: { at: '/ok', not: true } },
        },
      },
    }),
    expect: ({ tokens }) => expect(tokens.scopes).toEqual(['notes:read', 'notes:write']),
  },
  {
    row: 'other names for everything: setmore, coros',
    quirks: {
      token: {
        status: 201,
        body: ({ accessToken, refreshToken }) => ({
          Token: { accessToken, refreshToken, validFor: 3600, rights: ['notes:read'] },
        }),
      },
    },
    declared: () => ({
      auth: {
        token_response: {
          root: '/Token',
          access_token: '/accessToken',
          refresh_token: '/refreshToken',
          scope: '/rights',
          expires: { at: '/validFor', format: 'seconds' },
        },
      },
    }),
    spare: ['/auth/token_response/expires/format'],
    expect: (result) => {
      livesFor(3600)(result);
      expect(result.tokens.scopes).toEqual(['notes:read']);
      expect(result.lab.canRefresh(result.tokens.refreshToken ?? '')).toBe(true);
    },
  },
  {
    row: 'API host and tenant in the token response: salesforce instance_url, pipedrive, teamwork',
    quirks: (url) => ({ token: { body: (issued) => ({ ...standard(issued), instance_url: url, installation: { id: 4711 } }) } }),
    declared: () => ({
      connection_parameters: {
        instance: { title: 'Instance', type: 'origin', source: { token_response: '/instance_url' } },
        tenant: { title: 'Tenant', type: 'identifier', source: { token_response: '/installation/id' } },
      },
      base_url: '${connection.instance}/api',
      origins: ['${connection.instance}'],
    }),
    expect: ({ captured, lab }) => expect(captured).toEqual({ instance: lab.url, tenant: '4711' }),
  },
  {
    row: 'expiry in ms: fiserv',
    quirks: { token: { body: (issued) => ({ ...standard(issued), expires_in: 3_600_000 }) } },
    declared: expiry('/expires_in', 'milliseconds'),
    spare: ['/auth/token_response/expires/at'],
    expect: livesFor(3600),
  },
  {
    row: 'expiry in minutes: sap-business-one SessionTimeout',
    quirks: { token: { body: (issued) => ({ ...standard(issued), SessionTimeout: 30 }) } },
    declared: expiry('/SessionTimeout', 'minutes'),
    expect: livesFor(1800),
  },
  {
    row: 'expiry absolute, RFC 3339: jamf',
    quirks: { token: { body: (issued) => ({ ...standard(issued), expires: new Date(inAnHour()).toISOString() }) } },
    declared: expiry('/expires', 'date_time'),
    expect: livesFor(3600),
  },
  {
    row: 'expiry absolute, epoch seconds',
    quirks: { token: { body: (issued) => ({ ...standard(issued), expires_at: String(Math.floor(inAnHour() / 1000)) }) } },
    declared: expiry('/expires_at', 'epoch_seconds'),
    expect: livesFor(3600),
  },
  {
    row: 'expiry absolute, epoch milliseconds',
    quirks: { token: { body: (issued) => ({ ...standard(issued), expires_at: inAnHour() }) } },
    declared: expiry('/expires_at', 'epoch_milliseconds'),
    expect: livesFor(3600),
  },
  {
    row: 'expiry D:HH:MM: tableau',
    quirks: { token: { body: (issued) => ({ ...standard(issued), estimatedTimeToExpiration: '1:02:03' }) } },
    declared: expiry('/estimatedTimeToExpiration', 'days_hours_minutes'),
    expect: livesFor(93_780),
  },
  {
    row: 'very short tokens: exact-online, toast',
    quirks: { token: { body: (issued) => ({ ...standard(issued), expires_in: '600' }) } },
    declared: () => ({ refresh: { margin: 0.05 } }),
    expect: (result) => {
      livesFor(600)(result);
      const { provider, tokens } = result;
      const { lifetimeMs } = tokens;
      const times = tokenTimes({ provider, lifetimeMs, renewable: true, asleep: false, elapsedMs: 0, random: () => 0 });
      // Once per life, and late enough that a token of minutes is used for most of them.
      expect(times.refreshInMs).toBe(570_000);
    },
  },
  {
    row: 'no expires_in, a declared lifetime: stripe-app, jobber',
    quirks: { token: { body: standard } },
    declared: () => ({ auth: { token_response: { lifetime_seconds: 3600 } } }),
    expect: livesFor(3600),
  },
  {
    row: 'no expires_in, introspection: salesforce',
    quirks: { token: { body: standard }, introspection: { secondsLeft: 7200 } },
    declared: (url) => ({ auth: { introspection_endpoint: `${url}/introspect` } }),
    expect: livesFor(7200),
  },
]);
