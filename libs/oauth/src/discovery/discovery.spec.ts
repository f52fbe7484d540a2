import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { KeywardError } from '@keyward/contracts';
import {
  startHostileAuthorizationServer,
  type HostileAuthorizationServer,
  type MetadataAttack,
  type ResourceAttack,
} from '@keyward/testing/hostile-as';
import { HostileServer } from '@keyward/testing/hostile-server';
import { testWire } from '../../test/discovery-wire.js';
import { discoverResource } from './discover-resource.js';
import { checkServerMetadata } from './server-metadata.js';

const PUBLIC = 'https://mcp.example.com';

let hostile: HostileAuthorizationServer;
let elsewhere: HostileServer;
beforeAll(async () => {
  elsewhere = await HostileServer.start();
  hostile = await startHostileAuthorizationServer();
});
afterAll(() => Promise.all([hostile.stop(), elsewhere.stop()]));
beforeEach(() => {
  elsewhere.requests.length = 0;
  hostile.behaviour = { publicUrl: PUBLIC, redirectTo: `${elsewhere.origin}/metadata` };
});

const wire = () => testWire({ [PUBLIC]: hostile.origin });
const discover = () => discoverResource({ resource: hostile.resource }, wire());
const refusal = async (attempt: Promise<unknown>): Promise<KeywardError> => {
  const thrown = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof KeywardError)) throw new Error('expected a KeywardError', { cause: thrown });
  return thrown;
};

describe('discovery of an honest MCP server', () => {
  it('goes from its challenge to its metadata and on to its authorization server, one origin at a time', async () => {
    const asking = wire();
    expect(await discoverResource({ resource: hostile.resource }, asking)).toEqual({
      resource: `${PUBLIC}/mcp`,
      issuer: PUBLIC,
      scopes: ['notes:read'],
      metadata: expect.objectContaining({ token_endpoint: `${PUBLIC}/token`, scopes_supported: ['notes:read'] }),
    });
    expect(asking.asked.map((url) => new URL(url).pathname)).toEqual([
      '/mcp',
      '/.well-known/oauth-protected-resource/mcp',
      '/.well-known/oauth-authorization-server',
    ]);
  });

  it('asks the MCP server without a credential', async () => {
    await discover();
    expect(hostile.requests.at(-3)).toMatchObject({ method: 'POST', url: '/mcp' });
    expect(hostile.requests.flatMap(({ headers }) => Object.keys(headers))).not.toContain('authorization');
  });
});

describe('where metadata is looked for', () => {
  /** A server that has these documents and no others, and challenges with nothing. */
  const servedBy = async (documents: Record<string, unknown>, resource: string) => {
    const server = await HostileServer.start((request, response) => {
      const document = documents[request.url ?? ''];
      response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(document ?? {}));
    });
    try {
      return await discoverResource({ resource }, testWire({ [PUBLIC]: server.origin }));
    } finally {
      await server.stop();
    }
  };
  const resourceMetadata = { resource: `${PUBLIC}/a/mcp`, authorization_servers: [`${PUBLIC}/tenant`] };
  const metadata = {
    issuer: `${PUBLIC}/tenant`,
    authorization_endpoint: `${PUBLIC}/tenant/authorize`,
    token_endpoint: `${PUBLIC}/tenant/token`,
    code_challenge_methods_supported: ['S256'],
  };

  it.each([
    ['/.well-known/oauth-protected-resource/a/mcp', '/.well-known/oauth-authorization-server/tenant'],
    ['/.well-known/oauth-protected-resource/a/mcp', '/.well-known/openid-configuration/tenant'],
    ['/.well-known/oauth-protected-resource', '/tenant/.well-known/openid-configuration'],
  ])('at %s and %s', async (first, second) => {
    const found = await servedBy({ [first]: resourceMetadata, [second]: metadata }, `${PUBLIC}/a/mcp`);
    expect(found.issuer).toBe(`${PUBLIC}/tenant`);
  });

  it('not at the root for an issuer with a path: another tenant could answer there', async () => {
    const documents = {
      '/.well-known/oauth-protected-resource/a/mcp': resourceMetadata,
      '/.well-known/oauth-authorization-server': metadata,
    };
    await expect(servedBy(documents, `${PUBLIC}/a/mcp`)).rejects.toMatchObject({ code: 'provider_error' });
  });
});

describe('an authorization server of another origin', () => {
  const ISSUER = 'https://login.example.org';
  const resourceServer = () =>
    HostileServer.start((request, response) => {
      response.writeHead(request.method === 'GET' ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ resource: `${PUBLIC}/mcp`, authorization_servers: [ISSUER] }));
    });

  it('is found where the resource names it', async () => {
    const resource = await resourceServer();
    hostile.behaviour = { publicUrl: ISSUER };
    const found = await discoverResource(
      { resource: `${PUBLIC}/mcp` },
      testWire({ [PUBLIC]: resource.origin, [ISSUER]: hostile.origin }),
    );
    await resource.stop();
    expect([found.issuer, found.metadata.token_endpoint]).toEqual([ISSUER, `${ISSUER}/token`]);
  });

  it('is not asked where its name leads to a private address: what the egress gate says stays what it is', async () => {
    const resource = await resourceServer();
    const error = await refusal(discoverResource({ resource: `${PUBLIC}/mcp` }, testWire({ [PUBLIC]: resource.origin })));
    await resource.stop();
    expect(error.code).toBe('egress_denied');
  });
});

describe('poisoned metadata is rejected: of the authorization server', () => {
  it.each<MetadataAttack>([
    'wrong_issuer',
    'http_endpoints',
    'endpoint_at_cloud_metadata',
    'endpoint_at_private_address',
    'endpoint_at_loopback',
    'endpoint_with_user_info',
    'javascript_endpoint',
    'plain_pkce_only',
    'no_pkce',
    'no_token_endpoint',
    'prototype_keys',
    'not_an_object',
    'html',
    'huge',
    'deep',
    'redirect',
  ])('%s', async (metadata) => {
    hostile.behaviour = { ...hostile.behaviour, metadata };
    const error = await refusal(discover());
    expect(error.code).toBe('provider_error');
    expect(inspect(error, { depth: 8 })).not.toMatch(/169\.254|evil\.example|honest\.example|javascript:|<script/);
    expect(elsewhere.requests).toEqual([]);
  });

  it('a server that is down is not one without metadata: it can be tried again', async () => {
    hostile.behaviour = { ...hostile.behaviour, metadata: 'unavailable' };
    expect((await refusal(discover())).code).toBe('provider_unavailable');
  });
});

describe('poisoned metadata is rejected: of the resource', () => {
  it.each<ResourceAttack>([
    'wrong_resource',
    'resource_prefix',
    'no_servers',
    'server_over_http',
    'server_at_cloud_metadata',
    'server_at_loopback',
    'javascript_server',
    'challenge_at_cloud_metadata',
    'challenge_with_javascript',
    'huge',
    'deep',
    'redirect',
  ])('%s', async (resource) => {
    hostile.behaviour = { ...hostile.behaviour, resource };
    const asking = wire();
    expect((await refusal(discoverResource({ resource: hostile.resource }, asking))).code).toBe('provider_error');
    expect(asking.asked.every((url) => url.startsWith(`${PUBLIC}/`))).toBe(true);
    expect(elsewhere.requests).toEqual([]);
  });

  it.each(['http://mcp.example.com/mcp', 'javascript:alert(1)', 'https://a:b@mcp.example.com/', 'mcp'])(
    'a resource that is %s is not asked at all',
    async (resource) => {
      const asking = wire();
      expect((await refusal(discoverResource({ resource }, asking))).code).toBe('invalid_request');
      expect(asking.asked).toEqual([]);
    },
  );
});

describe('metadata documents, fuzzed', () => {
  const key = fc.constantFrom(
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'registration_endpoint',
    'code_challenge_methods_supported',
    'client_id_metadata_document_supported',
    'constructor',
    '__proto__',
  );
  const text = fc.oneof(
    fc.webUrl(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('S256', PUBLIC, '//evil', 'https:\\\\evil', 'http://[::1]/'),
  );
  const document = fc.dictionary(key, fc.oneof(text, fc.array(text), fc.jsonValue()));

  test.prop([document])('are accepted with https endpoints and S256, or refused with a documented error', (json) => {
    const valid = {
      issuer: PUBLIC,
      authorization_endpoint: `${PUBLIC}/a`,
      token_endpoint: `${PUBLIC}/t`,
      code_challenge_methods_supported: ['S256'],
    };
    try {
      const { authorization_endpoint, token_endpoint, code_challenge_methods_supported } = checkServerMetadata(
        { ...valid, ...json },
        new URL(PUBLIC),
      );
      expect([authorization_endpoint, token_endpoint].every((url) => new URL(url).protocol === 'https:')).toBe(true);
      expect(code_challenge_methods_supported).toContain('S256');
    } catch (error) {
      expect(error).toMatchObject({ code: 'provider_error' });
    }
  });
});
