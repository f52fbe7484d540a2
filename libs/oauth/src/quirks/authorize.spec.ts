import { expect } from '@jest/globals';
import { quirkTable } from '../../test/quirk-table.js';

const SCOPES = ['notes:read', 'notes:write'];
const granted = ({ tokens }: { tokens: { scopes: string[] | null } }) => expect(tokens.scopes).toEqual(SCOPES);
const why = 'the server answers invalid_request to code_challenge';

quirkTable('authorization request', [
  {
    row: 'PKCE breaks it: autodesk, apollo, followupboss',
    quirks: { authorize: { pkce: 'refused' } },
    declared: () => ({ auth: { pkce: 'none', pkce_reason: why } }),
  },
  {
    row: 'PKCE plain only',
    quirks: { authorize: { pkce: 'plain' } },
    declared: () => ({ auth: { pkce: 'plain', pkce_reason: 'the server knows no other method' } }),
  },
  {
    row: 'scope separator comma: figma',
    quirks: { authorize: { scopeSeparator: ',' } },
    scopes: SCOPES,
    declared: () => ({ auth: { scopes: { separator: ',' } } }),
    expect: granted,
  },
  {
    row: 'scope separator +: workable',
    quirks: { authorize: { scopeSeparator: '+', rawScope: true } },
    scopes: SCOPES,
    declared: () => ({ auth: { scopes: { separator: '+', encoding: 'raw' } } }),
    expect: granted,
  },
  {
    row: 'scope separator +, percent-encoded',
    quirks: { authorize: { scopeSeparator: '+' } },
    scopes: SCOPES,
    declared: () => ({ auth: { scopes: { separator: '+' } } }),
    expect: granted,
  },
  {
    row: 'scope must not be URL-encoded: pennylane, attio',
    quirks: { authorize: { rawScope: true } },
    scopes: SCOPES,
    declared: () => ({ auth: { scopes: { encoding: 'raw' } } }),
    expect: granted,
  },
  {
    row: 'empty parameters rejected: pipedrive, drchrono',
    quirks: {},
    declared: () => ({}),
    ignored: () => ({ auth: { scopes: { when_empty: 'send' } } }),
  },
  {
    row: 'an empty scope must be sent',
    quirks: { authorize: { emptyScope: true } },
    declared: () => ({ auth: { scopes: { when_empty: 'send' } } }),
  },
  {
    row: 'scope under another name: slack user_scope',
    quirks: { authorize: { names: { scope: 'user_scope' } } },
    scopes: SCOPES,
    declared: () => ({ auth: { scopes: { parameter: 'user_scope' } } }),
    expect: granted,
  },
  {
    row: 'renamed authorize parameters: tiktok client_key',
    quirks: { authorize: { names: { client_id: 'client_key' } } },
    declared: () => ({ auth: { authorization_request: { rename: { client_id: 'client_key' } } } }),
  },
  {
    row: 'renamed authorize parameters: tiktok-ads app_id, shopline appKey',
    quirks: { authorize: { names: { client_id: 'app_id', redirect_uri: 'redirectUri' } } },
    declared: () => ({ auth: { authorization_request: { rename: { client_id: 'app_id', redirect_uri: 'redirectUri' } } } }),
  },
  {
    row: 'no response_type: monday',
    quirks: { authorize: { without: ['response_type'] } },
    declared: () => ({ auth: { authorization_request: { omit: ['response_type'] } } }),
  },
  {
    row: 'authorize URL with a fragment: apollo, shopline',
    quirks: { authorize: { fragment: '/oauth/authorize' } },
    scopes: SCOPES,
    declared: () => ({ auth: { authorization_request: { parameters_in: 'fragment', fragment: '/oauth/authorize' } } }),
    expect: granted,
  },
  {
    row: 'unusual response_type: followupboss auth_code',
    quirks: { authorize: { responseType: 'auth_code' } },
    declared: () => ({ auth: { authorization_request: { response_type: 'auth_code' } } }),
  },
  {
    row: 'unusual response_type: datev code id_token',
    quirks: { authorize: { responseType: 'code id_token' }, callback: { parameters: { id_token: 'e30.e30.x' } } },
    declared: () => ({ auth: { authorization_request: { response_type: 'code id_token' } } }),
  },
  {
    row: 'offline access and forced consent: google access_type, prompt',
    quirks: { authorize: { exactly: { access_type: 'offline', prompt: 'consent' } } },
    declared: () => ({ auth: { authorization_parameters: { access_type: 'offline', prompt: 'consent' } } }),
  },
  {
    row: 'offline access: dropbox token_access_type, reddit duration, trello expiration',
    quirks: { authorize: { exactly: { token_access_type: 'offline', duration: 'permanent', expiration: 'never' } } },
    declared: () => ({
      auth: { authorization_parameters: { token_access_type: 'offline', duration: 'permanent', expiration: 'never' } },
    }),
  },
  {
    row: 'audience parameter: atlassian, lever',
    quirks: { authorize: { exactly: { audience: 'api.odd.example' } } },
    declared: () => ({ auth: { authorization_parameters: { audience: 'api.odd.example' } } }),
  },
  {
    row: 'resource parameter (RFC 8707): MCP servers',
    quirks: (url) => ({ resource: `${url}/mcp` }),
    declared: (url) => ({ auth: { resource: `${url}/mcp` } }),
    expect: async ({ lab, renew }) => expect(lab.accepts((await renew()).accessToken)).toBe(true),
  },
  {
    row: 'user-supplied host: gitlab self-hosted, zendesk subdomain, salesforce sandbox',
    quirks: { token: { path: '/acme/token' } },
    entered: (url) => ({ server: url, workspace: 'acme' }),
    declared: () => ({
      connection_parameters: {
        // The lab is at 127.0.0.1.
        server: { title: 'Server', type: 'origin', host_suffixes: ['.0.0.1'] },
        workspace: { title: 'Workspace', type: 'label' },
      },
      auth: {
        issuer: '${connection.server}',
        authorization_endpoint: '${connection.server}/authorize',
        token_endpoint: '${connection.server}/${connection.workspace}/token',
      },
    }),
    // In this lab the defaults of the flow name the same server.
    spare: ['/auth/issuer', '/auth/authorization_endpoint'],
  },
]);
