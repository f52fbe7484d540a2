import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startHostileAuthorizationServer,
  type HostileAuthorizationServer,
  type RegistrationAttack,
} from '@keyward/testing/hostile-as';
import { HostileServer } from '@keyward/testing/hostile-server';
import { testWire } from '../../test/discovery-wire.js';
import { grantProvider } from '../../test/strict-server.js';
import { discoverResource, type Discovered } from '../discovery/discover-resource.js';
import { discoveredProvider } from '../discovery/discovered-provider.js';
import { clientMetadataDocument } from './client-metadata.js';
import { registerClient, type RegisterClientRequest } from './register-client.js';

const PUBLIC = 'https://mcp.example.com';
const OURS = 'https://auth.keyward.example/oauth/clients/ctx-1';
const description = { clientName: 'Keyward', redirectUri: 'https://auth.keyward.example/oauth/callback/ctx-1' };

let hostile: HostileAuthorizationServer;
let elsewhere: HostileServer;
beforeAll(async () => {
  elsewhere = await HostileServer.start();
  hostile = await startHostileAuthorizationServer();
});
afterAll(() => Promise.all([hostile.stop(), elsewhere.stop()]));
beforeEach(() => {
  hostile.behaviour = { publicUrl: PUBLIC, redirectTo: elsewhere.origin };
});

const manifest = (auth: Record<string, unknown> = {}) =>
  grantProvider(PUBLIC, { kind: 'mcp_oauth2', resource: `${PUBLIC}/mcp`, ...auth });
const wire = () => testWire({ [PUBLIC]: hostile.origin });
const discover = () => discoverResource({ resource: `${PUBLIC}/mcp` }, wire());
const registrations = () => hostile.requests.filter(({ url }) => url === '/register').length;

async function register(more: Partial<RegisterClientRequest> = {}, metadata: Partial<Discovered['metadata']> = {}) {
  const found = await discover();
  const discovered = { ...found, metadata: { ...found.metadata, ...metadata } };
  return registerClient({ manifest: manifest(), discovered, ...description, ...more }, wire());
}

describe('the order of registration', () => {
  const preRegistered = [{ issuer: PUBLIC, client: { clientId: 'by-hand', clientSecret: 's' } }];
  const documents = { client_id_metadata_document_supported: true };

  it('is pre-registered first, and then nothing is asked of the server', async () => {
    const before = registrations();
    const result = await register({ preRegistered, clientMetadataUrl: OURS }, documents);
    expect(result).toMatchObject({ registration: 'pre_registered', client: { clientId: 'by-hand' }, issuer: PUBLIC });
    expect(registrations()).toBe(before);
  });

  it('quirk: client id metadata document, where the server reads it', async () => {
    const before = registrations();
    const result = await register({ clientMetadataUrl: OURS }, documents);
    expect(result).toMatchObject({ registration: 'client_id_metadata_document', client: { clientId: OURS } });
    expect(result.client).not.toHaveProperty('clientSecret');
    expect(registrations()).toBe(before);
  });

  it('quirk: dynamic registration, where nothing else is possible', async () => {
    const result = await register({ clientMetadataUrl: OURS });
    expect(result).toMatchObject({
      registration: 'dynamic',
      client: { clientId: expect.stringMatching(/^client-/), clientSecret: 'registered-secret' },
    });
    expect(JSON.parse(hostile.requests.at(-1)?.body ?? '')).toEqual({
      client_name: 'Keyward',
      redirect_uris: [description.redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
    });
  });

  it('asks a person where there is no way at all, or the manifest allows none of them', async () => {
    const before = registrations();
    const byHand = { code: 'invalid_request', message: expect.stringContaining('client id and secret') };
    await expect(register({}, { registration_endpoint: undefined })).rejects.toMatchObject(byHand);
    await expect(register({ manifest: manifest({ registration: ['pre_registered'] }) })).rejects.toMatchObject(byHand);
    expect(registrations()).toBe(before);
  });

  it.each(['http://127.0.0.1:7000/client', 'https://auth.keyward.example', 'https://auth.keyward.example/c?x=1', 'javascript:1'])(
    'never gives %s as client id',
    async (clientMetadataUrl) => {
      expect((await register({ clientMetadataUrl }, documents)).registration).toBe('dynamic');
    },
  );
});

describe('credentials are keyed by issuer', () => {
  it('those entered for another issuer are not used at this one', async () => {
    const preRegistered = [{ issuer: 'https://honest.example.com', client: { clientId: 'by-hand', clientSecret: 'canary' } }];
    expect((await register({ preRegistered })).registration).toBe('dynamic');
    expect(inspect(hostile.requests, { depth: 6 })).not.toContain('canary');
  });

  it('a client id that another server gave out before is this server’s all the same', async () => {
    hostile.behaviour = { ...hostile.behaviour, registration: 'duplicate', clientId: 'client-at-honest' };
    const result = await register();
    expect([result.client.clientId, result.issuer]).toEqual(['client-at-honest', PUBLIC]);
    const { auth } = discoveredProvider(manifest(), result.metadata);
    expect(auth).toMatchObject({ issuer: PUBLIC, token_endpoint: `${PUBLIC}/token` });
  });
});

describe('a poisoned registration is refused', () => {
  it.each<RegistrationAttack>([
    'other_redirect_uri',
    'no_secret',
    'unknown_method',
    'control_characters',
    'html',
    'huge',
    'redirect',
  ])('%s', async (registration) => {
    hostile.behaviour = { ...hostile.behaviour, registration };
    const thrown: unknown = await register().catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'provider_error' });
    expect(inspect(thrown, { depth: 8 })).not.toMatch(/<img|<script|registered-secret|evil\.example/);
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('the discovered provider', () => {
  it('is an ordinary code flow with S256, the resource in every request and iss demanded as announced', async () => {
    const { metadata } = await register();
    const provider = discoveredProvider(manifest({ scopes: { descriptions: { 'notes:read': 'Read' } } }), metadata);
    expect(provider.auth).toMatchObject({
      kind: 'oauth2_authorization_code',
      issuer: PUBLIC,
      authorization_response_iss_parameter_supported: true,
      authorization_endpoint: `${PUBLIC}/authorize`,
      token_endpoint_auth_method: 'client_secret_basic',
      revocation_endpoint: `${PUBLIC}/revoke`,
      resource: `${PUBLIC}/mcp`,
      pkce: 'S256',
      scopes: { default: ['notes:read'], descriptions: { 'notes:read': 'Read' } },
    });
    expect(provider.origins).toEqual([PUBLIC]);
  });

  it('authenticates as the registration says, also when it is read back from where it was stored', async () => {
    const stored = async (more: Partial<RegisterClientRequest>, metadata: Partial<Discovered['metadata']> = {}) => {
      const registered = await register(more, metadata);
      const provider = discoveredProvider(manifest(), JSON.parse(JSON.stringify(registered.metadata)));
      return 'token_endpoint_auth_method' in provider.auth ? provider.auth.token_endpoint_auth_method : undefined;
    };
    const byHand = (client: { clientId: string; clientSecret?: string }) => ({ preRegistered: [{ issuer: PUBLIC, client }] });
    expect(await stored({}, { token_endpoint_auth_methods_supported: ['none'] })).toBe('none');
    expect(await stored({}, { token_endpoint_auth_methods_supported: ['client_secret_post', 'none'] })).toBe(
      'client_secret_post',
    );
    expect(await stored(byHand({ clientId: 'a' }))).toBe('none');
    expect(await stored(byHand({ clientId: 'a', clientSecret: 'b' }))).toBe('client_secret_basic');
  });

  it('is refused where what was stored would no longer be accepted', async () => {
    const { metadata } = await register();
    const poisoned = { ...metadata, token_endpoint: 'http://127.0.0.1:1/' };
    expect(() => discoveredProvider(manifest(), poisoned)).toThrow(expect.objectContaining({ code: 'provider_error' }));
  });
});

it('our client id metadata document names itself, one redirect URI, and no secret', () => {
  expect(clientMetadataDocument(OURS, description)).toEqual({
    client_id: OURS,
    client_name: 'Keyward',
    redirect_uris: [description.redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'web',
    token_endpoint_auth_method: 'none',
  });
});
