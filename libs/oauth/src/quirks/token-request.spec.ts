import { generateKeyPairSync } from 'node:crypto';
import { quirkTable } from '../../test/quirk-table.js';

const pem = { type: 'pkcs8', format: 'pem' } as const;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');

quirkTable('token request', [
  {
    row: 'client authentication basic: adyen',
    quirks: { token: { authentication: 'basic' } },
    declared: () => ({ auth: { token_endpoint_auth_method: 'client_secret_basic' } }),
    ignored: () => ({ auth: { token_endpoint_auth_method: 'client_secret_post' } }),
    spare: ['/auth/token_endpoint_auth_method'],
  },
  {
    row: 'client authentication post',
    quirks: { token: { authentication: 'post' } },
    declared: () => ({ auth: { token_endpoint_auth_method: 'client_secret_post' } }),
  },
  {
    row: 'client authentication none',
    quirks: { token: { authentication: 'none' } },
    declared: () => ({ auth: { token_endpoint_auth_method: 'none' } }),
  },
  {
    row: 'client authentication private_key_jwt, audience = issuer: okta',
    quirks: (url) => ({ token: { authentication: { key: rsa.publicKey, algorithm: 'RS256', audience: url } } }),
    client: { privateKey: rsa.privateKey.export(pem).toString() },
    declared: () => ({ auth: { token_endpoint_auth_method: 'private_key_jwt' } }),
  },
  {
    row: 'private_key_jwt by ES256',
    quirks: (url) => ({ token: { authentication: { key: ec.publicKey, algorithm: 'ES256', audience: url } } }),
    client: { privateKey: ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString() },
    declared: () => ({ auth: { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' } }),
  },
  {
    row: 'private_key_jwt by EdDSA',
    quirks: (url) => ({ token: { authentication: { key: ed.publicKey, algorithm: 'EdDSA', audience: url } } }),
    client: { privateKey: ed.privateKey.export(pem).toString() },
    declared: () => ({ auth: { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'EdDSA' } }),
  },
  {
    row: 'signed token request, client assertion with its own claims: revolut',
    quirks: {
      token: {
        authentication: {
          key: rsa.publicKey,
          algorithm: 'PS256',
          audience: 'https://odd.example',
          claims: { iss: 'keyward.example' },
        },
      },
    },
    client: { privateKey: rsa.privateKey.export(pem).toString(), parameters: { domain: 'keyward.example' } },
    declared: () => ({
      app_parameters: { domain: { title: 'Domain', type: 'hostname' } },
      auth: {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'PS256',
        token_endpoint_client_assertion: { claims: { iss: '${app.domain}', aud: 'https://odd.example' } },
      },
    }),
  },
  {
    row: 'signed token request, HMAC over body and timestamp: shopline',
    quirks: {
      token: {
        format: 'json',
        headers: { appkey: 'lab client:1' },
        signature: {
          header: 'sign',
          timestampHeader: 'timestamp',
          encoding: 'hex',
          text: ({ body, timestamp }) => body + timestamp,
        },
      },
    },
    declared: () => ({
      auth: {
        token_request: {
          format: 'json',
          headers: { appkey: '${client.id}' },
          signature: { over: 'body_and_timestamp', header: 'sign', timestamp_header: 'timestamp' },
        },
      },
    }),
  },
  {
    row: 'signed token request, HMAC over timestamp and body',
    quirks: {
      token: {
        signature: {
          header: 'x-sign',
          timestampHeader: 'x-time',
          encoding: 'base64',
          text: ({ body, timestamp }) => timestamp + body,
        },
      },
    },
    declared: () => ({
      auth: {
        token_request: {
          signature: { over: 'timestamp_and_body', encoding: 'base64', header: 'X-Sign', timestamp_header: 'X-Time' },
        },
      },
    }),
  },
  {
    row: 'signed token request, HMAC over the body',
    quirks: { token: { signature: { header: 'x-sign', encoding: 'hex', text: ({ body }) => body } } },
    declared: () => ({ auth: { token_request: { signature: { over: 'body', header: 'x-sign' } } } }),
  },
  {
    row: 'signed token request, HMAC over the sorted parameters',
    quirks: {
      token: {
        method: 'GET',
        signature: {
          header: 'x-sign',
          encoding: 'hex',
          text: ({ parameters }) =>
            ['code', 'code_verifier', 'grant_type', 'redirect_uri'].map((name) => `${name}=${parameters.get(name)}`).join('&'),
        },
      },
    },
    declared: () => ({ auth: { token_request: { method: 'GET', signature: { over: 'sorted_parameters', header: 'x-sign' } } } }),
  },
  {
    row: 'token request body JSON: auth0',
    quirks: { token: { format: 'json', authentication: 'post' } },
    declared: () => ({ auth: { token_endpoint_auth_method: 'client_secret_post', token_request: { format: 'json' } } }),
  },
  {
    row: 'token request body XML: sage-intacct',
    quirks: { token: { format: 'xml', xmlRoot: 'tokenRequest', authentication: 'post' } },
    declared: () => ({
      auth: { token_endpoint_auth_method: 'client_secret_post', token_request: { format: 'xml', xml_root: 'tokenRequest' } },
    }),
  },
  {
    row: 'token request parameters in the query',
    quirks: { token: { format: 'query' } },
    declared: () => ({ auth: { token_request: { format: 'query' } } }),
  },
  {
    row: 'GET token endpoint: setmore',
    quirks: { token: { method: 'GET' } },
    declared: () => ({ auth: { token_request: { method: 'GET' } } }),
  },
  {
    row: 'renamed and omitted token parameters: tiktok client_key, tiktok-ads auth_code',
    quirks: {
      token: {
        format: 'json',
        authentication: 'post',
        names: { code: 'auth_code' },
        without: ['grant_type', 'redirect_uri'],
      },
    },
    declared: () => ({
      auth: {
        token_endpoint_auth_method: 'client_secret_post',
        token_request: { format: 'json', rename: { code: 'auth_code' }, omit: ['grant_type', 'redirect_uri'] },
      },
    }),
  },
  {
    row: 'credentials of the client under other names: app_id, secret',
    quirks: { token: { authentication: 'post', names: { client_id: 'app_id', client_secret: 'secret' } } },
    declared: () => ({
      auth: {
        token_endpoint_auth_method: 'client_secret_post',
        token_request: { rename: { client_id: 'app_id', client_secret: 'secret' } },
      },
    }),
  },
  {
    row: 'expiry must be asked for: zendesk expires_in, shopify expiring',
    quirks: { token: { exactly: { expires_in: '1800', expiring: '1' } } },
    declared: () => ({ auth: { token_request: { parameters: { expires_in: '1800', expiring: '1' } } } }),
  },
  {
    row: 'required User-Agent on token requests: reddit, basecamp',
    quirks: { token: { headers: { 'user-agent': 'keyward/0.1 (lab client:1)' } } },
    declared: () => ({ auth: { token_request: { headers: { 'User-Agent': 'keyward/0.1 (${client.id})' } } } }),
  },
]);
