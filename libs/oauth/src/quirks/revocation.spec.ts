import { expect } from '@jest/globals';
import type { FlowResult } from '../../test/quirk-flow.js';
import { quirkTable } from '../../test/quirk-table.js';

const ends = async ({ lab, tokens, revoke }: FlowResult) => {
  await revoke();
  expect(lab.accepts(tokens.accessToken)).toBe(false);
  expect(lab.canRefresh(tokens.refreshToken ?? '')).toBe(false);
};

quirkTable('revocation', [
  {
    row: 'RFC 7009',
    quirks: {},
    declared: (url) => ({ auth: { revocation_endpoint: `${url}/revoke` } }),
    expect: ends,
  },
  {
    row: 'DELETE with the refresh token in the path: hubspot',
    quirks: { revocation: { path: '/refresh-tokens', method: 'DELETE', token: 'path', takes: 'refresh_token', status: 204 } },
    declared: (url) => ({
      revocation: {
        method: 'DELETE',
        endpoint: `${url}/refresh-tokens/\${token.refresh_token}`,
        token: 'refresh_token',
      },
    }),
    // It says which token to have at hand; the request names it itself.
    spare: ['/revocation/token'],
    expect: ends,
  },
  {
    row: 'POST with the token as bearer: intercom, linear',
    quirks: { revocation: { path: '/uninstall', token: 'bearer', headers: { 'x-version': '2.11' } } },
    declared: (url) => ({
      revocation: {
        endpoint: `${url}/uninstall`,
        authentication: 'bearer',
        request: { headers: { 'x-version': '2.11' } },
      },
    }),
    expect: ends,
  },
  {
    row: 'DELETE grant, client by basic, token in JSON: github',
    quirks: {
      revocation: {
        path: '/applications/lab%20client%3A1/grant',
        method: 'DELETE',
        format: 'json',
        token: { parameter: 'access_token' },
        authentication: 'basic',
        status: 204,
      },
    },
    declared: (url) => ({
      revocation: {
        method: 'DELETE',
        endpoint: `${url}/applications/\${client.id}/grant`,
        authentication: 'client_secret_basic',
        request: { format: 'json', parameters: { access_token: '${token.access_token}' } },
        success: [204],
      },
    }),
    expect: ends,
  },
  {
    row: 'GET with parameters of its own names',
    quirks: {
      revocation: {
        path: '/logout',
        method: 'GET',
        token: { parameter: 'tk' },
        exactly: { app: 'lab client:1' },
      },
    },
    declared: (url) => ({
      revocation: {
        method: 'GET',
        endpoint: `${url}/logout`,
        request: { format: 'query', parameters: { tk: '${token.access_token}', app: '${client.id}' } },
      },
    }),
    expect: ends,
  },
]);
