import { expect } from '@jest/globals';
import type { FlowResult } from '../../test/quirk-flow.js';
import { quirkTable } from '../../test/quirk-table.js';

const renews = async ({ lab, tokens, renew }: FlowResult) => {
  const next = await renew();
  expect(next.accessToken).not.toBe(tokens.accessToken);
  expect(lab.accepts(next.accessToken)).toBe(true);
};

const withoutRefreshToken = ({ accessToken }: { accessToken: string }) => ({ access_token: accessToken, expires_in: 3600 });

quirkTable('refresh', [
  {
    row: 'separate refresh URL: figma, clover, coros',
    quirks: { refresh: { path: '/refresh' } },
    declared: (url) => ({ refresh: { endpoint: `${url}/refresh` } }),
    expect: renews,
  },
  {
    row: 'refresh parameters and headers: bamboohr, basecamp type=refresh, microsoft-ads scope',
    quirks: {
      refresh: { exactly: { scope: 'ads.manage offline_access', type: 'refresh' }, headers: { 'x-client': 'lab client:1' } },
    },
    declared: () => ({
      refresh: {
        request: {
          parameters: { scope: 'ads.manage offline_access', type: 'refresh' },
          headers: { 'x-client': '${client.id}' },
        },
      },
    }),
    expect: renews,
  },
  {
    row: 'refresh by GET with a name of its own: setmore refreshToken',
    quirks: { refresh: { path: '/refresh', method: 'GET', names: { refresh_token: 'refreshToken' }, without: ['grant_type'] } },
    declared: (url) => ({
      refresh: {
        endpoint: `${url}/refresh`,
        request: { method: 'GET', rename: { refresh_token: 'refreshToken' }, omit: ['grant_type'] },
      },
    }),
    expect: renews,
  },
  {
    row: 'the answer to a refresh is another: wrapped, without the old envelope',
    quirks: { refresh: { body: ({ accessToken }) => ({ result: { token: accessToken } }) } },
    declared: () => ({ refresh: { response: { root: '/result', access_token: '/token' } } }),
    expect: async (result) => {
      await renews(result);
      // What is not sent again stays valid (RFC 6749 section 6).
      expect(await result.renew()).not.toHaveProperty('refreshToken');
    },
  },
  {
    row: 'tenant and API host on refresh too: bullhorn restUrl',
    quirks: (url) => ({
      token: { body: (issued) => ({ access_token: issued.accessToken, refresh_token: issued.refreshToken, restUrl: url }) },
      refresh: {
        body: (issued) => ({ access_token: issued.accessToken, restUrl: url.replace('127.0.0.1', 'localhost') }),
      },
    }),
    declared: () => ({
      connection_parameters: { rest: { title: 'API', type: 'origin', source: { token_response: '/restUrl' } } },
    }),
    expect: async ({ captured, lab, renew }) => {
      expect(captured).toEqual({ rest: lab.url });
      expect((await renew()).captured).toEqual({ rest: lab.url.replace('127.0.0.1', 'localhost') });
    },
  },
]);

quirkTable('steps and exchanges', [
  {
    row: 'long-lived exchange, then extension, no refresh token: facebook, instagram, threads',
    quirks: {
      token: { body: withoutRefreshToken },
      steps: [
        {
          path: '/access_token',
          method: 'GET',
          token: 'access_token',
          exactly: { grant_type: 'ig_exchange_token', client_secret: 'lab-secret+/%&<>"=' },
          body: withoutRefreshToken,
        },
      ],
      extend: {
        path: '/refresh_access_token',
        method: 'GET',
        token: 'access_token',
        exactly: { grant_type: 'ig_refresh_token' },
        body: ({ accessToken }) => ({ access_token: accessToken, token_type: 'bearer', expires_in: 5_184_000 }),
      },
    },
    declared: (url) => ({
      auth: {
        steps: [
          {
            endpoint: `${url}/access_token`,
            request: {
              method: 'GET',
              parameters: {
                grant_type: 'ig_exchange_token',
                client_secret: '${client.secret}',
                access_token: '${token.access_token}',
              },
            },
          },
        ],
      },
      refresh: {
        exchange: {
          endpoint: `${url}/refresh_access_token`,
          request: { method: 'GET', parameters: { grant_type: 'ig_refresh_token', access_token: '${token.access_token}' } },
        },
      },
    }),
    expect: async (result) => {
      await renews(result);
      expect(result.tokens).not.toHaveProperty('refreshToken');
    },
  },
  {
    row: 'second-resource token, again after each refresh: onedrive, sharepoint',
    quirks: {
      steps: [
        {
          path: '/second',
          token: 'assertion',
          authentication: 'basic',
          exactly: { resource: 'https://files.odd.example' },
          body: withoutRefreshToken,
        },
      ],
      stepsAfterRefresh: true,
    },
    declared: (url) => ({
      auth: {
        steps: [
          {
            endpoint: `${url}/second`,
            authentication: 'client',
            request: { parameters: { resource: 'https://files.odd.example', assertion: '${token.access_token}' } },
          },
        ],
      },
      refresh: { repeat_steps: true },
    }),
    expect: renews,
  },
  {
    row: 'several steps, the next at a host that the first names: docuware, salesforce-cdp',
    quirks: (url) => ({
      token: { body: (issued) => ({ access_token: issued.accessToken, instance_url: url }) },
      steps: [
        { path: '/services/a360/token', token: 'subject_token', exactly: { grant_type: 'cdp' }, body: withoutRefreshToken },
        { path: '/third', token: 'bearer', format: 'json', exactly: { product: 'cdp' } },
      ],
    }),
    declared: (url) => ({
      connection_parameters: { instance: { title: 'Instance', type: 'origin', source: { token_response: '/instance_url' } } },
      auth: {
        steps: [
          {
            endpoint: '${connection.instance}/services/a360/token',
            request: { parameters: { grant_type: 'cdp', subject_token: '${token.access_token}' } },
          },
          {
            endpoint: `${url}/third`,
            authentication: 'bearer',
            request: { format: 'json', parameters: { product: 'cdp' } },
          },
        ],
      },
    }),
    expect: ({ captured, lab }) => expect(captured).toEqual({ instance: lab.url }),
  },
]);
