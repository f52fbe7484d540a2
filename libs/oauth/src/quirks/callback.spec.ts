import { expect } from '@jest/globals';
import { quirkTable } from '../../test/quirk-table.js';

const identifier = (source: Record<string, string>) => ({ title: 'Tenant', type: 'identifier', source });

quirkTable('redirect back', [
  {
    row: 'code under another name: amazon-selling-partner spapi_oauth_code',
    quirks: { callback: { codeParameter: 'spapi_oauth_code' } },
    declared: () => ({ auth: { callback: { code_parameter: 'spapi_oauth_code' } } }),
  },
  {
    row: 'code arrives by webhook: sentry',
    quirks: {
      callback: {
        webhook: {
          correlation: 'installationId',
          header: 'sentry-hook-signature',
          body: ({ code, correlation }) => ({ data: { installation: { code, uuid: correlation } } }),
        },
      },
    },
    declared: () => ({
      auth: {
        callback: {
          webhook: {
            code: '/data/installation/code',
            correlation: { body: '/data/installation/uuid', callback: 'installationId' },
            signature: { header: 'Sentry-Hook-Signature' },
          },
        },
      },
    }),
  },
  {
    row: 'tenant id in the callback: quickbooks realmId, clover merchant_id',
    quirks: { callback: { parameters: { realmId: '9341453' } } },
    declared: () => ({ connection_parameters: { realm: identifier({ callback: 'realmId' }) } }),
    expect: ({ captured }) => expect(captured).toEqual({ realm: '9341453' }),
  },
  {
    row: 'server of the tenant in the callback: zoho accounts-server',
    quirks: (url) => ({ callback: { parameters: { 'accounts-server': url } }, token: { path: '/of-the-tenant/token' } }),
    declared: () => ({
      auth: { token_endpoint: '${connection.accounts}/of-the-tenant/token' },
      // The lab is at 127.0.0.1.
      connection_parameters: {
        accounts: { title: 'Server', type: 'origin', host_suffixes: ['.0.0.1'], source: { callback: 'accounts-server' } },
      },
    }),
    expect: ({ captured, lab }) => expect(captured).toEqual({ accounts: lab.url }),
  },
]);
