/** A connector with one tool of each kind that the retry and idempotency rules tell apart. */
export const CONNECTOR = `name: acme
title: Acme
variables: { url: where Acme listens }
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: \${url}/auth
  token_endpoint: \${url}/token
  scopes: { default: [openid] }
refresh: { rotates: true }
connection_parameters:
  subdomain: { title: Subdomain, type: label, required: false }
  region: { title: Region, type: label, required: false, source: { token_response: /region } }
base_url: \${url}/api
origins: ['\${url}']
limits: { max_attempts: 3 }
`;

const tool = (name: string, effect: string, scope: string, request: string, more = '') => `
- name: ${name}
  title: ${name}
  description: A tool of the tests.
  effect: ${effect}
  scopes: [${scope}]
  input: { type: object, properties: { id: { type: string, maxLength: 64 } }, required: [id] }
  request: ${request}
${more}`;

export const TOOLS = [
  tool('acme_get', 'read', 'things:read', "{ method: GET, path: '/things/{id}' }"),
  tool('acme_create', 'write', 'things:write', '{ method: POST, path: /things, body: { id: $.id } }'),
  tool(
    'acme_put',
    'write',
    'things:write',
    "{ method: PUT, path: '/things/{id}' }",
    '  idempotency: { header: Idempotency-Key }\n',
  ),
  tool(
    'acme_order',
    'write',
    'things:write',
    '{ method: POST, path: /orders, body: { id: $.id, reference: $key } }',
    "  idempotency: { probe: { request: { method: GET, path: /orders, query: { reference: $key } }, found: 'orders[0]' } }\n",
  ),
  tool('acme_wipe', 'destructive', 'things:write', "{ method: DELETE, path: '/things/{id}' }"),
].join('');
